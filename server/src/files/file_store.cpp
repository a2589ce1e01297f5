#include "file_store.hpp"

#include <algorithm>

#include "migrations_files.inc"
#include "tern/protocol/limits.hpp"
#include "tern/sqlite/migrations.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::server {
namespace {

using limits::file_piece_bytes;
constexpr std::uint64_t written_at_once_bytes = 16 * file_piece_bytes;  // of one transaction
constexpr std::size_t idle_file_readers_max = 4;
constexpr int file_writer_wait_ms = 100;  // for a reader, when the log is emptied

Result<std::optional<std::int64_t>> content_named(sqlite::Database& db, std::int64_t tenant,
                                                  const sync::ChangeRef& change) {
  return db.int64_of("SELECT content_id FROM reference WHERE tenant_id = $1 AND device_id = $2 AND change_id = $3",
                     tenant, change.device, change.id);
}

Result<void> forget_content(sqlite::Database& db, std::int64_t tenant, std::int64_t content) {
  TERN_CHECKED(db.run("DELETE FROM piece WHERE tenant_id = $1 AND content_id = $2", tenant, content));
  return db.run("DELETE FROM content WHERE tenant_id = $1 AND content_id = $2", tenant, content);
}

/// If nobody refers to it.
Result<void> forget_unused(sqlite::Database& db, std::int64_t tenant, std::int64_t content) {
  TERN_TRY(const auto used,
           db.int64_of("SELECT 1 FROM reference WHERE tenant_id = $1 AND content_id = $2 LIMIT 1", tenant, content));
  return used ? Result<void>{} : forget_content(db, tenant, content);
}

Result<void> forget_reference(sqlite::Database& db, std::int64_t tenant, const sync::ChangeRef& change) {
  TERN_TRY(const auto content, content_named(db, tenant, change));
  if (!content) return {};
  TERN_CHECKED(db.run("DELETE FROM reference WHERE tenant_id = $1 AND device_id = $2 AND change_id = $3", tenant,
                      change.device, change.id));
  return forget_unused(db, tenant, *content);
}

Result<void> write_reference(sqlite::Database& db, std::int64_t tenant, const sync::ChangeRef& change,
                             std::int64_t content, std::int64_t now_ms) {
  TERN_TRY(const auto before, content_named(db, tenant, change));
  TERN_CHECKED(db.run(
      "INSERT INTO reference (tenant_id, device_id, change_id, content_id, touched_ms) VALUES ($1, $2, $3, $4, $5) "
      "ON CONFLICT (tenant_id, device_id, change_id) DO UPDATE SET content_id = excluded.content_id, "
      "touched_ms = excluded.touched_ms",
      tenant, change.device, change.id, content, now_ms));
  return before && *before != content ? forget_unused(db, tenant, *before) : Result<void>{};
}

Result<std::optional<std::int64_t>> known_content(sqlite::Database& db, std::int64_t tenant, const Hash& sha256) {
  return db.int64_of(
      "SELECT content_id FROM content WHERE tenant_id = $1 AND content_hash = $2 AND content_hash IS NOT NULL", tenant,
      sha256);
}

/// A content that is not known yet, and its reference.
Result<std::int64_t> begin_content(sqlite::Database& db, std::int64_t tenant, const sync::ChangeRef& change,
                                   std::uint64_t size_bytes, std::int64_t now_ms, std::int64_t& newest) {
  TERN_TRY(const auto there, db.int64_of("SELECT max(content_id) FROM content WHERE tenant_id = $1", tenant));
  const std::int64_t content = newest = std::max(newest, there.value_or(0)) + 1;
  TERN_CHECKED(db.run("INSERT INTO content (tenant_id, content_id, size_bytes, have_bytes) VALUES ($1, $2, $3, 0)",
                      tenant, content, size_bytes));
  TERN_CHECKED(write_reference(db, tenant, change, content, now_ms));
  return content;
}

Result<void> append_pieces(sqlite::Database& db, std::int64_t tenant, std::int64_t content, std::uint64_t at,
                           ByteView bytes) {
  for (std::uint64_t done = 0; done < bytes.size(); done += file_piece_bytes)
    TERN_CHECKED(db.run("INSERT INTO piece (tenant_id, content_id, n, bytes) VALUES ($1, $2, $3, $4)", tenant, content,
                        (at + done) / file_piece_bytes, sqlite::Blob{bytes.substr(done, file_piece_bytes)}));
  return db.run("UPDATE content SET have_bytes = $3 WHERE tenant_id = $1 AND content_id = $2", tenant, content,
                at + bytes.size());
}

tl::unexpected<Error> is_another_file() {
  return fail(ErrorCode::content_mismatch, "The file is not the one that was announced.", "Send it again.");
}

bool is_storage_error(ErrorCode code) {
  return code == ErrorCode::storage_full || code == ErrorCode::storage_failed || code == ErrorCode::corrupt ||
         code == ErrorCode::busy;
}

}  // namespace

