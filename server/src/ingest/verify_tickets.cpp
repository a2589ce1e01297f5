// Tickets folded from zero, against their rows: state, columns, names, interests, messages, standings, SLA clocks.
#include <algorithm>

#include "ticket_columns.hpp"
#include "verify_parts.hpp"
#include "verify_sla.hpp"

namespace tern::server {
namespace {

using Verdict = sync::Admission::Verdict;

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : ", ") + word;
  return all;
}

/// What the ledger says that messages were numbered; of older versions it says nothing.
using MessageIds = std::map<sync::ChangeRef, std::uint64_t>;
MessageIds message_ids(const Refolded& zero) {
  MessageIds ids;
  for (const sync::PlacedChange& placed : zero.changes)
    if (placed.admission.message_id != 0) ids[placed.change.ref] = placed.admission.message_id;
  return ids;
}

/// Gives those that are there, by the id of their row.
using NumberedMessages = std::vector<std::pair<std::uint64_t, const sync::Message*>>;
Result<NumberedMessages> check_messages(VerifyRun& run, const TicketId& id, const std::vector<sync::Message>& due,
                                        const MessageIds& ids) {
  NumberedMessages there;
  std::map<sync::ChangeRef, const sync::Message*> left;
  for (const sync::Message& message : due) left[message.stamp.ref()] = &message;
  TERN_TRY(auto rows, run.db.query("SELECT device_id, change_id, data, version, visibility, integer_id FROM message "
                                   "WHERE tenant_id = $1 AND ticket_id = $2",
                                   run.number, id));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    const sync::ChangeRef ref{rows.id<DeviceId>(0), rows.id<ChangeId>(1)};
    const auto found = left.find(ref);
    if (found == left.end() || sync::encode_message(*found->second) != rows.blob(2)) {
      run.find("ticket {}: message {} is not the one of the ledger", to_hex(id), to_hex(ref.id));
    } else if (rows.uint64(3) < found->second->version || rows.uint64(3) > run.last_commit ||
               rows.int64(4) != static_cast<std::int64_t>(found->second->visibility)) {
      run.find("ticket {}: the columns of message {} are not those of its content", to_hex(id), to_hex(ref.id));
    }
    const auto numbered = ids.find(ref);
    if (rows.uint64(5) == 0 || (numbered != ids.end() && numbered->second != rows.uint64(5)))
      run.find("ticket {}: the id of message {} is not the one of the ledger", to_hex(id), to_hex(ref.id));
    run.highest_message_id = std::max(run.highest_message_id, rows.uint64(5));
    if (found == left.end()) continue;
    there.emplace_back(rows.uint64(5), found->second);
    left.erase(found);
  }
  if (!left.empty()) run.find("ticket {}: {} messages are missing", to_hex(id), left.size());
  return there;
}

Result<void> check_standings(VerifyRun& run, const TicketId& id, const Refolded& zero) {
  for (std::size_t i = 0; i < zero.changes.size(); ++i) {
    const sync::ChangeRef& ref = zero.changes[i].change.ref;
    TERN_TRY(const auto standing, run.db.int64_of("SELECT standing FROM change WHERE tenant_id = $1 AND device_id = $2 "
                                                  "AND change_id = $3",
                                                  run.number, ref.device, ref.id));
    if (standing.value_or(0) != static_cast<std::int64_t>(zero.fold.standings[i].outcome))
      run.find("ticket {}: change {} does not stand as the fold says", to_hex(id), to_hex(ref.id));
  }
  return {};
}

/// Watchers, pins and custody as rows of their own.
Result<void> check_interests(VerifyRun& run, const TicketId& id, const ScopeFacts& facts) {
  std::set<std::tuple<OperatorId, std::int64_t, std::uint64_t>> left;
  for (const OperatorId& who : facts.followers) left.insert({who, interest_follows, 0});
  for (const auto& [who, seq] : facts.custody) left.insert({who, interest_custody, seq});
  TERN_TRY(auto rows, run.db.query("SELECT operator_id, kind, commit_seq FROM ticket_interest WHERE tenant_id = $1 "
                                   "AND ticket_id = $2",
                                   run.number, id));
  bool differs = false;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    differs = left.erase({rows.id<OperatorId>(0), rows.int64(1), rows.uint64(2)}) == 0 || differs;
  }
  if (differs || !left.empty()) run.find("ticket {}: whom it concerns is not what its state says", to_hex(id));
  return {};
}

