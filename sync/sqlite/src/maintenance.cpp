// Checkpoints, checks and copies of a Database.
#include <sqlite3.h>

#include <string>

#include "tern/sqlite/database.hpp"
#include "tern/sqlite/files.hpp"
#include "tern/sqlite/search_index.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::sqlite {
namespace {

constexpr int copied_pages_a_step = 256;  // between two questions whether to go on

}  // namespace

Result<Checkpoint> Database::checkpoint(CheckpointMode mode) {
  check(role_ == Role::writer, "only the writer checkpoints");
  TERN_CHECKED(settle_undo());
  const int how = mode == CheckpointMode::passive ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_TRUNCATE;
  int wal_frames = 0;
  int done_frames = 0;
  const int code = sqlite3_wal_checkpoint_v2(handle_, "main", how, &wal_frames, &done_frames);
  const bool held_back = (code & 0xff) == SQLITE_BUSY;
  if (code != SQLITE_OK && !held_back) return failure(code, "checkpoint");
  Checkpoint result;
  result.wal_frames = wal_frames < 0 ? 0 : wal_frames;
  result.checkpointed_frames = done_frames < 0 ? 0 : done_frames;
  result.complete = !held_back && result.wal_frames == result.checkpointed_frames;
  return result;
}

Result<void> settle(Database& writer) {
  TERN_TRY(const Checkpoint done, writer.checkpoint(CheckpointMode::truncate));
  if (!done.complete)
    return fail(ErrorCode::busy, "readers keep the database " + writer.path() + " from being settled",
                "try again in a moment");
  // The first commit of a log names a new one, and is synced before anything stands in it: what is left of the old log
  // counts no more, even when its end is not on the disk.
  TERN_TRY(const auto version, writer.int64_of("PRAGMA user_version"));
  return writer.exec("PRAGMA user_version = " + std::to_string(version.value_or(0)));
}

Result<void> remove_database(const std::string& path, const std::string& vfs) {
  sqlite3_vfs* files =
      sqlite3_initialize() == SQLITE_OK ? sqlite3_vfs_find(vfs.empty() ? nullptr : vfs.c_str()) : nullptr;
  if (files == nullptr) return fail(ErrorCode::internal, "there is no file system called " + vfs);
  const int code = files->xDelete(files, path.c_str(), 0);
  if (code != SQLITE_OK && code != SQLITE_IOERR_DELETE_NOENT)
    return fail(ErrorCode::storage_failed, "could not delete the database " + path,
                "check the disk and the permissions of its folder");
  for (const char* suffix : {"-wal", "-shm", "-journal"}) files->xDelete(files, (path + suffix).c_str(), 0);
  return {};
}

Result<void> Database::vacuum_into(const std::string& path) {
  return run("VACUUM INTO $1", Text{path});
}

Result<void> Database::backup_to(Database& target) {
  // One snapshot from the first page to the last: SQLite begins again where somebody commits between two steps.
  TERN_CHECKED(target.settle_undo());
  TERN_TRY(auto snapshot, Transaction::begin_read(*this));
  TERN_CHECKED(int64_of("SELECT count(*) FROM sqlite_schema"));
  sqlite3_backup* backup = sqlite3_backup_init(target.handle_, "main", handle_, "main");
  if (backup == nullptr) return target.failure(sqlite3_extended_errcode(target.handle_), "copy into");
  int code = SQLITE_OK;
  while (code == SQLITE_OK)
    code = keep_going_ && !keep_going_() ? SQLITE_INTERRUPT : sqlite3_backup_step(backup, copied_pages_a_step);
  const int finished = sqlite3_backup_finish(backup);
  if (code == SQLITE_INTERRUPT) return failure(code, "copy");
  if (finished != SQLITE_OK) return target.failure(finished, "copy into");
  return {};
}

Result<void> Database::check_with(std::string_view pragma) {
  TERN_TRY(auto findings, prepare(pragma));
  TERN_TRY(const bool row, findings.step());
  if (row && findings.text(0) == "ok") return {};
  met_damage_ = true;
  const std::string finding(row ? findings.text(0) : std::string_view("no answer"));
  return fail(ErrorCode::corrupt, "the database " + path_ + " is damaged: " + finding);
}

Result<void> Database::integrity_check() {
  return check_with("PRAGMA integrity_check(1)");
}
Result<void> Database::quick_check() {
  return check_with("PRAGMA quick_check(1)");
}

Result<void> settle_search_index(Database& database) {
  // A savepoint writes down what FTS5 has in memory.
  return database.exec("SAVEPOINT search_index; RELEASE search_index");
}

}  // namespace tern::sqlite
