// A new log key for a server whose old one is worn or stolen. Offline: nobody signs meanwhile.
#pragma once

#include "tern/protocol/environment.hpp"
#include "tern/protocol/json.hpp"
#include "tern/server/server_core.hpp"

namespace tern::server::admin {

/// `{"command":"keys replace","recovery-key","stolen"?}`: see commands/server.cpp.
Result<Json> replace_keys(const ServerOptions& options, const Json& command, Environment& environment);

}  // namespace tern::server::admin
