// Who holds which ticket, against the rules of scope. When and why somebody entered or left is history that the ledger
// does not tell alone: those columns are checked for sense.
#include "tern/sync/scope.hpp"
#include "verify_parts.hpp"

namespace tern::server {
namespace {

/// Operators with a device that are not disabled.
std::map<OperatorId, sync::Actor> readers_of(const VerifyRun& run) {
  std::map<OperatorId, sync::Actor> readers;
  for (const auto& [id, device] : run.devices) {
    if (device.row.purpose != protocol::KeyPurpose::device) continue;
    const auto record = run.records.find(
        {static_cast<std::uint8_t>(sync::RecordKind::operator_), RecordId::or_zero(device.row.operator_id.view())});
    if (record == run.records.end()) continue;
    const sync::Actor actor = actor_of(record->second);
    if (actor.active) readers.emplace(actor.id, actor);
  }
  return readers;
}

/// Whoever holds the target of a merge holds what was merged into it.
bool holds(const VerifyRun& run, const TicketId& id, const sync::Actor& actor, std::int64_t now_ms) {
  TicketId at = id;
  for (std::size_t hops = 0; hops <= run.states.size(); ++hops) {
    const auto state = run.states.find(at);
    if (state == run.states.end()) return false;
    if (sync::in_scope(state->second, {actor.id, actor.queues, sync::queue_scope_all(actor.role)}, now_ms)) return true;
    const auto& merged = state->second.merged_into;
    if (!merged || merged->value.empty()) return false;
    at = TicketId::or_zero(merged->value);
  }
  return false;
}

bool makes_sense(const VerifyRun& run, std::uint64_t entered, std::uint64_t left, std::int64_t reason) {
  if (entered == 0 || entered > run.last_commit || left > run.last_commit) return false;
  return left == 0 ? reason == 0 : left >= entered && reason != 0;
}

}  // namespace

Result<void> check_scopes(VerifyRun& run) {
  const std::map<OperatorId, sync::Actor> readers = readers_of(run);
  std::set<std::pair<TicketId, OperatorId>> members;
  TERN_TRY(auto rows,
           run.db.query("SELECT operator_id, ticket_id, entered_seq, left_seq, left_reason FROM scope_member "
                        "WHERE tenant_id = $1",
                        run.number));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    const auto who = rows.id<OperatorId>(0);
    const auto ticket = rows.id<TicketId>(1);
    if (!makes_sense(run, rows.uint64(2), rows.uint64(3), rows.int64(4)))
      run.find("ticket {}: when operator {} entered and left makes no sense", to_hex(ticket), to_hex(who));
    if (rows.int64(3) == 0) members.insert({ticket, who});
  }
  const std::int64_t now_ms = run.tenant.now_ms();
  for (const auto& [ticket, who] : members) {
    const auto reader = readers.find(who);
    if (run.unreadable.contains(ticket)) continue;
    // As if nothing was over yet: what time alone ends is taken away some while later.
    if (reader == readers.end() || !holds(run, ticket, reader->second, 0))
      run.find("ticket {}: operator {} holds it against the rules of scope", to_hex(ticket), to_hex(who));
  }
  for (const auto& [ticket, state] : run.states)
    for (const auto& [who, actor] : readers)
      if (!members.contains({ticket, who}) && !run.unreadable.contains(ticket) && holds(run, ticket, actor, now_ms))
        run.find("ticket {}: operator {} does not hold it, against the rules of scope", to_hex(ticket), to_hex(who));
  return {};
}

}  // namespace tern::server
