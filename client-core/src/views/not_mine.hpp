// What another copy of this device landed under its key, for whoever holds this one to look at.
#pragma once

#include <optional>
#include <vector>

#include "tern/client/views.hpp"
#include "views/ticket_list.hpp"

namespace tern::client {

struct OwnChange;

/// One entry for each change, the newest first.
Result<std::vector<HistoryEntry>> others_entries(ListParts parts, const ClockText& clock);
/// As something that can be followed up; nothing where no entry has this name. It has no values: they are on the
/// ticket.
Result<std::optional<OwnChange>> find_others_change(Outbox& outbox, const sync::ChangeRef& ref);

}  // namespace tern::client
