// Keeps the SLA projection: tickets that a commit touched, and those whose clock changes by time alone (docs/sla.md).
#pragma once

#include "batch.hpp"
#include "desk/sla_events.hpp"
#include "desk/sla_settings.hpp"
#include "tern/sla/instant.hpp"

namespace tern::server {

/// What clocks go by, made once: expanded calendars among it.
struct SlaDesk {
  SlaSettings settings;
  std::shared_ptr<const CategoryNames> categories;
};

/// For a batch that is about to commit. What it touched is looked at in it when that is little; else it waits for
/// `look_at_clocks` (jobs.hpp), as do all open clocks once rules, calendars or what rules look at changed.
Result<void> follow_clocks(Batch& batch);

/// No ticket's fault: what comes of anything else is about the one that was looked at.
bool is_of_storage(const Error& error);

/// Every ticket of `tickets`, as of the batch's time.
Result<void> look_at(Batch& batch, std::vector<TicketId> tickets);

/// New versions of the calendars whose zone another release of the database puts elsewhere from now on. Strand.
Result<void> renew_calendars(Tenant& tenant, sla::Instant now);

}  // namespace tern::server