class FileStore::Reader {
public:
  Reader(FileStore& store, std::unique_ptr<sqlite::Database> database)
      : store_(store), database_(std::move(database)) {}
  Reader(Reader&&) = default;
  ~Reader() {
    if (!database_ || database_->in_transaction() || database_->owes_undo()) return;
    const std::lock_guard lock(store_.reader_mutex_);
    if (store_.readers_.size() < idle_file_readers_max) store_.readers_.push_back(std::move(database_));
  }
  sqlite::Database& db() { return *database_; }

private:
  FileStore& store_;
  std::unique_ptr<sqlite::Database> database_;
};

/// A content behind an answer: each piece is asked for anew, so that a slow reader holds up no checkpoint.
class StoredFile : public BodyFile {
public:
  StoredFile(std::shared_ptr<FileStore> store, const FileStore::Content& content)
      : store_(std::move(store)), content_(content) {}

  Result<Bytes> read_at(std::uint64_t offset, std::size_t length) const override {
    return store_->read(content_, offset, length);
  }

private:
  const std::shared_ptr<FileStore> store_;
  const FileStore::Content content_;
};

// ---- connections ----

sqlite::OpenOptions FileStore::open_options(sqlite::Role role) const {
  sqlite::OpenOptions out;
  out.path = options_.path;
  out.role = role;
  out.vfs = options_.vfs;
  if (role == sqlite::Role::writer) out.busy_timeout_ms = file_writer_wait_ms;
  if (options_.encryption) out.key = sqlite::DatabaseKey::from(options_.encryption->view());
  return out;
}

Result<std::unique_ptr<sqlite::Database>> FileStore::connect(sqlite::Role role, bool create) {
  sqlite::OpenOptions how = open_options(role);
  how.create = create;
  TERN_TRY(auto database, sqlite::Database::open(how));
  if (role == sqlite::Role::writer) TERN_CHECKED(sqlite::migrate(*database, files_migrations));
  return database;
}

Result<FileStore::Reader> FileStore::reader() {
  {
    const std::lock_guard lock(reader_mutex_);
    if (!readers_.empty()) {
      auto database = std::move(readers_.back());
      readers_.pop_back();
      return Reader(*this, std::move(database));
    }
  }
  TERN_TRY(auto database, connect(sqlite::Role::reader, false));
  return Reader(*this, std::move(database));
}

Result<void> FileStore::write(bool create, const std::function<Result<void>(sqlite::Database&)>& work) {
  const std::lock_guard lock(writer_mutex_);
  if (!writer_) {
    TERN_TRY(writer_, connect(sqlite::Role::writer, create));
    there_ = There::yes;
  }
  const auto in_transaction = [&]() -> Result<void> {
    TERN_TRY(auto transaction, sqlite::Transaction::begin_write(*writer_));
    TERN_CHECKED(work(*writer_));
    return transaction.commit();
  };
  auto done = in_transaction();
  // Nothing that is prepared or cached is believed after an error of the storage.
  if (!done && is_storage_error(done.error().code)) writer_.reset();
  return done;
}

Result<bool> FileStore::exists() {
  if (there_ != There::unknown) return there_ == There::yes;
  const std::lock_guard lock(writer_mutex_);
  if (there_ != There::unknown) return there_ == There::yes;
  const auto opened = reader();
  if (!opened && opened.error().code != ErrorCode::not_found) return tl::unexpected(opened.error());
  there_ = opened ? There::yes : There::no;
  return opened.has_value();
}

// ---- reading ----

