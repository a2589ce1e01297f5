// External references of tickets that the server itself writes, by their types.
#pragma once

namespace tern::server {

/// Names a conversation: "telegram:77".
inline constexpr const char* conversation_ref = "conversation";
/// Which way a ticket came in, where it was no person with a page or a program: `inbound_type`.
inline constexpr const char* channel_ref = "channel";

}  // namespace tern::server
