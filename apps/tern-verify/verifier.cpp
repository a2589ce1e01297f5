#include "verifier.hpp"

#include <algorithm>
#include <array>

namespace tern::verify {
namespace {

std::string name_of(const TicketFold& ticket, const TicketId& id) {
  return ticket.state().number.empty() ? to_uuid_text(id.view()) : ticket.state().number;
}

}  // namespace

const Verifier::Kind* Verifier::find_kind(std::string_view name) {
  static constexpr std::array kinds = {
      Kind{"export", Stage::header, &Verifier::take_header},
      Kind{"root", Stage::root, &Verifier::take_root},
      Kind{"key_list", Stage::key_list, &Verifier::take_key_list},
      Kind{"epoch", Stage::epoch, &Verifier::take_epoch},
      Kind{"withdrawal", Stage::withdrawal, &Verifier::take_withdrawal},
      Kind{"erasure", Stage::erasure, &Verifier::take_erasure},
      Kind{"device", Stage::device, &Verifier::take_device},
      Kind{"anchor", Stage::ledger, &Verifier::take_anchor},
      Kind{"set", Stage::ledger, &Verifier::take_set},
      Kind{"amendment", Stage::ledger, &Verifier::take_amendment},
      Kind{"ticket", Stage::ticket, &Verifier::take_ticket},
      Kind{"message", Stage::ticket, &Verifier::take_message},
      Kind{"record", Stage::record, &Verifier::take_record},
      Kind{"end", Stage::end, &Verifier::take_end},
  };
  const auto found = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& kind) { return kind.name == name; });
  return found == kinds.end() ? nullptr : &*found;
}

Result<void> Verifier::take(std::string_view line) {
  lines_before_ = lines_.lines();
  sum_before_ = lines_.sum();
  const auto named = [this](const Error& error) -> Result<void> {
    const bool judged = error.code != ErrorCode::upgrade_required;
    return fail(judged ? ErrorCode::verification_failed : error.code,
                fmt::format("line {}: {}", lines_before_ + 1, error.message), error.hint);
  };
  const auto parsed = lines_.open(line);
  if (!parsed) return named(parsed.error());
  if (auto taken = take_parsed(*parsed); !taken) {
    // Only the format's own version leaves the question open.
    if (stage_ != Stage::nothing) taken.error().code = ErrorCode::verification_failed;
    return named(taken.error());
  }
  return {};
}

Result<void> Verifier::take_parsed(const Json& line) {
  const Kind* kind = find_kind(line["kind"].as_string());
  if (kind == nullptr) return wrong("its kind is not known");
  if (stage_ == Stage::end) return wrong("it stands behind the end");
  if (stage_ == Stage::nothing && kind->stage != Stage::header) return wrong("no export begins like this");
  if (kind->stage < stage_ || (kind->stage == Stage::header && stage_ != Stage::nothing))
    return wrong("a line of kind \"{}\" has no place here", kind->name);
  if (stage_ < Stage::ledger && kind->stage >= Stage::ledger) TERN_CHECKED(trust_.complete());
  if (stage_ <= Stage::ledger && kind->stage > Stage::ledger) TERN_CHECKED(ledger_.finish());
  if (stage_ <= Stage::ticket && kind->stage > Stage::ticket) TERN_CHECKED(end_tickets());
  TERN_CHECKED((this->*kind->take)(line));
  stage_ = kind->stage;
  return {};
}

// ---- states ----

Result<void> Verifier::take_ticket(const Json& line) {
  TERN_CHECKED(end_ticket());
  TERN_TRY(const TicketId id, id_of<TicketId>(line, "ticket"));
  TERN_TRY(const Bytes state, bytes_of(line, "state"));
  const auto found = ledger_.tickets().find(id);
  if (found == ledger_.tickets().end() || !found->second->made())
    return wrong("ticket {}: no change of the ledger made it", to_uuid_text(id.view()));
  const TicketFold& ticket = *found->second;
  if (!tickets_seen_.insert(id).second) return wrong("ticket {} stands there twice", name_of(ticket, id));
  if (sync::encode_state(ticket.state()) != state)
    return wrong("ticket {}: its state is not the fold of its changes", name_of(ticket, id));
  ticket_ = id;
  messages_due_.clear();
  for (const auto& [ref, message] : ticket.messages()) messages_due_.emplace(ref, sync::encode_message(message));
  report_.tickets.push_back({id, ticket.state().integer_id, ticket.state().number, ticket.state().aliases,
                             ticket.changes, ticket.erased, ticket.authors.size(), ticket.devices.size()});
  return {};
}

