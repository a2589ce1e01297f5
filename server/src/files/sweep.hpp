// Files that nobody may read any more go.
#pragma once

#include <cstddef>

#include "tern/protocol/error.hpp"

namespace tern::server {

class Tenant;

/// What is not in the ledger so long after it came never will be: who sent it was refused, or the server ended between
/// the file and its change. A device that comes back after a restore has as long.
inline constexpr std::int64_t files_without_change_kept_ms = 7LL * 24 * 3'600'000;

/// Drops files whose changes were erased, those that are without one for too long, and those of which no more came for
/// limits::unfinished_file_ms: their device begins anew. Gives how many. Strand.
Result<std::size_t> sweep_files(Tenant& tenant);

}  // namespace tern::server
