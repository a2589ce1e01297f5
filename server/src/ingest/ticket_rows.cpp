// The folded state as rows: what lists ask for in columns, everything in the blob.
#include <algorithm>

#include "batch.hpp"
#include "ticket_columns.hpp"

namespace tern::server {
namespace {

constexpr std::string_view insert_ticket =
    "INSERT INTO ticket (tenant_id, ticket_id, integer_id, number, version, status, status_class, subject, updated_ms, "
    "merged_into, deleted, change_count, last_commit, top_ms, top_device, top_epoch, second_ms, ended_ms, listed, "
    "priority, assignee, queue, category, contact, organisation, created_ms, first_response_ms, resolved_ms, "
    "worked_ms, channel, state, message_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "
    "$16, $17, "
    "$18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32)";

/// Id and number stay for ever. The indexes of a column in the SET list are written, whether its value changes or not.
std::string update_ticket(bool ended, bool lists) {
  std::string sql =
      "UPDATE ticket SET version = $5, status = $6, status_class = $7, subject = $8, updated_ms = $9, merged_into = "
      "$10, deleted = $11, change_count = $12, last_commit = $13, top_ms = $14, top_device = $15, top_epoch = $16, "
      "second_ms = $17, ";
  if (ended) sql += "ended_ms = $18, ";
  if (lists)
    sql +=
        "listed = $19, priority = $20, assignee = $21, queue = $22, category = $23, contact = $24, organisation = $25, "
        "created_ms = $26, first_response_ms = $27, resolved_ms = $28, worked_ms = $29, channel = $30, ";
  return sql + "state = $31 WHERE tenant_id = $1 AND ticket_id = $2";
}
const std::string update_sql[2][2] = {{update_ticket(false, false), update_ticket(false, true)},
                                      {update_ticket(true, false), update_ticket(true, true)}};

std::optional<sqlite::Blob> some(const Bytes& bytes) {
  if (bytes.empty()) return std::nullopt;
  return sqlite::Blob{bytes};
}

std::optional<DeviceId> some(const DeviceId& id) {
  return id.is_zero() ? std::nullopt : std::optional(id);
}

/// What the row said of its operator's load, and what it is going to say.
void note_load(Batch& batch, const ListColumns& before, const ListColumns& after) {
  add_burden(batch.load_changes, before, -1);
  add_burden(batch.load_changes, after, 1);
}

Result<void> write_ticket(Batch& batch, const TicketId& id, const WorkingTicket& ticket, const ScopeFacts& facts) {
  const TicketColumns of = columns_of(ticket.state, facts, ticket.ledger);
  const Bytes encoded = ticket.encoded ? *ticket.encoded : sync::encode_state(ticket.state);
  const LatestFacts& latest = of.ledger.latest;
  const ListColumns& lists = of.lists;
  const bool ended = ticket.scope_before.ended_ms != facts.ended_ms, other_lists = ticket.lists_before != lists;
  if (other_lists || !ticket.stored) note_load(batch, ticket.stored ? ticket.lists_before : ListColumns{}, lists);
  const std::string_view sql = ticket.stored ? std::string_view(update_sql[ended][other_lists]) : insert_ticket;
  const auto write = [&](const auto&... more) {
    return batch.db().run(sql, batch.number, id, of.integer_id, sqlite::Text{of.number}, of.version, of.status,
                          of.status_class, sqlite::Text{of.subject}, of.updated_ms, some(of.merged_into), of.deleted,
                          of.ledger.change_count, of.ledger.last_commit, latest.top_ms, some(latest.top.device),
                          latest.top.epoch, latest.second_ms, of.ended_ms, lists.listed, lists.priority,
                          some(lists.assignee), some(lists.queue), some(lists.category), some(lists.contact),
                          some(lists.organisation), lists.created_ms, lists.first_response_ms, lists.resolved_ms,
                          lists.worked_ms, sqlite::Text{lists.channel}, sqlite::Blob{encoded}, more...);
  };
  return ticket.stored ? write() : write(ticket.message_id);
}

Result<void> insert_interest(Batch& batch, const OperatorId& who, const TicketId& ticket, std::int64_t kind,
                             std::uint64_t commit_seq) {
  return batch.db().run(
      "INSERT INTO ticket_interest (tenant_id, operator_id, ticket_id, kind, commit_seq) "
      "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, operator_id, ticket_id, kind) "
      "DO UPDATE SET commit_seq = excluded.commit_seq",
      batch.number, who, ticket, kind, commit_seq);
}

Result<void> delete_interest(Batch& batch, const OperatorId& who, const TicketId& ticket, std::int64_t kind) {
  return batch.db().run(
      "DELETE FROM ticket_interest WHERE tenant_id = $1 AND operator_id = $2 AND ticket_id = $3 "
      "AND kind = $4",
      batch.number, who, ticket, kind);
}

Result<void> write_followers(Batch& batch, const TicketId& id, const std::vector<OperatorId>& before,
                             const std::vector<OperatorId>& after) {
  for (const OperatorId& who : after)
    if (!std::binary_search(before.begin(), before.end(), who))
      TERN_CHECKED(insert_interest(batch, who, id, interest_follows, 0));
  for (const OperatorId& who : before)
    if (!std::binary_search(after.begin(), after.end(), who))
      TERN_CHECKED(delete_interest(batch, who, id, interest_follows));
  return {};
}

Result<void> write_custody(Batch& batch, const TicketId& id, const ScopeFacts& before, const ScopeFacts& after) {
  if (before.custody == after.custody) return {};
  CustodyMarks& marks = batch.custody();
  for (const auto& [who, seq] : before.custody) {
    TERN_CHECKED(delete_interest(batch, who, id, interest_custody));
    const auto kept = marks.find(who);
    if (kept == marks.end()) continue;
    kept->second.erase({seq, id});
    if (kept->second.empty()) marks.erase(kept);
  }
  for (const auto& [who, seq] : after.custody) {
    TERN_CHECKED(insert_interest(batch, who, id, interest_custody, seq));
    marks[who].insert({seq, id});
  }
  return {};
}

/// Most tickets were never put on hold until some time.
Result<void> write_waking(Batch& batch, const TicketId& id, const sync::TicketState& state) {
  const bool ever = std::ranges::any_of(
      state.moves, [](const sync::Move& move) { return move.intent == sync::Intent::hold && move.number != 0; });
  if (!ever) return {};
  const sync::StatusView view = sync::status_view(state);
  if (view.status != sync::Status::on_hold || view.wake_at_ms == 0)
    return batch.db().run("DELETE FROM waking WHERE tenant_id = $1 AND ticket_id = $2", batch.number, id);
  return batch.db().run(
      "INSERT INTO waking (tenant_id, ticket_id, wake_ms) VALUES ($1, $2, $3) ON CONFLICT (tenant_id, ticket_id) "
      "DO UPDATE SET wake_ms = excluded.wake_ms",
      batch.number, id, view.wake_at_ms);
}

}  // namespace

Result<void> write_tickets(Batch& batch) {
  // In the order of the rows: each page of the file is met once.
  std::vector<std::pair<TicketId, const WorkingTicket*>> dirty;
  for (const auto& [id, ticket] : batch.tickets())
    if (ticket->dirty) dirty.emplace_back(id, ticket.get());
  std::sort(dirty.begin(), dirty.end());
  for (const auto& [id, ticket] : dirty) {
    const ScopeFacts facts = scope_facts(ticket->state);
    TERN_CHECKED(write_ticket(batch, id, *ticket, facts));
    TERN_CHECKED(write_followers(batch, id, ticket->scope_before.followers, facts.followers));
    TERN_CHECKED(write_custody(batch, id, ticket->scope_before, facts));
    TERN_CHECKED(write_waking(batch, id, ticket->state));
    note_words(batch, id, *ticket, facts);
  }
  return write_words(batch);
}

}  // namespace tern::server
