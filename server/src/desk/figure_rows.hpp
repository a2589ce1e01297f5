// What reports count of tickets, as rows beside their SLA clocks (docs/reports.md): written when a clock is looked at.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "desk/sla_events.hpp"
#include "tern/sla/breach.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::server {

enum class FigureKind : std::uint8_t { created = 1, first_response, next_response, resolved, rated, promise = 10 };
/// A promise's kind: `promise` and its metric.
constexpr int promise_kind(sla::Metric metric) {
  return static_cast<int>(FigureKind::promise) + static_cast<int>(metric);
}
enum class PromiseOutcome : std::uint8_t { none, met, breached, provisional, excused };
/// Of a promise whose clock says that it was broken.
PromiseOutcome breach_outcome(sla::RecordState state);

/// Instants and lengths in seconds.
struct FigureRow {
  int kind = 0;
  std::int64_t at = 0, number = 1, known = 0;
  std::int64_t wall = 0, business = 0, more_wall = 0, more_business = 0;
  PromiseOutcome outcome = PromiseOutcome::none;
  std::int64_t touches = 0, reopened = 0, next = 0;  // touches: of a rating its score
  Bytes assignee, category;                          // ids; empty: none
  bool operator==(const FigureRow&) const = default;
};

/// Of one ticket as of `now`, in the order of their key. `records`: what became of its breaches; an import's clock is
/// empty, as nobody promised anything there.
std::vector<FigureRow> figure_rows(const SlaTicket& ticket, const sla::Inputs& inputs, const sla::TicketClock& clock,
                                   const std::vector<sla::BreachRecord>& records, sla::Instant now);
/// The same without what rules and calendars say: what no later version of those may alter.
std::vector<FigureRow> without_rules(std::vector<FigureRow> rows);

/// Rows of one tenant's file.
class FigureRows {
public:
  FigureRows(sqlite::Database& db, std::int64_t tenant) : db_(db), tenant_(tenant) {}

  Result<std::vector<FigureRow>> of(const TicketId& ticket);
  Result<void> put(const TicketId& ticket, const std::vector<FigureRow>& rows);
  /// By receipt and name.
  Result<std::vector<LateChange>> late(const TicketId& ticket);
  Result<void> put_late(const TicketId& ticket, const std::vector<LateChange>& late);

private:
  sqlite::Database& db_;
  std::int64_t tenant_;
};

inline constexpr std::string_view figure_columns =
    "kind, at_s, number, known_s, wall_s, business_s, more_wall_s, more_business_s, outcome, touches, reopened_s, "
    "next_s, assignee, category";
/// A row of `SELECT` with these columns from its first on.
FigureRow figure_row_of(const sqlite::Statement& row);

}  // namespace tern::server
