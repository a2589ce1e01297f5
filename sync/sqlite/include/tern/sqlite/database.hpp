// A connection to one SQLite database with the project's durability profile.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sqlite/statement.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace tern::sqlite {

/// Raw key of an encrypted database (ChaCha20-Poly1305 pages). Used as it is, without a key derivation.
using DatabaseKey = FixedBytes<32, struct DatabaseKeyTag>;

/// False when built on the system's SQLite: no database can be encrypted then, and opening one with a key is refused.
/// Whoever asks for encryption checks this first and tells the user.
bool encryption_available();
/// Of the SQLite this runs on, e.g. "3.53.4".
std::string_view library_version();

/// A database has one writer connection, which alone checkpoints. Readers never write, not even the WAL index of a
/// close.
enum class Role { writer, reader };

/// `full`: a commit that returned survives power loss. `normal`: it may be lost, but the file stays whole; only for
/// what can be rebuilt.
enum class Synchronous { full, normal };

/// Where the index of the log is, which has no content of its own. It takes a file beside the database, even to read:
/// a disk without room for that file can still be read when the index is in memory. Then nobody but those who share it
/// may have the database open.
enum class LogIndex {
  file,
  connection_if_full,  // in memory if there is no room. Others get `busy` meanwhile
  process,             // in memory, shared by the connections of this process. The caller keeps others away
};

struct OpenOptions {
  std::string path;  // a local file, or ":memory:"
  LogIndex index = LogIndex::file;
  Role role = Role::writer;
  Synchronous synchronous = Synchronous::full;
  bool create = true;              // a writer makes the file when it is missing
  std::optional<DatabaseKey> key;  // none: not encrypted
  int busy_timeout_ms = 5000;
  std::string vfs;  // name of a registered VFS (the simulator's); empty: the system's
};

enum class CheckpointMode {
  passive,   // as much as readers allow; never waits
  truncate,  // waits for readers up to the busy timeout, then empties the WAL file
};

struct Checkpoint {
  bool complete = false;  // false: readers held some of it back
  std::int64_t wal_frames = 0;
  std::int64_t checkpointed_frames = 0;
};

/// One connection.
///
/// Opening applies the durability profile (docs/storage.md): WAL, synchronous FULL unless told otherwise, fullfsync,
/// foreign keys, secure delete, no mmap, untrusted schema, bounded sizes. Errors: `corrupt` (damaged file or wrong
/// key), `busy`, `storage_full`, `storage_failed` (I/O), `not_found` (missing and not to be created), `too_large`,
/// `internal` (bad SQL). Error texts name the file and SQLite's reason, never a bound value or a key.
///
/// Owner: a unique_ptr. Thread: one at a time; only `interrupt` may come from another.
class Database {
public:
  static Result<std::unique_ptr<Database>> open(const OpenOptions& options);
  ~Database();  // every Statement and Transaction is gone by then
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// A prepared statement from the cache, keyed by its text. For texts that the program contains; a text that is put
  /// together at run time belongs into `prepare`. Asking again while the first is in use is fine: the second is a fresh
  /// one.
  Result<Statement> statement(std::string_view sql);
  /// Prepared for this use only.
  Result<Statement> prepare(std::string_view sql);

  /// `statement`, bound: `TERN_TRY(auto rows, db.query("SELECT a FROM t WHERE id = $1", id));`
  template <typename... Values>
  Result<Statement> query(std::string_view sql, const Values&... values) {
    auto prepared = statement(sql);
    if (prepared) prepared->bind_all(values...);
    return prepared;
  }
  /// `query`, run to its end: `TERN_CHECKED(db.run("DELETE FROM t WHERE id = $1", id));`
  template <typename... Values>
  Result<void> run(std::string_view sql, const Values&... values) {
    auto prepared = statement(sql);
    if (!prepared) return tl::unexpected(std::move(prepared).error());
    prepared->borrows_ = true;  // the values outlive it
    prepared->bind_all(values...);
    return prepared->run();
  }
  /// First column of the first row; nothing when there is no row or it is NULL.
  template <typename... Values>
  Result<std::optional<std::int64_t>> int64_of(std::string_view sql, const Values&... values) {
    auto prepared = statement(sql);
    if (!prepared) return tl::unexpected(std::move(prepared).error());
    prepared->borrows_ = true;
    prepared->bind_all(values...);
    return first_int64(*prepared);
  }

