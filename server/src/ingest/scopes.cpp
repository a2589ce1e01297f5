// Who holds which ticket: membership rows, changed only here, inside the commit that caused it.
#include <algorithm>
#include <set>

#include "batch.hpp"
#include "tern/sync/scope.hpp"

namespace tern::server {
namespace {

using Members = std::set<OperatorId>;

/// What scope asks of an operator, for operators that have a device and are not disabled.
std::optional<sync::Actor> reader_of(Batch& batch, const OperatorId& id) {
  if (batch.devices_of(id).empty()) return std::nullopt;
  auto actor = batch.find_actor(id);
  if (!actor || !actor->active) return std::nullopt;
  return actor;
}

bool holds(const sync::TicketState& state, const sync::Actor& actor, std::int64_t now_ms) {
  return sync::in_scope(state, {actor.id, actor.queues, sync::queue_scope_all(actor.role)}, now_ms);
}

Result<Members> members_now(Batch& batch, const TicketId& ticket) {
  TERN_TRY(auto rows, batch.db().query("SELECT operator_id FROM scope_member WHERE tenant_id = $1 AND ticket_id = $2 "
                                       "AND left_seq = 0",
                                       batch.number, ticket));
  Members members;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return members;
    members.insert(rows.id<OperatorId>(0));
  }
}

Result<void> enter(Batch& batch, const OperatorId& who, const TicketId& ticket, std::uint64_t seq) {
  return batch.db().run(
      "INSERT INTO scope_member (tenant_id, operator_id, ticket_id, entered_seq, left_seq, left_reason) "
      "VALUES ($1, $2, $3, $4, 0, 0) ON CONFLICT (tenant_id, operator_id, ticket_id) DO UPDATE SET "
      "entered_seq = excluded.entered_seq, left_seq = 0, left_reason = 0",
      batch.number, who, ticket, seq);
}

Result<void> leave(Batch& batch, const OperatorId& who, const TicketId& ticket, std::uint64_t seq,
                   sync::LeftReason reason) {
  return batch.db().run(
      "UPDATE scope_member SET left_seq = $4, left_reason = $5 WHERE tenant_id = $1 "
      "AND operator_id = $2 AND ticket_id = $3",
      batch.number, who, ticket, seq, reason);
}

sync::LeftReason why_left(const OperatorId& who, const ScopeFacts& before, const ScopeFacts& after) {
  if (after.deleted) return sync::LeftReason::deleted;
  if (before.assignee == who && after.assignee != who) return sync::LeftReason::reassigned;
  if (!before.assignee && after.assignee) return sync::LeftReason::taken;
  if (before.queue != after.queue) return sync::LeftReason::queue_changed;
  const auto followed = [&](const ScopeFacts& facts) {
    return std::binary_search(facts.followers.begin(), facts.followers.end(), who);
  };
  if (followed(before) && !followed(after)) return sync::LeftReason::unwatched;
  return after.ended_ms != 0 ? sync::LeftReason::ended : sync::LeftReason::rights;
}

}  // namespace

/// One pass over everything the batch touched.
struct BatchScopes {
  Batch& batch;
  std::set<TicketId> done{};

  /// Operators who hold it by the rules, those of its target included when it was merged.
  Result<Members> wanted(const sync::TicketState& state, const ScopeFacts& facts, const Members& now) {
    Members candidates = now;
    if (facts.assignee) candidates.insert(*facts.assignee);
    candidates.insert(facts.followers.begin(), facts.followers.end());
    for (const auto& [who, seq] : facts.custody) candidates.insert(who);
    if (state.created && state.created->author_kind == sync::PrincipalKind::operator_)
      candidates.insert(state.created->author);
    if (!facts.assignee && facts.queue)
      if (const auto queue = batch.in.queue_members.find(*facts.queue); queue != batch.in.queue_members.end())
        candidates.insert(queue->second.begin(), queue->second.end());
    Members members;
    for (const OperatorId& who : candidates)
      if (const auto actor = reader_of(batch, who); actor && holds(state, *actor, batch.commit_ms)) members.insert(who);
    if (!facts.merged_into.empty()) {
      // What was merged is shown on its target: whoever holds that one holds this one.
      TERN_TRY(const Members target, members_now(batch, TicketId::or_zero(facts.merged_into)));
      for (const OperatorId& who : target)
        if (reader_of(batch, who)) members.insert(who);
    }
    return members;
  }

  Result<void> rescope(const TicketId& id, std::uint64_t seq, bool forced) {
    if (!done.insert(id).second) return {};
    TERN_TRY(WorkingTicket * ticket, batch.ticket(id));
    if (ticket == nullptr) return {};
    const ScopeFacts facts = scope_facts(ticket->state);
    if (!facts.merged_into.empty()) {
      const TicketId target = TicketId::or_zero(facts.merged_into);
      if (const auto other = batch.tickets().find(target); other != batch.tickets().end() && other->second->dirty)
        TERN_CHECKED(rescope(target, other->second->state.version, false));
    }
    if (!forced && ticket->stored && facts == ticket->scope_before) return {};
    TERN_TRY(const Members before, members_now(batch, id));
    TERN_TRY(const Members after, wanted(ticket->state, facts, before));
    if (before == after) return {};
    for (const OperatorId& who : after)
      if (!before.contains(who)) TERN_CHECKED(enter(batch, who, id, seq));
    for (const OperatorId& who : before)
      if (!after.contains(who)) TERN_CHECKED(leave(batch, who, id, seq, why_left(who, ticket->scope_before, facts)));
    return follow_sources(*ticket, seq);
  }