/// A message of a ticket that was not split is not given, whatever the split says.
Result<bool> is_of_a_split(VerifyRun& run, const sync::TicketState& state, const sync::ChangeRef& message) {
  TERN_TRY(auto row, run.db.query("SELECT ticket_id FROM message WHERE tenant_id = $1 AND device_id = $2 AND "
                                  "change_id = $3",
                                  run.number, message.device, message.id));
  TERN_TRY(const bool found, row.step());
  return found && std::any_of(state.split_from.begin(), state.split_from.end(),
                              [&](const sync::Claim& split) { return split.value == row.blob(0); });
}

/// What splits gave it, as rows of their own.
Result<void> check_given(VerifyRun& run, const TicketId& id, const sync::TicketState& state) {
  std::set<sync::ChangeRef> left(state.split_messages.begin(), state.split_messages.end());
  TERN_TRY(auto rows, run.db.query("SELECT device_id, change_id FROM given_message WHERE tenant_id = $1 AND "
                                   "ticket_id = $2",
                                   run.number, id));
  bool differs = false;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    differs = left.erase({rows.id<DeviceId>(0), rows.id<ChangeId>(1)}) == 0 || differs;
  }
  for (const sync::ChangeRef& ref : left) {
    TERN_TRY(const bool due, is_of_a_split(run, state, ref));
    differs = differs || due;
  }
  if (differs) run.find("ticket {}: the messages it was given are not those of its state", to_hex(id));
  return {};
}

/// The id that its description has as its first message. Gives it.
Result<std::uint64_t> check_description_id(VerifyRun& run, const TicketId& id, const Refolded& zero) {
  TERN_TRY(const auto stored,
           run.db.int64_of("SELECT message_id FROM ticket WHERE tenant_id = $1 AND ticket_id = $2", run.number, id));
  if (!stored) return std::uint64_t{0};  // said already
  const auto row = static_cast<std::uint64_t>(*stored);
  run.highest_message_id = std::max(run.highest_message_id, row);
  const bool made_so = std::ranges::any_of(zero.changes, [&](const sync::PlacedChange& placed) {
    return placed.change.intent == sync::Intent::create && placed.admission.verdict == Verdict::admitted &&
           (placed.admission.message_id == row || placed.admission.message_id == 0);
  });
  if (row == 0 || !made_so) run.find("ticket {}: the id of its description is not the one of the ledger", to_hex(id));
  return row;
}

Result<void> check_fold(VerifyRun& run, ClockCheck& clocks, const TicketId& id) {
  auto zero = refold_from_zero(run.db, run.number, id);
  if (!zero) {
    run.find("ticket {}: it cannot be folded: {}", to_hex(id), zero.error().message);
    return {};
  }
  const ScopeFacts facts = scope_facts(zero->fold.state);
  TERN_TRY(auto row, run.db.prepare(fmt::format("SELECT state, {} FROM ticket WHERE tenant_id = $1 AND ticket_id = $2",
                                                ticket_column_names)));
  row.bind_all(run.number, id);
  TERN_TRY(const bool found, row.step());
  if (!found) {
    run.find("ticket {} of the ledger is missing", to_hex(id));
  } else {
    ++run.out.tickets;
    if (sync::encode_state(zero->fold.state) != row.blob(0))
      run.find("ticket {}: its state is not the fold of its changes", to_hex(id));
    const auto ledger = run.tickets.find(id);
    const TicketInLedger due = ledger == run.tickets.end() ? TicketInLedger{} : ledger->second;
    const bool filled = zero->fold.state.integer_id <= run.lists_to;
    const auto differing = differing_columns(row, 1, columns_of(zero->fold.state, facts, due), filled);
    if (!differing.empty())
      run.find("ticket {}: columns that are not what its changes say: {}", to_hex(id), joined(differing));
  }
  TERN_CHECKED(expect_loads(run, *zero, facts));
  TERN_CHECKED(check_interests(run, id, facts));
  TERN_CHECKED(check_given(run, id, zero->fold.state));
  TERN_CHECKED(check_standings(run, id, *zero));
  TERN_TRY(const NumberedMessages messages, check_messages(run, id, zero->fold.messages, message_ids(*zero)));
  TERN_TRY(const std::uint64_t description_id, check_description_id(run, id, *zero));
  TERN_CHECKED(expect_words(run, zero->fold.state, description_id, messages));
  TERN_CHECKED(clocks.check(id, zero->changes, zero->fold.state));
  run.states.emplace(id, std::move(zero->fold.state));
  return {};
}

