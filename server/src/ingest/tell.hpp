// Whom a commit makes to be told of what: rows of `notification`, in its transaction (docs/notifications.md).
#pragma once

#include "batch.hpp"
#include "desk/notifications.hpp"
#include "tern/sla/alert.hpp"

namespace tern::server {

/// It became part of its ticket, and somebody did it: no import, no rule, nothing that was there before.
bool is_news(const Entry& entry);

/// The number of what is told next; written with the batch, where that sets or reads it.
Result<std::uint64_t> next_notification(Batch& batch);

/// Once for each cause. Nobody is told who is not there any more, reads no tickets, or does not want to be. True: now.
Result<bool> tell(Batch& batch, const OperatorId& whom, Notification what);

/// Whoever holds it, then who watches it.
std::vector<OperatorId> people_of(const sync::TicketState& state);
/// The operators of its queue; where it has none, all who answer customers.
std::vector<OperatorId> team_of(const Batch& batch, const sync::TicketState& state);
/// Those who may give it to anybody.
std::vector<OperatorId> supervisors_of(const Batch& batch, const sync::TicketState& state);

/// What the set did to tickets, those whom it concerns but its authors.
Result<void> tell_of_set(Batch& batch, const SetWork& work);

/// A deadline. `people`: who holds or watches the ticket; of nobody's the supervisors are told. Breaches reach
/// managers. Gives when those are to be told next whose hours a quiet alert waits for (K15): call again then, until
/// nobody is left.
Result<std::optional<sla::Instant>> tell_of_alert(Batch& batch, const TicketId& ticket,
                                                  const std::vector<OperatorId>& people, const sla::Alert& alert,
                                                  const sla::Calendars& calendars);

/// A breach that was told of and is none: proof came later.
Result<void> tell_of_rescinded(Batch& batch, const TicketId& ticket, const std::vector<OperatorId>& people,
                               const sla::BreachRecord& record);

}  // namespace tern::server