Result<std::optional<FileStore::Content>> FileStore::find(const sync::ChangeRef& change) {
  TERN_TRY(const bool there, exists());
  if (!there) return std::optional<Content>{};
  TERN_TRY(auto opened, reader());
  TERN_TRY(auto rows,
           opened.db().query("SELECT c.content_id, c.content_hash, c.size_bytes FROM reference r JOIN content c ON "
                             "c.tenant_id = r.tenant_id AND c.content_id = r.content_id WHERE r.tenant_id = $1 AND "
                             "r.device_id = $2 AND r.change_id = $3 AND c.content_hash IS NOT NULL",
                             options_.tenant, change.device, change.id));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::optional<Content>{};
  return std::optional(Content{rows.int64(0), rows.id<Hash>(1), rows.uint64(2)});
}

std::shared_ptr<const BodyFile> FileStore::open(const Content& content) {
  return std::make_shared<StoredFile>(shared_from_this(), content);
}

/// By its hash, too: what was dropped may have left its number to another one.
Result<Bytes> FileStore::read(const Content& content, std::uint64_t offset, std::size_t length) {
  Bytes out;
  TERN_TRY(auto opened, reader());
  while (out.size() < length && offset + out.size() < content.size_bytes) {
    const std::uint64_t at = offset + out.size();
    TERN_TRY(auto rows,
             opened.db().query("SELECT p.bytes FROM content c JOIN piece p ON p.tenant_id = c.tenant_id AND "
                               "p.content_id = c.content_id AND p.n = $4 WHERE c.tenant_id = $1 AND c.content_id = $2 "
                               "AND c.content_hash = $3",
                               options_.tenant, content.id, content.sha256, at / file_piece_bytes));
    TERN_TRY(const bool found, rows.step());
    if (!found) return fail(ErrorCode::not_found, "The file is not there any more.");
    const ByteView piece = rows.blob(0);
    const std::uint64_t within = at % file_piece_bytes;
    if (within >= piece.size()) return fail(ErrorCode::corrupt, "A stored file is shorter than it says.");
    out += piece.substr(within, length - out.size());
  }
  return out;
}

Result<std::vector<FileStore::Reference>> FileStore::references() {
  std::vector<Reference> out;
  TERN_TRY(const bool there, exists());
  if (!there) return out;
  TERN_TRY(auto opened, reader());
  TERN_TRY(auto rows,
           opened.db().query("SELECT r.device_id, r.change_id, r.touched_ms, c.content_hash IS NOT NULL FROM reference "
                             "r JOIN content c ON c.tenant_id = r.tenant_id AND c.content_id = r.content_id WHERE "
                             "r.tenant_id = $1 ORDER BY r.device_id, r.change_id",
                             options_.tenant));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back({{rows.id<DeviceId>(0), rows.id<ChangeId>(1)}, rows.int64(2), rows.boolean(3)});
  }
}

// ---- writing ----

Result<bool> FileStore::refer_to_known(const sync::ChangeRef& change, const Hash& sha256, std::int64_t now_ms) {
  bool known = false;
  TERN_CHECKED(write(true, [&](sqlite::Database& db) -> Result<void> {
    TERN_TRY(const auto content, known_content(db, options_.tenant, sha256));
    known = content.has_value();
    return known ? write_reference(db, options_.tenant, change, *content, now_ms) : Result<void>{};
  }));
  return known;
}

Result<std::int64_t> FileStore::begin(const sync::ChangeRef& change, std::uint64_t size_bytes, std::int64_t now_ms) {
  std::int64_t content = 0;
  const auto begun = write(true, [&](sqlite::Database& db) -> Result<void> {
    TERN_TRY(content, begin_content(db, options_.tenant, change, size_bytes, now_ms, newest_));
    return {};
  });
  return begun.map([&] { return content; });
}

Result<void> FileStore::append(std::int64_t content, std::uint64_t at, ByteView bytes) {
  return write(true, [&](sqlite::Database& db) { return append_pieces(db, options_.tenant, content, at, bytes); });
}