/// Every ticket that the ledger made, and every one that there is a row of.
Result<std::set<TicketId>> all_tickets(VerifyRun& run) {
  std::set<TicketId> ids;
  for (const auto& [id, ticket] : run.tickets) ids.insert(id);
  TERN_TRY(auto rows, run.db.query("SELECT ticket_id FROM ticket WHERE tenant_id = $1", run.number));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return ids;
    ids.insert(rows.id<TicketId>(0));
  }
}

/// Rows that hang on a ticket which the ledger does not know.
Result<void> check_strays(VerifyRun& run, const std::set<TicketId>& known) {
  for (const std::string_view table : {"message", "ticket_interest", "given_message", "sla_clock", "sla_breach",
                                       "sla_alert", "figure", "late_change", "waking", "ticket_key"}) {
    TERN_TRY(auto rows, run.db.prepare(fmt::format("SELECT DISTINCT ticket_id FROM {} WHERE tenant_id = $1", table)));
    rows.bind_all(run.number);
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) break;
      if (!known.contains(rows.id<TicketId>(0)))
        run.find("{} holds rows of ticket {}, which the ledger does not know", table, to_hex(rows.blob(0)));
    }
  }
  return {};
}

/// Whoever was told of a ticket on hold has no row any more; of whom there is one, its state says the same time.
Result<void> check_waking(VerifyRun& run) {
  TERN_TRY(auto rows, run.db.query("SELECT ticket_id, wake_ms FROM waking WHERE tenant_id = $1", run.number));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    const auto found = run.states.find(rows.id<TicketId>(0));
    if (found == run.states.end()) continue;  // a stray, or one that cannot be read
    const sync::StatusView view = sync::status_view(found->second);
    if (view.status != sync::Status::on_hold || view.wake_at_ms != rows.int64(1))
      run.find("ticket {}: it is to wake at a time that it does not name", to_hex(rows.blob(0)));
  }
}

/// A number leads to its ticket for ever; so does a provisional one, to the first that had it.
Result<void> check_names(VerifyRun& run) {
  std::map<std::string, std::set<TicketId>, std::less<>> due;
  for (const auto& [id, state] : run.states) {
    if (!state.number.empty()) due[state.number].insert(id);
    for (const std::string& alias : state.aliases) due[alias].insert(id);
  }
  TERN_TRY(auto rows, run.db.query("SELECT name, ticket_id FROM ticket_name WHERE tenant_id = $1", run.number));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    const auto found = due.find(rows.text(0));
    if (run.unreadable.contains(rows.id<TicketId>(1))) {
      if (found != due.end()) due.erase(found);
      continue;
    }
    if (found == due.end() || !found->second.contains(rows.id<TicketId>(1)))
      run.find("the name {} leads to ticket {}, which does not bear it", rows.text(0), to_hex(rows.blob(1)));
    if (found != due.end()) due.erase(found);
  }
  for (const auto& [name, tickets] : due) run.find("the name {} leads nowhere", name);
  return {};
}

/// Ids are never given twice.
Result<void> check_counters(VerifyRun& run) {
  std::uint64_t highest = 0;
  for (const auto& [id, state] : run.states) highest = std::max(highest, state.integer_id);
  TERN_TRY(const auto next, read_meta(run.db, run.number, "next_integer_id"));
  if (meta_number(next) <= highest)
    run.find("the next integer id is {}, but {} is given already", meta_number(next), highest);
  TERN_TRY(const auto next_message, read_meta(run.db, run.number, meta_next_message_id));
  if (next_message && meta_number(next_message) <= run.highest_message_id)
    run.find("the next id of a message is {}, but {} is given already", meta_number(next_message),
             run.highest_message_id);
  return {};
}

}  // namespace

Result<void> check_tickets(VerifyRun& run) {
  TERN_TRY(const std::set<TicketId> ids, all_tickets(run));
  TERN_TRY(ClockCheck clocks, ClockCheck::of(run));
  TERN_TRY(run.lists_to, read_lists_to(run.db, run.number));
  for (const TicketId& id : ids) {
    if (run.is_stopped()) return {};
    if (auto done = check_fold(run, clocks, id); !done)
      run.find("ticket {}: cannot be read: {}", to_hex(id), done.error().message);
  }
  TERN_CHECKED(check_strays(run, ids));
  TERN_CHECKED(check_waking(run));
  TERN_CHECKED(check_names(run));
  return check_counters(run);
}

}  // namespace tern::server
