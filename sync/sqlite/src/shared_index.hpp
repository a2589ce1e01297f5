// The index of a log in the memory of the process, for all its connections to one database.
#pragma once

#include <string>

#include "tern/protocol/error.hpp"

namespace tern::sqlite {

/// The name of a VFS that keeps files where the system's does, and no index of a log among them. Connections that name
/// their database alike share its index. SQLite has been initialised.
Result<std::string> vfs_with_shared_index();

}  // namespace tern::sqlite
