// The sheet with the recovery key: written for people, outside the server's directory, and watched until it is gone.
#pragma once

#include <optional>
#include <string>

#include "tern/protocol/error.hpp"

namespace tern::server {

/// 0600 at `path` (empty: DIRECTORY-recovery-key.txt); gives the path. The directory keeps the path, never the key.
/// `invalid` for a path inside the directory.
Result<std::string> write_recovery_sheet(const std::string& directory, const std::string& path,
                                         const std::string& recovery_key);
/// DIRECTORY-recovery-key.txt
std::string recovery_sheet_path(const std::string& directory);
/// Where the sheet still lies; nothing once it is gone.
std::optional<std::string> recovery_sheet(const std::string& directory);

}  // namespace tern::server
