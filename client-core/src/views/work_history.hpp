// What became of my work: receipts and amendments, told for people.
#pragma once

#include <optional>
#include <vector>

#include "tern/client/views.hpp"
#include "views/ticket_list.hpp"

namespace tern::client {

/// Own changes on one ticket or on all, oldest first.
Result<std::vector<HistoryEntry>> work_history(ListParts parts, const std::optional<TicketId>& ticket,
                                               const ClockText& clock);

/// Conflicts, amendments, held, rejected, and pending work on tickets that left (ghosts), newest first; then tickets of
/// mine that a late close ended, and what another copy of this device landed.
Result<std::vector<HistoryEntry>> work_attention(ListParts parts, const ClockText& clock);

}  // namespace tern::client
