// Files that hold secrets: private to their owner, replaced as a whole or not at all, overwritten before they go.
#pragma once

#include <string>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::client {

/// Makes the directory (and missing parents) 0700; one that others may enter is closed to them.
/// `storage_failed` when it cannot be made, or something else has its name.
Result<void> make_private_directory(const std::string& path);

/// A regular file that others may read is closed to them; one that is not there is none.
Result<void> close_to_others(const std::string& path);
/// Whether something has that name. `not_permitted`, `storage_failed`: nobody knows, and nothing may be made of it.
Result<bool> is_there(const std::string& path);
/// Not there, or empty. Errors: as is_there.
Result<bool> holds_nothing(const std::string& path);
/// Makes an empty file, 0600, and fsyncs the directory; one that is there stays as it is. `storage_full`,
/// `storage_failed`.
Result<void> make_private_file(const std::string& path);

/// The whole file, at most `bytes_max`. Closes it to others (0600) if it was open to them. `not_found`; `too_large`;
/// `storage_failed`, also for anything that is no regular file.
Result<Bytes> read_private_file(const std::string& path, std::size_t bytes_max);

/// As read_private_file, for a file that is somebody else's: its rights stay as they are, and a link is followed.
Result<Bytes> read_foreign_file(const std::string& path, std::size_t bytes_max);

/// Writes a temporary file beside `path`, 0600, fsync; renames it over `path`; fsyncs the directory. After an error the
/// old file is as it was. `storage_full`, `storage_failed`.
Result<void> write_private_file(const std::string& path, ByteView content);

/// Overwrites the file with zeros, fsyncs, unlinks, fsyncs the directory. A missing file is no error. A disk may keep
/// old blocks all the same: what must be unreadable is a key, and the key's other half is elsewhere (key_file.hpp).
Result<void> shred_file(const std::string& path);

}  // namespace tern::client
