// What can be done about what became of a change: the labels are the kernel's (tern/sync/conflict.hpp), what each of
// them comes to stands in one table here.
#pragma once

#include <string_view>
#include <vector>

#include "tern/client/commands.hpp"
#include "tern/client/enrolment.hpp"
#include "tern/client/views.hpp"

namespace tern::client {

class Replica;
struct OwnChange;

/// Of one entry of attention or history. `ghost`: its ticket has left; `altered`: it changed what became of others'.
std::vector<std::string_view> follow_up_labels(const HistoryEntry& entry, bool ghost, bool altered);
FollowUp make_follow_up(std::string_view label, const sync::ChangeRef& change);

struct FollowUpParts {
  Replica& replica;
  const DeviceIdentity& identity;
};

struct FollowUpPlan {
  std::vector<sync::Change> changes;  // without ids; none: it is only dismissed
  FollowedUp::Rest rest = FollowedUp::Rest::nothing;
  TicketId ticket;
};

/// `usage` when there is no follow-up of this id; `not_found` when the ticket is not on this device.
Result<FollowUpPlan> plan_follow_up(FollowUpParts parts, const OwnChange& own, std::string_view id,
                                    std::string_view reason);

}  // namespace tern::client
