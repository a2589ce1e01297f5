#include "files/file_shelf.hpp"

#include <algorithm>

#include "keys/secure_file.hpp"
#include "migrations_shelf.inc"
#include "tern/protocol/limits.hpp"
#include "tern/sqlite/files.hpp"
#include "tern/sqlite/migrations.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::client {

using limits::file_piece_bytes;

namespace {

constexpr std::string_view shelf_columns =
    "id, device_id, change_id, ticket_id, content_hash, size_bytes, have_bytes, sent_in, asked, failures, problem";

ShelvedFile read_shelved(const sqlite::Statement& row) {
  ShelvedFile out;
  out.id = row.int64(0);
  out.change = {row.id<DeviceId>(1), row.id<ChangeId>(2)};
  out.ticket = row.id<TicketId>(3);
  out.sha256 = row.id<Hash>(4);
  out.size_bytes = row.uint64(5);
  out.have_bytes = row.uint64(6);
  out.sent_in = row.id<EpochId>(7);
  out.asked = row.boolean(8);
  out.failures = static_cast<std::uint32_t>(row.int64(9));
  out.problem = std::string(row.text(10));
  return out;
}

tl::unexpected<Error> file_not_here() {
  return fail(ErrorCode::not_found, "the file is not here any more");
}

}  // namespace

/// False: there is none, because there is no content.
Result<bool> FileShelf::open(bool create) {
  if (left_) return false;
  if (database_) return true;
  if (looked_ && !create) return false;
  auto connected = connect(create);
  const bool damaged = !connected && connected.error().code == ErrorCode::corrupt && options_.can_be_fetched_again &&
                       options_.role == sqlite::Role::writer;
  if (damaged) {
    TERN_CHECKED(destroy());
    if (!create) return false;
    connected = connect(true);
  }
  if (!connected && connected.error().code == ErrorCode::not_found && !create) {
    looked_ = options_.role == sqlite::Role::writer;  // who only looks is beside another who may make it
    return false;
  }
  TERN_CHECKED(connected);
  return true;
}

Result<void> FileShelf::connect(bool create) {
  sqlite::OpenOptions how;
  how.path = options_.path;
  how.role = options_.role;
  how.create = create;
  how.vfs = options_.vfs;
  how.synchronous = options_.synchronous;
  if (options_.role == sqlite::Role::writer) how.index = sqlite::LogIndex::connection_if_full;
  if (sqlite::encryption_available()) how.key = sqlite::DatabaseKey::or_zero(options_.key.view());
  if (options_.vfs.empty()) {
    TERN_TRY(const bool no_file, holds_nothing(options_.path));
    TERN_TRY(const bool no_log, holds_nothing(options_.path + "-wal"));
    if (no_file && no_log && !create) return fail(ErrorCode::not_found, "no file was attached or fetched here");
    if (no_file && create) TERN_CHECKED(make_private_file(options_.path));
  }
  TERN_TRY(auto database, sqlite::Database::open(how));
  if (options_.role == sqlite::Role::writer) {
    // Nothing is sent that the disk might lose.
    const bool durable = options_.synchronous == sqlite::Synchronous::full;
    if (auto settled = durable ? sqlite::settle(*database) : Result<void>{};
        !settled && settled.error().code != ErrorCode::storage_full)
      return settled;
    TERN_CHECKED(sqlite::migrate(*database, shelf_migrations));
  }
  database_ = std::move(database);
  return {};
}

Result<void> FileShelf::destroy() {
  database_.reset();
  looked_ = true;
  return sqlite::remove_database(options_.path, options_.vfs);
}

Result<void> FileShelf::leave_disk() {
  left_ = true;
  return destroy();
}

// ---- reading ----

Result<std::optional<ShelvedFile>> FileShelf::find(const sync::ChangeRef& change) {
  TERN_TRY(const bool there, open(false));
  if (!there) return std::optional<ShelvedFile>{};
  static const std::string sql =
      "SELECT " + std::string(shelf_columns) + " FROM content WHERE device_id = $1 AND change_id = $2";
  TERN_TRY(auto rows, database_->query(sql, change.device, change.id));
  TERN_TRY(const bool found, rows.step());
  return found ? std::optional(read_shelved(rows)) : std::nullopt;
}

Result<std::vector<ShelvedFile>> FileShelf::all() {
  std::vector<ShelvedFile> out;
  TERN_TRY(const bool there, open(false));
  if (!there) return out;
  static const std::string sql = "SELECT " + std::string(shelf_columns) + " FROM content ORDER BY id";
  TERN_TRY(auto rows, database_->query(sql));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back(read_shelved(rows));
  }
}

Result<std::vector<ShelvedFile>> FileShelf::unsent(const EpochId& epoch) {
  TERN_TRY(auto files, all());
  std::erase_if(files,
                [&](const ShelvedFile& file) { return !file.whole() || (file.sent_in == epoch && !epoch.is_zero()); });
  return files;
}

Result<FileShelf::Waiting> FileShelf::waiting(const EpochId& epoch) {
  Waiting out;
  TERN_TRY(const auto files, unsent(epoch));
  for (const ShelvedFile& file : files) {
    if (!file.problem.empty()) {
      ++out.stuck;
      continue;
    }
    ++out.files;
    out.bytes += file.size_bytes;
  }
  return out;
}

