// What belongs to a ticket: who watches it, other tickets, time, messages that become a ticket of their own.
#include <algorithm>

#include "admin/record_writer.hpp"
#include "api/actions.hpp"
#include "api/ticket_content.hpp"
#include "api/ticket_writer.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::server::actions {
namespace {

using sync::Intent;
using sync::RecordKind;

Result<Json> change_link(AdminCall& call, Intent intent) {
  const auto kind = sync::link_kind_from_name(call.has("kind") ? call.text("kind") : "related");
  check(kind.has_value(), "the registry lists the kinds of links");
  const std::int64_t other = call.integer("target_id", 0);
  if (other == call.integer("ticket_id", 0))
    return fail(ErrorCode::invalid, "A ticket is linked to another one.", "", "target_id");
  return change_ticket(call, [&](const sync::TicketState& state) -> Result<void> {
    TERN_TRY(auto reader, call.tenant().reader());
    TicketView view(call.tenant(), reader.db(), call.caller());
    const auto target = view.find(other);
    if (!target) return fail(target.error().code, target.error().message, "", "target_id");
    ServerChange change = change_by(call.caller(), intent, state.id);
    change.change.target = Bytes(target->state.id.view());
    change.change.kind = static_cast<std::uint32_t>(*kind);
    const auto links = sync::elements_of(state, sync::FieldId::links);
    const bool there = std::ranges::find(links, sync::element_of(change.change, call.caller().acting())) != links.end();
    if (there == (intent == Intent::link)) return {};
    return commit_changes(call, {std::move(change)}, &state);
  });
}

/// An operator by id, or a contact. Who watches and is removed can be taken off.
Result<sync::Record> watcher_named(const AdminCall& call, Intent intent) {
  if (call.has("operator_id") == call.has("contact"))
    return fail(ErrorCode::invalid, "Either an operator or a contact watches.", "", "operator_id");
  if (call.has("contact")) return find_contact(call.tenant(), call.text("contact"), "contact");
  const std::int64_t wanted = call.integer("operator_id", 0);
  if (intent == Intent::unwatch)
    for (sync::Record& record : call.tenant().records(RecordKind::operator_))
      if (record.integer_id == static_cast<std::uint64_t>(wanted)) return std::move(record);
  auto found = find_assignee(call.tenant(), wanted);
  if (!found) found.error().field = "operator_id";
  return found;
}

Result<Json> change_watcher(AdminCall& call, Intent intent) {
  return change_ticket(call, [&](const sync::TicketState& state) -> Result<void> {
    TERN_TRY(const sync::Record who, watcher_named(call, intent));
    if (is_watched_by(state, who) == (intent == Intent::watch)) return {};
    return commit_changes(call, {watching(call.caller(), intent, state.id, who)}, &state);
  });
}

/// Of the ticket itself: neither its description nor what another ticket shows there.
Result<std::vector<sync::ChangeRef>> messages_named(const AdminCall& call, TicketView& view, const TicketId& ticket) {
  std::vector<sync::ChangeRef> out;
  for (const Json& id : call.list("message_ids")) {
    const auto named = view.find_message(id.as_integer());
    if (!named) return fail(named.error().code, named.error().message, "", "message_ids");
    if (!named->message || named->message->ticket != ticket)
      return fail(ErrorCode::invalid,
                  "The message " + std::to_string(id.as_integer()) + " is no message of the ticket.",
                  "Its description stays with it.", "message_ids");
    const sync::ChangeRef ref = named->message->message.stamp.ref();
    if (std::ranges::find(out, ref) == out.end()) out.push_back(ref);
  }
  return out;
}

}  // namespace

Result<Json> split_ticket(AdminCall& call) {
  return make_ticket(call, [&](NewTicket& made) -> Result<void> {
    TERN_TRY(auto reader, call.tenant().reader());
    TicketView view(call.tenant(), reader.db(), call.caller());
    TERN_TRY(const FoundTicket source, view.find(call.integer("ticket_id", 0)));
    TERN_CHECKED(add_content(call, made));
    sync::take_over_customer(source.state, made.create);
    ServerChange split = change_by(call.caller(), Intent::split, source.state.id);
    TERN_TRY(split.change.targets, messages_named(call, view, source.state.id));
    split.change.target = Bytes(made.create.ticket.view());
    split.change.kind = call.flag("inherit_clock") ? 1 : 0;
    if (call.has("reason")) split.change.reason = call.text("reason");
    TERN_CHECKED(check_change(call, split, &source.state));
    made.then.insert(made.then.begin(), std::move(split));
    made.beside = [](sqlite::Database&) {
      return Result<void>{};
    };  // of messages that are given away already: no ticket
    return {};
  });
}

Result<Json> link_tickets(AdminCall& call) {
  return change_link(call, Intent::link);
}

Result<Json> unlink_tickets(AdminCall& call) {
  return change_link(call, Intent::unlink);
}

Result<Json> log_time(AdminCall& call) {
  const std::int64_t minutes = call.integer("minutes", 0);
  if (minutes < 1 || minutes > limits::minutes_per_entry_max)
    return fail(ErrorCode::invalid, "minutes is not between 1 and what a ticket takes.", "", "minutes");
  const auto kind = sync::time_entry_kind_from_name(call.has("kind") ? call.text("kind") : "work");
  check(kind.has_value(), "the registry lists the kinds of time");
  return change_ticket(call, [&](const sync::TicketState& state) -> Result<void> {
    ServerChange change = change_by(call.caller(), Intent::log_time, state.id);
    change.change.number = minutes;
    change.change.kind = static_cast<std::uint32_t>(*kind);
    if (call.has("note")) change.change.text = call.text("note");
    return commit_changes(call, {std::move(change)}, &state);
  });
}

Result<Json> add_ticket_watcher(AdminCall& call) {
  return change_watcher(call, Intent::watch);
}

Result<Json> remove_ticket_watcher(AdminCall& call) {
  return change_watcher(call, Intent::unwatch);
}

}  // namespace tern::server::actions
