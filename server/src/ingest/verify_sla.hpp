// SLA clocks worked out anew, against what is kept of them. For verify.
#pragma once

#include <map>
#include <memory>

#include "desk/figure_rows.hpp"
#include "desk/sla_events.hpp"
#include "desk/sla_rows.hpp"
#include "desk/sla_settings.hpp"
#include "verify_parts.hpp"

namespace tern::server {

class ClockCheck {
public:
  /// Behind the ledger's part: it says which records there are.
  static Result<ClockCheck> of(VerifyRun& run);

  /// `changes` of the ticket as they are folded, `state` what they make. Only clocks that run are compared, and only
  /// those that nobody is about to look at: what waits for that is told by its row.
  Result<void> check(const TicketId& id, const std::vector<sync::PlacedChange>& changes,
                     const sync::TicketState& state);

private:
  explicit ClockCheck(VerifyRun& run) : run_(run), rows_(run.db, run.number), figures_(run.db, run.number) {}
  /// The rules as they were known at an instant.
  SlaSettings& settings(sla::Instant known_by);
  Result<void> check_breaches(const TicketId& id, const sla::TicketClock& clock,
                              const std::vector<sla::BreachRecord>& kept);

  /// What rules say of a clock that has ended is of when it did: there only the rest is compared.
  Result<void> check_figures(const TicketId& id, const SlaTicket& read, std::vector<FigureRow> due, bool rules);

  VerifyRun& run_;
  SlaRows rows_;
  FigureRows figures_;
  std::uint64_t looked_seq_ = 0, newest_seq_ = 0, figures_to_ = 0;
  std::vector<RecordVersion> versions_;
  std::unique_ptr<SlaNames> names_;
  std::shared_ptr<const CategoryNames> categories_;
  std::map<std::size_t, std::unique_ptr<SlaSettings>> settings_;  // by how many versions were known
};

}  // namespace tern::server