/// What was read outside of a transaction may be somebody else's by now, or gone: then it is left as it is.
Result<bool> FileStore::finish(const sync::ChangeRef& change, std::int64_t content, const Hash& found,
                               const Hash& sha256) {
  bool due = false;
  const auto finished = write(true, [&](sqlite::Database& db) -> Result<void> {
    TERN_TRY(const auto named, content_named(db, options_.tenant, change));
    TERN_TRY(const auto arrived,
             db.int64_of("SELECT 1 FROM content WHERE tenant_id = $1 AND content_id = $2 AND content_hash IS NULL AND "
                         "have_bytes = size_bytes",
                         options_.tenant, content));
    due = named && *named == content && arrived;
    if (!due) return {};
    if (found != sha256) return forget_reference(db, options_.tenant, change);
    // Who sent the same at the same time was quicker: then there is one of it.
    TERN_TRY(const auto known, known_content(db, options_.tenant, sha256));
    if (!known)
      return db.run("UPDATE content SET content_hash = $3 WHERE tenant_id = $1 AND content_id = $2", options_.tenant,
                    content, sha256);
    TERN_CHECKED(
        db.run("UPDATE reference SET content_id = $4 WHERE tenant_id = $1 AND device_id = $2 AND change_id = $3",
               options_.tenant, change.device, change.id, *known));
    return forget_content(db, options_.tenant, content);
  });
  return finished.map([&] { return due; });
}

Result<void> FileStore::put(const sync::ChangeRef& change, const RequestBody& from, std::uint64_t offset,
                            std::uint64_t size_bytes, const Hash& sha256, std::int64_t now_ms) {
  TERN_TRY(const bool known, refer_to_known(change, sha256, now_ms));
  if (known) return {};
  TERN_TRY(const std::int64_t content, begin(change, size_bytes, now_ms));
  protocol::Sha256 digest;
  const auto take_in = [&]() -> Result<void> {
    for (std::uint64_t at = 0; at < size_bytes; at += written_at_once_bytes) {
      const auto length = static_cast<std::size_t>(std::min(written_at_once_bytes, size_bytes - at));
      TERN_TRY(const Bytes bytes, from.read_at(offset + at, length));
      if (bytes.size() != length) return fail(ErrorCode::storage_failed, "The received file could not be read back.");
      digest.add(bytes);
      TERN_CHECKED(append(content, at, bytes));
    }
    const Hash found = digest.finish();
    TERN_CHECKED(finish(change, content, found, sha256));
    return found == sha256 ? Result<void>{} : Result<void>(is_another_file());
  };
  auto taken = take_in();
  // What cannot be dropped now is found to be nobody's later (sweep_files).
  if (!taken) static_cast<void>(drop({change}));
  return taken;
}

// ---- what comes in pieces ----

Result<FileStore::Arriving> FileStore::arriving(const sync::ChangeRef& change) {
  TERN_TRY(const bool there, exists());
  if (!there) return Arriving{};
  TERN_TRY(auto opened, reader());
  TERN_TRY(auto rows,
           opened.db().query("SELECT c.have_bytes, c.content_hash IS NOT NULL FROM reference r JOIN content c ON "
                             "c.tenant_id = r.tenant_id AND c.content_id = r.content_id WHERE r.tenant_id = $1 AND "
                             "r.device_id = $2 AND r.change_id = $3",
                             options_.tenant, change.device, change.id));
  TERN_TRY(const bool found, rows.step());
  return found ? Arriving{rows.uint64(0), rows.boolean(1)} : Arriving{};
}

/// Of what is here, whole or not.
Result<Hash> FileStore::hash_of(std::int64_t content) {
  protocol::Sha256 digest;
  TERN_TRY(auto opened, reader());
  TERN_TRY(auto pieces, opened.db().query("SELECT bytes FROM piece WHERE tenant_id = $1 AND content_id = $2 ORDER BY n",
                                          options_.tenant, content));
  for (;;) {
    TERN_TRY(const bool more, pieces.step());
    if (!more) return digest.finish();
    digest.add(pieces.blob(0));
  }
}

