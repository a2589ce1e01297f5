// What is done with the files of a database beyond reading and writing rows.
#pragma once

#include <string>

#include "tern/protocol/error.hpp"

namespace tern::sqlite {

class Database;

/// What the file shows is on the disk once this has returned. After a sync that failed, and after a program that met
/// one has ended, the log may show commits that no disk holds, and the next sync does not bring them there: they are
/// written into the database, synced there, and the log begins anew. `busy` while a reader holds it up.
Result<void> settle(Database& writer);

/// Deletes the database, and then what lies beside it (-wal, -shm, -journal). Files that are not there are none. A log
/// that is left behind counts no more, for its database is gone; a database that cannot be deleted keeps its log:
/// without it, it would be an older one, or parts of several. `vfs` as in OpenOptions.
Result<void> remove_database(const std::string& path, const std::string& vfs);

}  // namespace tern::sqlite