  /// Any number of statements without parameters, e.g. a migration. Stops at the first error.
  Result<void> exec(std::string_view sql);

  /// Rows changed by the last INSERT, UPDATE or DELETE.
  [[nodiscard]] std::int64_t changes() const;
  [[nodiscard]] std::int64_t last_insert_rowid() const;
  /// True between BEGIN and COMMIT or ROLLBACK. After an I/O error SQLite may have rolled back by itself: ask here.
  /// False for what a Transaction has left and nobody could undo yet.
  [[nodiscard]] bool in_transaction() const;
  /// True when a Transaction has ended and there was no memory to undo it. Until there is, whatever is asked of this
  /// connection fails: nobody reads through it what was to be undone. Closing it undoes everything.
  [[nodiscard]] bool owes_undo() const { return undo_owed_; }
  [[nodiscard]] Role role() const { return role_; }
  /// True once SQLite has met damage in this file, in whatever was asked of it. Whole pages may still be in memory, so
  /// that a later question is answered: do not ask one to find out.
  [[nodiscard]] bool met_damage() const { return met_damage_; }
  [[nodiscard]] const std::string& path() const { return path_; }

  Result<Checkpoint> checkpoint(CheckpointMode mode);
  /// A compact copy of the committed state as a new file, encrypted with the same key. The file must not exist.
  Result<void> vacuum_into(const std::string& path);
  /// Copies one snapshot into `target` page by page; both have the same key, or none. `target` is overwritten. Outside
  /// of transactions; asks `keep_going` between pages.
  Result<void> backup_to(Database& target);

  /// Reads the whole file; `corrupt` with SQLite's first finding.
  Result<void> integrity_check();
  /// The same without comparing indexes with tables.
  Result<void> quick_check();

  /// While set, it is asked every few thousand steps of the engine; false stops the running statement with `busy`. The
  /// clock behind a deadline is the caller's. An empty function takes it away.
  void set_keep_going(std::function<bool()> keep_going);
  /// Stops whatever runs, with `busy`. From any thread while the Database lives.
  void interrupt();

private:
  friend class Statement;
  friend class Transaction;
  struct Cache;

  Database(std::string path, Role role);

  enum class Sharing {
    between_connections,
    exclusive,   // one connection alone; it keeps the index of the log in memory
    unchanging,  // a file that nobody changes: nothing is locked, and no file is looked for beside it
  };
  static Result<std::unique_ptr<Database>> open_with(const OpenOptions& options, Sharing sharing);
  Result<void> connect(const OpenOptions& options, Sharing sharing);
  Result<void> unlock(const DatabaseKey& key);
  void harden();
  Result<void> apply_profile(const OpenOptions& options);
  Result<sqlite3_stmt*> compile(std::string_view sql, unsigned flags);
  Result<void> check_with(std::string_view pragma);
  /// Ends the open transaction, if there is one. On failure it is owed.
  Result<void> undo();
  /// Before anything is done on the connection.
  Result<void> settle_undo() { return undo_owed_ ? undo() : Result<void>{}; }
  /// True when SQLite has taken back, by itself, what a Transaction that has not ended is about.
  [[nodiscard]] bool lost_transaction() const;
  [[nodiscard]] tl::unexpected<Error> refused_after_loss() const;
  static Result<std::optional<std::int64_t>> first_int64(Statement& statement);

  /// What SQLite said last, in our words.
  [[nodiscard]] tl::unexpected<Error> failure(int code, std::string_view doing) const;
  void take_back(sqlite3_stmt* handle, StatementSlot* slot) noexcept;

  std::string path_;
  Role role_;
  mutable bool met_damage_ = false;
  bool undo_owed_ = false;
  bool in_scope_ = false;  // of a Transaction
  sqlite3* handle_ = nullptr;
  sqlite3_stmt* rollback_ = nullptr;  // prepared while there is memory
  std::unique_ptr<Cache> cache_;
  std::function<bool()> keep_going_;
};

}  // namespace tern::sqlite