Result<FileStore::Arriving> FileStore::take_in(const sync::ChangeRef& change, std::uint64_t size_bytes,
                                               const Hash& sha256, std::uint64_t offset, ByteView bytes,
                                               std::int64_t now_ms) {
  Arriving now;
  std::int64_t content = 0;
  const auto take = [&](sqlite::Database& db) -> Result<void> {
    TERN_TRY(const auto known, content_named(db, options_.tenant, change));
    bool begun = false;
    if (known) {
      content = *known;
      TERN_TRY(auto rows, db.query("SELECT have_bytes, content_hash IS NOT NULL FROM content WHERE tenant_id = $1 AND "
                                   "content_id = $2",
                                   options_.tenant, content));
      TERN_TRY(const bool found, rows.step());
      if (found) now = {rows.uint64(0), rows.boolean(1)};
      begun = found;
    }
    if (!begun) {
      TERN_TRY(content, begin_content(db, options_.tenant, change, size_bytes, now_ms, newest_));
    }
    if (now.whole || offset != now.have_bytes || bytes.empty()) return {};
    TERN_CHECKED(append_pieces(db, options_.tenant, content, offset, bytes));
    now.have_bytes += bytes.size();
    return db.run("UPDATE reference SET touched_ms = $4 WHERE tenant_id = $1 AND device_id = $2 AND change_id = $3",
                  options_.tenant, change.device, change.id, now_ms);
  };
  TERN_CHECKED(write(true, take));
  if (now.whole || now.have_bytes < size_bytes) return now;
  TERN_TRY(const Hash found, hash_of(content));
  TERN_TRY(const bool finished, finish(change, content, found, sha256));
  if (finished && found != sha256) return is_another_file();
  return arriving(change);
}

Result<void> FileStore::drop(const std::vector<sync::ChangeRef>& changes) {
  TERN_TRY(const bool there, exists());
  if (!there) return {};
  for (const sync::ChangeRef& change : changes)
    TERN_CHECKED(write(false, [&](sqlite::Database& db) { return forget_reference(db, options_.tenant, change); }));
  return {};
}

Result<bool> FileStore::truncate() {
  TERN_TRY(const bool there, exists());
  if (!there) return true;
  const std::lock_guard lock(writer_mutex_);
  if (!writer_) {
    TERN_TRY(writer_, connect(sqlite::Role::writer, false));
  }
  TERN_TRY(const sqlite::Checkpoint done, writer_->checkpoint(sqlite::CheckpointMode::truncate));
  return done.complete;
}

// ---- copies and checks ----

Result<void> FileStore::copy_to(const std::string& path, const std::function<bool()>& keep_going) {
  sqlite::OpenOptions how = open_options(sqlite::Role::writer);
  how.path = path;
  how.vfs.clear();
  {
    TERN_TRY(const auto copy, sqlite::Database::open(how));
    TERN_TRY(auto opened, reader());
    opened.db().set_keep_going(keep_going);
    const auto copied = opened.db().backup_to(*copy);
    opened.db().set_keep_going({});
    TERN_CHECKED(copied);
  }
  how.role = sqlite::Role::reader;
  how.create = false;
  TERN_TRY(const auto copy, sqlite::Database::open(how));
  copy->set_keep_going(keep_going);
  const auto whole = copy->integrity_check();
  copy->set_keep_going({});
  return whole;
}

Result<FileStore::Checked> FileStore::check(const std::function<bool()>& stop) {
  Checked out;
  TERN_TRY(const bool there, exists());
  if (!there) return out;
  TERN_TRY(auto opened, reader());
  TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(opened.db()));
  TERN_CHECKED(opened.db().integrity_check());
  TERN_TRY(auto contents, opened.db().query("SELECT content_id, content_hash, size_bytes FROM content WHERE "
                                            "tenant_id = $1 AND content_hash IS NOT NULL ORDER BY content_id",
                                            options_.tenant));
  for (;;) {
    TERN_TRY(const bool more, contents.step());
    if (!more || (stop && stop())) break;
    protocol::Sha256 digest;
    std::uint64_t bytes = 0;
    TERN_TRY(auto pieces,
             opened.db().query("SELECT bytes FROM piece WHERE tenant_id = $1 AND content_id = $2 ORDER BY n",
                               options_.tenant, contents.int64(0)));
    for (;;) {
      TERN_TRY(const bool another, pieces.step());
      if (!another) break;
      digest.add(pieces.blob(0));
      bytes += pieces.blob(0).size();
    }
    ++out.files;
    out.bytes += bytes;
    if (bytes != contents.uint64(2) || digest.finish() != contents.id<Hash>(1))
      out.damaged.push_back("file " + to_hex(contents.blob(1)) + " is not what its hash says");
  }
  contents.reset();
  snapshot.rollback();
  return out;
}

}  // namespace tern::server