Result<void> Verifier::take_message(const Json& line) {
  if (ticket_.is_zero()) return wrong("a message stands before its ticket");
  TERN_TRY(const Bytes wire, bytes_of(line, "wire"));
  const std::string ticket = name_of(*ledger_.tickets().at(ticket_), ticket_);
  const auto message = sync::decode_message(wire);
  if (!message) return wrong_in("ticket " + ticket + ": a message", message.error());
  const auto due = messages_due_.find(message->stamp.ref());
  if (due == messages_due_.end() || due->second != wire)
    return wrong("ticket {}: message {} is not the one of the ledger", ticket, to_hex(message->stamp.change));
  messages_due_.erase(due);
  return {};
}

Result<void> Verifier::end_ticket() {
  if (messages_due_.empty()) return {};
  return wrong("ticket {}: message {} is missing", name_of(*ledger_.tickets().at(ticket_), ticket_),
               to_hex(messages_due_.begin()->first.id));
}

Result<void> Verifier::end_tickets() {
  TERN_CHECKED(end_ticket());
  for (const auto& [id, ticket] : ledger_.tickets())
    if (ticket->made() && !tickets_seen_.contains(id)) return wrong("ticket {} is missing", name_of(*ticket, id));
  return {};
}

Result<void> Verifier::take_record(const Json& line) {
  TERN_TRY(const Bytes wire, bytes_of(line, "wire"));
  const auto record = sync::decode_record(wire);
  if (!record) return wrong_in("a record", record.error());
  const std::pair key{static_cast<std::uint8_t>(record->kind), record->id};
  const std::string name = fmt::format("{} {}", sync::to_string(record->kind), to_uuid_text(record->id.view()));
  if (!records_seen_.insert(key).second) return wrong("{} stands there twice", name);
  const auto due = ledger_.records().find(key);
  if (due != ledger_.records().end() && due->second == wire) return {};
  return wrong("{} is not as the ledger's newest entry of it says", name);
}

// ---- the end ----

Result<void> Verifier::take_end(const Json& line) {
  for (const auto& [key, record] : ledger_.records())
    if (!records_seen_.contains(key))
      return wrong("{} {} is missing", sync::to_string(static_cast<sync::RecordKind>(key.first)),
                   to_uuid_text(key.second.view()));
  TERN_TRY(const Bytes wire, bytes_of(line, "wire"));
  const auto end = trust_.open_logged<protocol::LedgerExportEnd>(
      wire, +[](const protocol::LedgerExportEnd& said) { return said.head.size; });
  if (!end) return wrong_in("the closing statement", end.error());
  const protocol::LogHead head{trust_.epoch(), ledger_.log().size(), ledger_.log().root()};
  if (end->tenant != trust_.tenant() || end->head != head) return wrong("the closing statement is of another log");
  if (end->lines != lines_before_ || end->sum != sum_before_)
    return wrong("the lines are not those that the server closed the export over");
  report_.head = head;
  report_.time_ms = end->time_ms;
  return {};
}

Result<Report> Verifier::finish() {
  if (stage_ != Stage::end)
    return fail(ErrorCode::verification_failed,
                fmt::format("the export ends after line {} without its closing statement", lines_.lines()),
                "it was cut, or is no ledger export");
  report_.tenant = trust_.tenant();
  report_.root = trust_.root();
  report_.changes = ledger_.changes();
  report_.erased = ledger_.erased();
  report_.authors = ledger_.authors();
  report_.devices = ledger_.devices();
  return std::move(report_);
}

}  // namespace tern::verify
