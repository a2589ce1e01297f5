// What authors are told of a stretch of commits, in bounded pages: 100,000 amendments wait for a device that was away.
#include "exchange/page_plan.hpp"
#include "tern/protocol/mutant.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::server {
namespace {

struct Budget {
  std::size_t left = 0;
  bool any = false;

  /// One always fits.
  bool take(std::size_t bytes) {
    if (any && bytes > left) return false;
    any = true;
    left -= std::min(left, bytes);
    return true;
  }
};

Result<std::optional<StatementPlace>> write_amendments(sqlite::Database& db, std::int64_t tenant,
                                                       const DeviceId& device, std::uint64_t to_seq,
                                                       const StatementPlace& after, Budget& budget,
                                                       v1::ExchangeResponse& response) {
  if (mutant(Mutant::amendment_not_sent)) return std::optional<StatementPlace>();
  TERN_TRY(auto rows, db.query("SELECT a.statement, a.commit_seq, a.ticket_id, a.n FROM amendment_reader r "
                               "JOIN amendment a ON a.tenant_id = r.tenant_id AND a.commit_seq = r.commit_seq AND "
                               "a.n = r.n WHERE r.tenant_id = $1 AND r.device_id = $2 AND "
                               "(r.commit_seq, r.n) > ($3, $4) AND r.commit_seq <= $5 ORDER BY r.commit_seq, r.n",
                               tenant, device, after.commit_seq, after.n, to_seq));
  StatementPlace last = after;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return std::optional<StatementPlace>();
    if (!budget.take(rows.blob(0).size() + 48)) return std::optional(last);
    v1::Amendment& amendment = *response.add_amendments();
    amendment.set_signed_statement(Bytes(rows.blob(0)));
    amendment.set_commit_seq(rows.uint64(1));
    amendment.set_ticket_id(Bytes(rows.blob(2)));
    last = {false, rows.uint64(1), rows.uint64(3)};
  }
}

/// A commit that erased has few statements, in their byte order here: `n` counts them.
Result<std::optional<StatementPlace>> write_erasures(sqlite::Database& db, std::int64_t tenant, std::uint64_t to_seq,
                                                     const StatementPlace& after, Budget& budget,
                                                     v1::ExchangeResponse& response) {
  TERN_TRY(auto rows, db.query("SELECT DISTINCT commit_seq, statement FROM erasure WHERE tenant_id = $1 AND "
                               "commit_seq >= $2 AND commit_seq <= $3 ORDER BY commit_seq, statement",
                               tenant, after.commit_seq, to_seq));
  StatementPlace place{true, 0, 0}, last = after;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return std::optional<StatementPlace>();
    const std::uint64_t seq = rows.uint64(0);
    place = {true, seq, seq == place.commit_seq ? place.n + 1 : 1};
    if (seq == after.commit_seq && place.n <= after.n) continue;
    if (!budget.take(rows.blob(1).size() + 8)) return std::optional(last);
    response.add_statements(Bytes(rows.blob(1)));
    last = place;
  }
}

}  // namespace

Result<std::optional<StatementPlace>> write_statements(sqlite::Database& db, std::int64_t tenant,
                                                       const DeviceId& device, std::uint64_t from_seq,
                                                       std::uint64_t to_seq, const StatementPlace& after,
                                                       std::size_t bytes_max, v1::ExchangeResponse& response) {
  constexpr auto all_of = static_cast<std::uint64_t>(INT64_MAX);  // behind everything of its commit
  const StatementPlace beginning{false, from_seq, all_of};
  const StatementPlace from = after.commit_seq > from_seq ? after : beginning;
  Budget budget{bytes_max, false};
  if (!after.erasures) {
    TERN_TRY(const auto left, write_amendments(db, tenant, device, to_seq, from, budget, response));
    if (left) return left;
  }
  const StatementPlace erased = after.erasures ? from : beginning;
  TERN_TRY(auto left, write_erasures(db, tenant, to_seq, erased, budget, response));
  if (left) left->erasures = true;
  return left;
}

}  // namespace tern::server
