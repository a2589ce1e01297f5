// Tickets of mine that a close ended in the past: it came late, and moves that had their receipts have no effect now.
#pragma once

#include <optional>
#include <vector>

#include "tern/client/views.hpp"
#include "views/ticket_list.hpp"

namespace tern::client {

class Outbox;
struct OwnChange;

/// One entry for each, named by the close. Its authors are told by amendments; this is for the assignee, who may be
/// neither. What was dismissed is left out.
Result<std::vector<HistoryEntry>> late_ends(ListParts parts, const ClockText& clock);

/// The close as something that can be followed up or dismissed; nothing where no entry has this name.
Result<std::optional<OwnChange>> find_late_end(ListParts parts, const sync::ChangeRef& close);
Result<void> dismiss_late_end(Outbox& outbox, const OwnChange& close);

}  // namespace tern::client
