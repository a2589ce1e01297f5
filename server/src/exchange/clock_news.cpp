#include "exchange/clock_news.hpp"

#include "desk/sla_rows.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::server {
namespace {

constexpr std::int64_t few_clocks = 500;  // looked through for those that the reader holds; else the other way round
constexpr std::size_t bytes_beside = TicketId::size_bytes + 8;

/// (ticket_id, told, told_seq) in the order of the last.
Result<sqlite::Statement> told_above(sqlite::Database& db, const ReaderScope& scope, std::uint64_t from) {
  if (scope.all)
    return db.query(
        "SELECT ticket_id, told, told_seq FROM sla_clock WHERE tenant_id = $1 AND told_seq > $2 ORDER BY told_seq",
        scope.tenant, from);
  TERN_TRY(const auto many, db.int64_of("SELECT 1 FROM sla_clock WHERE tenant_id = $1 AND told_seq > $2 LIMIT 1 OFFSET "
                                        "$3",
                                        scope.tenant, from, few_clocks));
  if (many)
    return db.query(
        "SELECT c.ticket_id, c.told, c.told_seq FROM scope_member m CROSS JOIN sla_clock c WHERE m.tenant_id = $1 AND "
        "m.operator_id = $2 AND m.left_seq = 0 AND c.tenant_id = m.tenant_id AND c.ticket_id = m.ticket_id AND "
        "c.told_seq > $3 ORDER BY c.told_seq",
        scope.tenant, scope.operator_id, from);
  return db.query(
      "SELECT c.ticket_id, c.told, c.told_seq FROM sla_clock c CROSS JOIN scope_member m WHERE c.tenant_id = $1 AND "
      "c.told_seq > $3 AND m.tenant_id = c.tenant_id AND m.operator_id = $2 AND m.ticket_id = c.ticket_id AND "
      "m.left_seq = 0 ORDER BY c.told_seq",
      scope.tenant, scope.operator_id, from);
}

}  // namespace

Result<std::uint64_t> newest_clocks(sqlite::Database& db, const ReaderScope& scope) {
  return SlaRows(db, scope.tenant).newest_told();
}

Result<ClocksEnd> write_clocks(sqlite::Database& db, const ReaderScope& scope, std::uint64_t from,
                               std::size_t bytes_max, v1::ExchangeResponse& response) {
  TERN_TRY(const std::uint64_t newest, newest_clocks(db, scope));
  if (from == newest) return ClocksEnd{newest, false};
  TERN_TRY(auto rows, told_above(db, scope, from > newest ? 0 : from));
  std::size_t bytes = 0;
  std::uint64_t last = 0;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return ClocksEnd{newest, false};
    const std::uint64_t told_seq = rows.uint64(2);
    if (bytes >= bytes_max && told_seq != last) return ClocksEnd{last, true};
    last = told_seq;
    v1::TicketClock& clock = *response.add_clocks();
    clock.set_ticket_id(Bytes(rows.id<TicketId>(0).view()));
    clock.set_clock(Bytes(rows.blob(1)));
    bytes += rows.blob(1).size() + bytes_beside;
  }
}

}  // namespace tern::server
