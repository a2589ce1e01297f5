#include "exchange/held_tickets.hpp"

#include <algorithm>
#include <vector>

#include "tern/sync/scope.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::server {
namespace {

TicketId highest_id() {
  TicketId last;
  last.bytes.fill(0xff);
  return last;
}

std::vector<TicketId> held_ids_of(ByteView ids) {
  std::vector<TicketId> out;
  for (std::size_t at = 0; at < ids.size(); at += TicketId::size_bytes)
    out.push_back(TicketId::or_zero(ids.substr(at, TicketId::size_bytes)));
  std::ranges::sort(out);
  return out;
}

/// Gives how far it came.
Result<TicketId> write_missing(sqlite::Database& db, const ReaderScope& scope, const v1::HeldTickets& held,
                               const std::vector<TicketId>& ids, std::size_t bytes_max, PatchWriter& patches) {
  const TicketId through = TicketId::from(held.through()).value_or(highest_id());
  TERN_TRY(auto rows, tickets_between(db, scope, TicketId::or_zero(held.after()), through));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return through;
    const auto ticket = rows.id<TicketId>(0);
    if (std::ranges::binary_search(ids, ticket)) continue;
    TERN_CHECKED(patches.add_for_repair(ticket, rows.blob(1)));
    if (patches.size_bytes() >= bytes_max) return ticket;
  }
}

/// There once was one, in a history that a restore gave up: its author brought it back without a proof, and the rights
/// of now refuse it. It never comes.
Result<bool> was_refused(sqlite::Database& db, std::int64_t tenant, const TicketId& ticket) {
  TERN_TRY(const auto found,
           db.int64_of("SELECT 1 FROM change WHERE tenant_id = $1 AND ticket_id = $2 AND intent = $3 AND outcome = $4 "
                       "LIMIT 1",
                       tenant, ticket, sync::Intent::create, sync::Outcome::rejected));
  return found.has_value();
}

struct ScopeVerdict {
  bool known = false, held = false;
  std::uint32_t reason = static_cast<std::uint32_t>(sync::LeftReason::rights);
};

Result<ScopeVerdict> verdict_on(sqlite::Database& db, const ReaderScope& scope, const TicketId& ticket) {
  ScopeVerdict verdict;
  TERN_TRY(const auto known,
           db.int64_of("SELECT 1 FROM ticket WHERE tenant_id = $1 AND ticket_id = $2", scope.tenant, ticket));
  verdict.known = known.has_value();
  verdict.held = verdict.known && scope.all;
  if (!verdict.known) {
    TERN_TRY(verdict.known, was_refused(db, scope.tenant, ticket));
    return verdict;
  }
  if (scope.all) return verdict;
  TERN_TRY(auto rows, db.query("SELECT left_seq, left_reason FROM scope_member WHERE tenant_id = $1 AND operator_id = "
                               "$2 AND ticket_id = $3",
                               scope.tenant, scope.operator_id, ticket));
  TERN_TRY(const bool found, rows.step());
  if (!found) return verdict;
  verdict.held = rows.uint64(0) == 0;
  verdict.reason = static_cast<std::uint32_t>(rows.int64(1));
  return verdict;
}

}  // namespace

Result<void> check_held(const v1::HeldTickets& held) {
  if (held.ids().size() > sync::held_ids_max * TicketId::size_bytes)
    return fail(ErrorCode::too_large, "The request names more tickets than are compared at once.", "", "held");
  const auto no_id = [](const std::string& id) { return !id.empty() && id.size() != TicketId::size_bytes; };
  if (held.ids().size() % TicketId::size_bytes != 0 || no_id(held.after()) || no_id(held.through()))
    return fail(ErrorCode::malformed, "The request names tickets that have no id.", "", "held");
  return {};
}

Result<void> write_held(sqlite::Database& db, const ReaderScope& scope, const v1::HeldTickets& held,
                        std::uint64_t snapshot_seq, std::size_t bytes_max, PatchWriter& patches,
                        v1::ExchangeResponse& response) {
  const std::vector<TicketId> ids = held_ids_of(held.ids());
  v1::HeldAnswer& answer = *response.mutable_held();
  TicketId reached = highest_id();
  if (held.all()) {
    TERN_TRY(reached, write_missing(db, scope, held, ids, bytes_max, patches));
    if (reached != TicketId::from(held.through()).value_or(highest_id())) answer.set_through(Bytes(reached.view()));
  }
  for (const TicketId& ticket : ids) {
    if (ticket > reached) break;  // asked again with the rest
    TERN_TRY(const ScopeVerdict verdict, verdict_on(db, scope, ticket));
    if (!verdict.known) answer.mutable_unknown()->append(ticket.view());
    if (!verdict.known || verdict.held) continue;
    v1::Left& left = *response.add_left();
    left.set_ticket_id(Bytes(ticket.view()));
    left.set_reason(verdict.reason);
    left.set_commit_seq(snapshot_seq);
  }
  return {};
}

}  // namespace tern::server
