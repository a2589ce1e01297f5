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

/// Deletes the database and what lies beside it (-wal, -shm, -journal). Files that are not there are none; one that
/// cannot be deleted stays, and shows when the database is opened the next time. `vfs` as in OpenOptions.
void remove_database(const std::string& path, const std::string& vfs);

}  // namespace tern::sqlite