  Result<void> follow_sources(const WorkingTicket& target, std::uint64_t seq) {
    for (const sync::Claim& source : target.state.merged_from) {
      const TicketId id = TicketId::or_zero(source.value);
      done.erase(id);
      TERN_CHECKED(rescope(id, seq, true));
    }
    return {};
  }

  // ---- an operator whose role, queues or devices changed ----

  Result<std::set<TicketId>> candidates_of(const sync::Actor& actor) {
    std::set<TicketId> ids;
    const std::set<RecordId> queues(actor.queues.begin(), actor.queues.end());
    TERN_TRY(auto rows,
             batch.db().query("SELECT ticket_id, assignee, queue FROM ticket WHERE tenant_id = $1", batch.number));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) break;
      const bool own = !rows.is_null(1) && rows.id<OperatorId>(1) == actor.id;
      const bool queued = rows.is_null(1) && !rows.is_null(2) && queues.contains(rows.id<RecordId>(2));
      const bool perhaps_made = rows.is_null(1) && rows.is_null(2);
      if (own || queued || perhaps_made) ids.insert(rows.id<TicketId>(0));
    }
    TERN_TRY(auto interests, batch.db().query("SELECT ticket_id FROM ticket_interest WHERE tenant_id = $1 "
                                              "AND operator_id = $2",
                                              batch.number, actor.id));
    for (;;) {
      TERN_TRY(const bool more, interests.step());
      if (!more) return ids;
      ids.insert(interests.id<TicketId>(0));
    }
  }

  /// With the sources of what they hold.
  Result<void> add_wanted(const TicketId& id, const sync::Actor& actor, bool as_source,
                          std::set<TicketId>& wanted_ids) {
    TERN_TRY(const WorkingTicket* ticket, batch.ticket(id));
    if (ticket == nullptr || (!as_source && !holds(ticket->state, actor, batch.commit_ms))) return {};
    if (!wanted_ids.insert(id).second) return {};
    const std::vector<sync::Claim> sources = ticket->state.merged_from;
    for (const sync::Claim& source : sources)
      TERN_CHECKED(add_wanted(TicketId::or_zero(source.value), actor, true, wanted_ids));
    return {};
  }

  Result<void> rescope_operator(const OperatorId& who, std::uint64_t seq) {
    std::set<TicketId> before;
    TERN_TRY(auto rows, batch.db().query("SELECT ticket_id FROM scope_member WHERE tenant_id = $1 AND operator_id = $2 "
                                         "AND left_seq = 0",
                                         batch.number, who));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) break;
      before.insert(rows.id<TicketId>(0));
    }
    std::set<TicketId> after;
    if (const auto actor = reader_of(batch, who)) {
      TERN_TRY(const std::set<TicketId> candidates, candidates_of(*actor));
      for (const TicketId& id : candidates) TERN_CHECKED(add_wanted(id, *actor, false, after));
      for (const TicketId& id : before) TERN_CHECKED(add_wanted(id, *actor, false, after));
    }
    for (const TicketId& id : after)
      if (!before.contains(id)) TERN_CHECKED(enter(batch, who, id, seq));
    for (const TicketId& id : before)
      if (!after.contains(id)) TERN_CHECKED(leave(batch, who, id, seq, sync::LeftReason::rights));
    return {};
  }

  std::set<OperatorId> operators_touched() const {
    std::set<OperatorId> ids;
    for (const auto& [key, record] : batch.changed_records())
      if (key.kind == sync::RecordKind::operator_) ids.insert(OperatorId::or_zero(key.id.view()));
    for (const DeviceId& id : batch.new_devices())
      // A further device changes nothing: what its operator holds is kept already.
      if (const DeviceRow* row = batch.peek_device(id);
          row != nullptr && !batch.in.operator_devices.contains(row->operator_id))
        ids.insert(row->operator_id);
    return ids;
  }
};

Result<bool> scope_is_over(Batch& batch, const TicketId& id) {
  TERN_TRY(const WorkingTicket* ticket, batch.ticket(id));
  if (ticket == nullptr) return false;
  BatchScopes scopes{batch};
  TERN_TRY(const Members before, members_now(batch, id));
  if (before.empty()) return false;
  TERN_TRY(const Members after, scopes.wanted(ticket->state, scope_facts(ticket->state), before));
  return before != after;
}

Result<void> write_ticket_scopes(Batch& batch) {
  BatchScopes scopes{batch};
  std::vector<TicketId> touched;
  for (const auto& [id, ticket] : batch.tickets())
    if (ticket->dirty) touched.push_back(id);
  for (const TicketId& id : touched) TERN_CHECKED(scopes.rescope(id, batch.tickets().at(id)->state.version, false));
  return {};
}

Result<void> write_scopes(Batch& batch) {
  TERN_CHECKED(write_ticket_scopes(batch));
  BatchScopes scopes{batch};
  for (const TicketId& id : batch.rescope_tickets) {
    scopes.done.erase(id);
    TERN_CHECKED(scopes.rescope(id, batch.commit_seq, true));
  }
  for (const OperatorId& who : scopes.operators_touched()) TERN_CHECKED(scopes.rescope_operator(who, batch.commit_seq));
  return {};
}

}  // namespace tern::server