Result<Bytes> FileShelf::read(const ShelvedFile& file, std::uint64_t offset, std::size_t length) {
  Bytes out;
  TERN_TRY(const bool there, open(false));
  if (!there) return file_not_here();
  while (out.size() < length && offset + out.size() < file.have_bytes) {
    const std::uint64_t at = offset + out.size();
    TERN_TRY(auto rows,
             database_->query("SELECT bytes FROM piece WHERE content = $1 AND n = $2", file.id, at / file_piece_bytes));
    TERN_TRY(const bool found, rows.step());
    if (!found) return file_not_here();
    const ByteView piece = rows.blob(0);
    const std::size_t within = at % file_piece_bytes;
    if (within >= piece.size()) return fail(ErrorCode::corrupt, "a stored file is shorter than it says");
    out += piece.substr(within, length - out.size());
  }
  return out;
}

Result<Hash> FileShelf::hash_of(const ShelvedFile& file, ByteView more) {
  protocol::Sha256 digest;
  for (std::uint64_t at = 0; at < file.have_bytes;) {
    TERN_TRY(const Bytes bytes, read(file, at, limits::file_piece_bytes_max));
    digest.add(bytes);
    at += bytes.size();
  }
  return digest.add(more).finish();
}

// ---- writing ----

Result<std::int64_t> FileShelf::begin(const sync::ChangeRef& change, const TicketId& ticket, const Hash& sha256,
                                      std::uint64_t size_bytes, bool asked) {
  TERN_TRY(const bool there, open(true));
  if (!there) return fail(ErrorCode::key_revoked, "this device was wiped: it keeps no files");
  TERN_TRY(auto transaction, sqlite::Transaction::begin_write(*database_));
  TERN_CHECKED(database_->run("DELETE FROM content WHERE device_id = $1 AND change_id = $2", change.device, change.id));
  TERN_CHECKED(database_->run(
      "INSERT INTO content (device_id, change_id, ticket_id, content_hash, size_bytes, have_bytes, sent_in, asked, "
      "failures, problem) VALUES ($1, $2, $3, $4, $5, 0, NULL, $6, 0, '')",
      change.device, change.id, ticket, sha256, size_bytes, asked ? 1 : 0));
  const std::int64_t id = database_->last_insert_rowid();
  TERN_CHECKED(transaction.commit());
  return id;
}

Result<void> FileShelf::append(std::int64_t id, std::uint64_t at, ByteView bytes) {
  TERN_TRY(const bool there, open(false));
  if (!there) return file_not_here();
  TERN_TRY(auto transaction, sqlite::Transaction::begin_write(*database_));
  for (std::size_t done = 0; done < bytes.size(); done += file_piece_bytes)
    TERN_CHECKED(database_->run("INSERT INTO piece (content, n, bytes) VALUES ($1, $2, $3)", id,
                                (at + done) / file_piece_bytes, sqlite::Blob{bytes.substr(done, file_piece_bytes)}));
  TERN_CHECKED(database_->run("UPDATE content SET have_bytes = $2 WHERE id = $1", id, at + bytes.size()));
  return transaction.commit();
}

Result<void> FileShelf::finish(std::int64_t id, const Hash& sha256) {
  TERN_TRY(const bool there, open(false));
  if (!there) return file_not_here();
  return database_->run("UPDATE content SET content_hash = $2 WHERE id = $1", id, sha256);
}

Result<void> FileShelf::mark_sent(const sync::ChangeRef& change, const EpochId& epoch) {
  TERN_TRY(const bool there, open(false));
  if (!there) return {};
  return database_->run(
      "UPDATE content SET sent_in = $3, failures = 0, problem = '' WHERE device_id = $1 AND change_id = $2",
      change.device, change.id, epoch);
}

Result<void> FileShelf::mark_asked(const sync::ChangeRef& change) {
  TERN_TRY(const bool there, open(false));
  if (!there) return {};
  return database_->run(
      "UPDATE content SET asked = 1, failures = 0, problem = '' WHERE device_id = $1 AND change_id = $2", change.device,
      change.id);
}

Result<void> FileShelf::note_failure(const sync::ChangeRef& change, std::uint32_t failures, std::string_view problem) {
  TERN_TRY(const bool there, open(false));
  if (!there) return {};
  return database_->run("UPDATE content SET failures = $3, problem = $4 WHERE device_id = $1 AND change_id = $2",
                        change.device, change.id, failures, sqlite::Text{problem});
}

Result<void> FileShelf::start_over(const sync::ChangeRef& change) {
  TERN_TRY(const bool there, open(false));
  if (!there) return {};
  TERN_TRY(auto transaction, sqlite::Transaction::begin_write(*database_));
  TERN_CHECKED(
      database_->run("DELETE FROM piece WHERE content IN (SELECT id FROM content WHERE device_id = $1 AND "
                     "change_id = $2)",
                     change.device, change.id));
  TERN_CHECKED(database_->run("UPDATE content SET have_bytes = 0 WHERE device_id = $1 AND change_id = $2",
                              change.device, change.id));
  return transaction.commit();
}

/// What is deleted is overwritten (secure_delete), in the log, too.
Result<void> FileShelf::drop(const std::vector<sync::ChangeRef>& changes) {
  if (changes.empty()) return {};
  TERN_TRY(const bool there, open(false));
  if (!there) return {};
  TERN_TRY(auto transaction, sqlite::Transaction::begin_write(*database_));
  for (const sync::ChangeRef& change : changes)
    TERN_CHECKED(
        database_->run("DELETE FROM content WHERE device_id = $1 AND change_id = $2", change.device, change.id));
  TERN_CHECKED(transaction.commit());
  TERN_TRY(const auto left, database_->int64_of("SELECT 1 FROM content LIMIT 1"));
  if (!left) return destroy();
  static_cast<void>(database_->checkpoint(sqlite::CheckpointMode::truncate));  // else the next one does
  return {};
}

}  // namespace tern::client
