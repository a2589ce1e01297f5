// A restore: a server made of a backup. It always begins a new epoch before it may serve. Source: protocol.md "A server
// that comes back older than its devices".
#pragma once

#include "tern/protocol/environment.hpp"
#include "tern/protocol/json.hpp"
#include "tern/server/server_core.hpp"

namespace tern::server::admin {

/// The arguments of the command `restore`. Nothing of the directory is touched before the backup was read, checked and
/// made ready beside it. `verification_failed` for a backup that is damaged, cut, or not of this recovery key.
Result<Json> restore(const ServerOptions& options, const Json& command, Environment& environment);

}  // namespace tern::server::admin
