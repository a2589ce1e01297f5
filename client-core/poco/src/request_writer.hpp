// Requests as bytes.
#pragma once

#include <string>
#include <string_view>

#include "tern/client/transport.hpp"
#include "tern/protocol/error.hpp"

namespace tern::client {

/// The whole request. Error `usage` when method, target or a header holds what would split or frame it otherwise; body,
/// Host, Content-Length and Connection are ours.
Result<std::string> write_request(const HttpRequest& request, std::string_view authority);

/// The same for a WebSocket handshake with a fresh key; `expected_accept` is what a WebSocket server answers to it.
Result<std::string> write_upgrade(const HttpRequest& request, std::string_view authority, std::string& expected_accept);

}  // namespace tern::client
