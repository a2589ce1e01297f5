// A backup, an export or a restore that somebody stops takes what it has made so far away.
#pragma once

#include "tern/server/server_core.hpp"

namespace tern::server::admin {

inline Result<void> check_not_interrupted(const ServerOptions& options) {
  if (!options.interrupted || !options.interrupted()) return {};
  return fail(ErrorCode::storage_failed, "Interrupted: nothing was written.");
}

}  // namespace tern::server::admin
