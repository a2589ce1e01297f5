// External references of tickets that the server itself writes, by their types.
#pragma once

#include <string>

#include "tern/sync/ticket_state.hpp"

namespace tern::server {

/// Names a conversation: "telegram:77".
inline constexpr const char* conversation_ref = "conversation";
/// Which way a ticket came in, where it was no person with a page or a program: `inbound_type`.
inline constexpr const char* channel_ref = "channel";

/// Which way a ticket came: what it was made with says so, or else who made it: "portal", "api" or "desk". Never empty.
std::string channel_of(const sync::TicketState& state);

}  // namespace tern::server
