// Answers as bytes.
#pragma once

#include <string>
#include <string_view>

#include "tern/server/http.hpp"

namespace tern::server::edge {

/// The whole answer but for its file. `head_only`: to a HEAD request, which gets everything but the body.
std::string write_answer(const Response& response, std::string_view request_id, bool close, bool head_only);

/// The 101 that turns a connection into a stream.
std::string write_upgrade(const StreamAccept& accept, std::string_view websocket_key, std::string_view request_id);

}  // namespace tern::server::edge
