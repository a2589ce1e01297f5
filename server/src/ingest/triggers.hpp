// Triggers act: what people did to a ticket, or that nobody answered, is followed by changes of the server's own in the
// same transaction, explained by a note (docs/triggers.md).
#pragma once

#include <map>

#include "batch.hpp"
#include "desk/trigger_rules.hpp"

namespace tern::server {

/// Those of the tenant, read once. In the order in which they act.
struct TriggerDesk {
  std::vector<TriggerRule> rules;
  std::map<RecordId, std::int64_t> looked_to;  // of no_response: where the next look goes on among those who wait
};

/// Behind a set that was processed: what its changes set off is added to its follow-ups. Changes of the server's own,
/// of imports, and those that are said again set off nothing.
Result<void> fire_triggers(Batch& batch, SetWork& work);

}  // namespace tern::server
