// What one folded change set: an entry of an exported ticket's history for each field.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "admin/ticket_export.hpp"

namespace tern::server::admin {

/// The status each move of the ticket led to, or, where it was overtaken, would have led to; nothing where no way
/// leads.
std::map<sync::ChangeRef, std::optional<sync::Status>> statuses_of_moves(const sync::TicketState& state);

std::vector<Json> settings_of(const sync::PlacedChange& placed, const LedgerChange& row,
                              const std::map<sync::ChangeRef, std::optional<sync::Status>>& led_to, const Names& names);

}  // namespace tern::server::admin
