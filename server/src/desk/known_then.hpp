// A past period as it was known at its end, beside what is known of it now (docs/reports.md, H7 to H9).
#pragma once

#include <string>
#include <vector>

#include "desk/period_figures.hpp"
#include "store/tenant.hpp"

namespace tern::server {

/// What was made before the end of a period and arrived after it.
struct LateArrival {
  TicketId ticket;
  LateChange change;
};

struct KnownThen {
  PeriodFigures figures;
  std::vector<LateArrival> late;  // by arrival
};

/// Tickets without a late arrival are counted of their rows; the others are folded from what had been committed by
/// then. `readable`: readable_condition of the caller.
Result<KnownThen> known_then(const Tenant& tenant, sqlite::Database& db, const Period& period,
                             const std::string& readable);

/// What limits rows of `table`, which name a ticket, to tickets of that condition (readable_condition); empty: nothing.
std::string rows_readable(const std::string& readable, std::string_view table);

}  // namespace tern::server
