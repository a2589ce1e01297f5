// The words of the API for statuses and priorities. What it shows is coarser than what a ticket holds: written back as
// it was shown, it changes nothing.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "tern/sync/ticket_state.hpp"

namespace tern::server {

/// new in_progress done ... ; of a merged ticket: closed.
std::string_view shown_status(const sync::TicketState& state);
/// urgent for high, else its own name.
std::string_view shown_priority(std::uint8_t rank);

/// Every word that may be set: those of tickets, and done, pending.
std::optional<sync::Status> status_of_word(std::string_view word);
/// What a list's filter shows: new, in_progress, done, active, all, and exact statuses. Nothing: no such filter.
std::optional<std::vector<sync::Status>> statuses_of_filter(std::string_view word);

/// "client", "support" or "system". What makes a ticket, and is nobody, asks like a client.
std::string_view author_type(sync::PrincipalKind kind, bool of_description);

}  // namespace tern::server
