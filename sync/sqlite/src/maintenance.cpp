// Checkpoints, checks and copies of a Database.
#include <sqlite3.h>

#include <string>

#include "tern/sqlite/database.hpp"

namespace tern::sqlite {

Result<Checkpoint> Database::checkpoint(CheckpointMode mode) {
  check(role_ == Role::writer, "only the writer checkpoints");
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

Result<void> Database::vacuum_into(const std::string& path) {
  return run("VACUUM INTO $1", Text{path});
}

Result<void> Database::backup_to(Database& target) {
  sqlite3_backup* backup = sqlite3_backup_init(target.handle_, "main", handle_, "main");
  if (backup == nullptr) return target.failure(sqlite3_extended_errcode(target.handle_), "copy into");
  sqlite3_backup_step(backup, -1);
  const int code = sqlite3_backup_finish(backup);
  if (code != SQLITE_OK) return target.failure(code, "copy into");
  return {};
}

Result<void> Database::check_with(std::string_view pragma) {
  TERN_TRY(auto findings, prepare(pragma));
  TERN_TRY(const bool row, findings.step());
  if (row && findings.text(0) == "ok") return {};
  const std::string finding(row ? findings.text(0) : std::string_view("no answer"));
  return fail(ErrorCode::corrupt, "the database " + path_ + " is damaged: " + finding);
}

Result<void> Database::integrity_check() {
  return check_with("PRAGMA integrity_check(1)");
}
Result<void> Database::quick_check() {
  return check_with("PRAGMA quick_check(1)");
}

}  // namespace tern::sqlite
