#include "tern/sqlite/database.hpp"

#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "error_map.hpp"
#include "shared_index.hpp"

namespace tern::sqlite {
namespace {

// Distinct texts a connection keeps prepared. The programs use far fewer; more means that texts are put together at run
// time.
constexpr std::size_t cached_statements_max = 512;
constexpr std::int64_t wal_bytes_kept_max = 64LL * 1024 * 1024;
constexpr int wal_autocheckpoint_frames = 1000;
// An encrypted page costs as much to read again as to hash: what a batch touches should fit. Taken as it is used.
constexpr int cache_kib_writer = 16 * 1024;
constexpr int cache_kib_reader = 4 * 1024;
constexpr int keep_going_every_ops = 4000;

// A hostile file can hold any schema; these bounds keep what it can cost small. Nothing of ours comes near them.
struct Limit {
  int id;
  int value;
};
constexpr std::array limits{
    Limit{SQLITE_LIMIT_LENGTH, 64 * 1024 * 1024},
    Limit{SQLITE_LIMIT_SQL_LENGTH, 1024 * 1024},
    Limit{SQLITE_LIMIT_COLUMN, 200},
    Limit{SQLITE_LIMIT_EXPR_DEPTH, 100},
    Limit{SQLITE_LIMIT_COMPOUND_SELECT, 50},
    Limit{SQLITE_LIMIT_VDBE_OP, 100'000},
    Limit{SQLITE_LIMIT_FUNCTION_ARG, 100},
    Limit{SQLITE_LIMIT_ATTACHED, 1},  // VACUUM needs one
    Limit{SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 4096},
    Limit{SQLITE_LIMIT_VARIABLE_NUMBER, 1000},
    Limit{SQLITE_LIMIT_TRIGGER_DEPTH, 10},
    Limit{SQLITE_LIMIT_WORKER_THREADS, 0},
};

// `$1` to `?1`: SQLite would number `$1` by first appearance, PostgreSQL knows nothing else. Quoted text and comments
// stay.
std::string with_numbered_parameters(std::string_view sql) {
  std::string out(sql);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const char c = out[i];
    if (c == '\'' || c == '"') {
      i = out.find(c, i + 1);
    } else if (c == '-' && out.compare(i, 2, "--") == 0) {
      i = out.find('\n', i);
    } else if (c == '$' && i + 1 < out.size() && out[i + 1] >= '0' && out[i + 1] <= '9') {
      out[i] = '?';
    }
    if (i == std::string::npos) break;
  }
  return out;
}

[[maybe_unused]] void wipe(std::string& secret) {
  volatile char* bytes = secret.data();
  for (std::size_t i = 0; i < secret.size(); ++i) bytes[i] = 0;
}

int on_progress(void* keep_going) {
  return (*static_cast<std::function<bool()>*>(keep_going))() ? 0 : 1;
}

bool is_writable_beside(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  return ::access(folder.empty() ? "." : folder.c_str(), W_OK) == 0;
}

bool has_log(const std::string& path) {
  std::error_code missing;
  const auto bytes = std::filesystem::file_size(path + "-wal", missing);
  return !missing && bytes > 0;
}

std::string uri_of_unchanging(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      uri += '%' + to_hex(std::string(1, c));
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

struct TextHash {
  using is_transparent = void;
  /// Asked with every statement. Texts that agree in length and at both ends are told apart by being compared.
  std::size_t operator()(std::string_view text) const {
    constexpr std::size_t end = 24;
    constexpr std::hash<std::string_view> hash;
    if (text.size() <= 2 * end) return hash(text);
    return hash(text.substr(0, end)) ^ (hash(text.substr(text.size() - end)) * 31) ^ text.size();
  }
};

}  // namespace

// Prepared statements of one text that nobody uses at the moment.
struct StatementSlot {
  std::vector<sqlite3_stmt*> idle;
};

struct Database::Cache {
  std::unordered_map<std::string, StatementSlot, TextHash, std::equal_to<>> slots;  // by the text as it was asked for
};

bool encryption_available() {
  return TERN_SQLITE_ENCRYPTION != 0;
}
std::string_view library_version() {
  return sqlite3_libversion();
}

Database::Database(std::string path, Role role)
    : path_(std::move(path)), role_(role), cache_(std::make_unique<Cache>()) {}

Database::~Database() {
  sqlite3_finalize(rollback_);
  for (auto& [text, slot] : cache_->slots) {
    for (sqlite3_stmt* handle : slot.idle) sqlite3_finalize(handle);
  }
  check(sqlite3_close(handle_) == SQLITE_OK, "a statement outlives its database");
}

Result<std::unique_ptr<Database>> Database::open(const OpenOptions& options) {
  auto opened = open_with(options, Sharing::between_connections);
  if (!opened && options.role == Role::reader && options.index == LogIndex::file && options.vfs.empty() &&
      !is_writable_beside(options.path)) {
    // SQLite wants to write beside what it reads. Where nobody can, the log is indexed in memory; or there is none.
    OpenOptions in_memory = options;
    in_memory.index = LogIndex::process;
    auto read = has_log(options.path) ? open_with(in_memory, Sharing::between_connections)
                                      : open_with(options, Sharing::unchanging);
    if (read) return read;
  }
  const bool no_room = !opened && opened.error().code == ErrorCode::storage_full;
  return no_room && options.index == LogIndex::connection_if_full ? open_with(options, Sharing::exclusive)
                                                                  : std::move(opened);
}

Result<std::unique_ptr<Database>> Database::open_with(const OpenOptions& options, Sharing sharing) {
  std::unique_ptr<Database> database(new Database(options.path, options.role));
  TERN_CHECKED(database->connect(options, sharing));
  if (options.key) TERN_CHECKED(database->unlock(*options.key));
  database->harden();
  // Said before the log is entered, it keeps the index in memory.
  if (sharing == Sharing::exclusive) TERN_CHECKED(database->exec("PRAGMA locking_mode = EXCLUSIVE"));
  TERN_CHECKED(database->apply_profile(options));
  TERN_TRY(database->rollback_, database->compile("ROLLBACK", SQLITE_PREPARE_PERSISTENT));
  return database;
}

Result<void> Database::connect(const OpenOptions& options, Sharing sharing) {
  if (options.key && !encryption_available()) {
    return fail(ErrorCode::storage_failed, "this build has no encryption, so " + path_ + " cannot be opened with a key",
                "use a build with the bundled SQLite");
  }
  const bool unchanging = sharing == Sharing::unchanging;
  std::string vfs = options.vfs;
  if (sqlite3_initialize() != SQLITE_OK) return fail(ErrorCode::storage_failed, "SQLite does not start");
  if (options.index == LogIndex::process) {
    check(vfs.empty(), "an index in memory goes with the system's files");
    TERN_TRY(vfs, vfs_with_shared_index());
  }
#if TERN_SQLITE_ENCRYPTION
  if (options.key && !vfs.empty()) {
    const std::string ciphered = "multipleciphers-" + vfs;
    if (sqlite3_vfs_find(ciphered.c_str()) == nullptr && sqlite3mc_vfs_create(vfs.c_str(), 0) != SQLITE_OK)
      return fail(ErrorCode::internal, "unknown VFS " + vfs);
    vfs = ciphered;
  }
#endif
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  flags |= role_ == Role::writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  if (role_ == Role::writer && options.create) flags |= SQLITE_OPEN_CREATE;
  if (unchanging) flags |= SQLITE_OPEN_URI;
  const std::string name = unchanging ? uri_of_unchanging(path_) : path_;
  const int code = sqlite3_open_v2(name.c_str(), &handle_, flags, vfs.empty() ? nullptr : vfs.c_str());
  if (code == SQLITE_OK) return {};
  if ((code & 0xff) == SQLITE_CANTOPEN && sqlite3_system_errno(handle_) == ENOENT) {
    return fail(ErrorCode::not_found, "there is no database " + path_);
  }
  return failure(code, "open");
}

Result<void> Database::unlock([[maybe_unused]] const DatabaseKey& key) {
#if TERN_SQLITE_ENCRYPTION
  // "raw:" and 32 bytes is taken as the key itself; anything else would be stretched as a passphrase.
  std::string raw("raw:");
  raw.append(key.view());
  const int code = sqlite3_key_v2(handle_, "main", raw.data(), static_cast<int>(raw.size()));
  wipe(raw);
  if (code != SQLITE_OK) return failure(code, "unlock");
#endif
  return {};
}

void Database::harden() {
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
  // A reader that happens to close last must not checkpoint: only the writer does.
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, role_ == Role::reader ? 1 : 0, nullptr);
  for (const Limit& limit : limits) sqlite3_limit(handle_, limit.id, limit.value);
}

Result<void> Database::apply_profile(const OpenOptions& options) {
  sqlite3_busy_timeout(handle_, options.busy_timeout_ms);
  TERN_CHECKED(
      exec("PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON;"
           "PRAGMA secure_delete = ON; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;"));
  TERN_CHECKED(
      exec("PRAGMA cache_size = -" + std::to_string(role_ == Role::writer ? cache_kib_writer : cache_kib_reader)));
  TERN_CHECKED(
      exec(options.synchronous == Synchronous::full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL"));
  if (role_ == Role::reader) {
    TERN_CHECKED(exec("PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0"));
    return int64_of("SELECT count(*) FROM sqlite_schema").map([](auto) {});
  }
  // The first access to the file: a damaged one, a foreign one and a wrong key show here.
  TERN_TRY(auto journal, prepare("PRAGMA journal_mode = WAL"));
  TERN_TRY(const bool row, journal.step());
  const bool in_memory = row && journal.text(0) == "memory";
  if (!row || (journal.text(0) != "wal" && !in_memory)) {
    return fail(ErrorCode::storage_failed, "the disk of " + path_ + " does not support write-ahead logging",
                "use a local disk");
  }
  journal.reset();
  TERN_CHECKED(exec("PRAGMA wal_autocheckpoint = " + std::to_string(wal_autocheckpoint_frames)));
  TERN_CHECKED(exec("PRAGMA journal_size_limit = " + std::to_string(wal_bytes_kept_max)));
  return int64_of("SELECT count(*) FROM sqlite_schema").map([](auto) {});
}

Result<sqlite3_stmt*> Database::compile(std::string_view sql, unsigned flags) {
  const std::string text = with_numbered_parameters(sql);
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(handle_, text.data(), static_cast<int>(text.size()), flags, &handle, nullptr);
  if (code != SQLITE_OK) return failure(code, "use");
  check(handle != nullptr, "SQL without a statement");
  return handle;
}

Result<Statement> Database::statement(std::string_view sql) {
  TERN_CHECKED(settle_undo());
  auto found = cache_->slots.find(sql);
  if (found == cache_->slots.end()) {
    if (cache_->slots.size() >= cached_statements_max) return prepare(sql);
    found = cache_->slots.emplace(std::string(sql), StatementSlot{}).first;
  }
  StatementSlot& slot = found->second;
  if (!slot.idle.empty()) {
    sqlite3_stmt* handle = slot.idle.back();
    slot.idle.pop_back();
    return Statement(*this, handle, &slot);
  }
  TERN_TRY(sqlite3_stmt* const handle, compile(sql, SQLITE_PREPARE_PERSISTENT));
  return Statement(*this, handle, &slot);
}

Result<Statement> Database::prepare(std::string_view sql) {
  TERN_CHECKED(settle_undo());
  TERN_TRY(sqlite3_stmt* const handle, compile(sql, 0));
  return Statement(*this, handle, nullptr);
}

void Database::take_back(sqlite3_stmt* handle, StatementSlot* slot) noexcept {
  if (slot == nullptr) {
    sqlite3_finalize(handle);
    return;
  }
  sqlite3_reset(handle);
  sqlite3_clear_bindings(handle);
  slot->idle.push_back(handle);
}

Result<std::optional<std::int64_t>> Database::first_int64(Statement& statement) {
  TERN_TRY(const bool row, statement.step());
  if (!row || statement.is_null(0)) return std::nullopt;
  return statement.int64(0);
}

Result<void> Database::exec(std::string_view sql) {
  TERN_CHECKED(settle_undo());
  if (lost_transaction()) return refused_after_loss();
  const std::string text(sql);
  const int code = sqlite3_exec(handle_, text.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(code, role_ == Role::writer ? "write to" : "read");
  return {};
}

std::int64_t Database::changes() const {
  return sqlite3_changes64(handle_);
}
std::int64_t Database::last_insert_rowid() const {
  return sqlite3_last_insert_rowid(handle_);
}
bool Database::in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0 && !undo_owed_;
}

bool Database::lost_transaction() const {
  return in_scope_ && sqlite3_get_autocommit(handle_) != 0;
}

tl::unexpected<Error> Database::refused_after_loss() const {
  return fail(ErrorCode::storage_failed, "could not write to the database " + path_ + ": an error before took all back",
              "try again");
}

// Prepared or not, it is compiled anew, with memory, once the schema that it was prepared under has changed.
Result<void> Database::undo() {
  undo_owed_ = in_scope_ = false;
  if (sqlite3_get_autocommit(handle_) != 0) return {};
  const int code = sqlite3_step(rollback_);
  undo_owed_ = sqlite3_get_autocommit(handle_) == 0;
  Result<void> undone;
  if (undo_owed_) undone = failure(code, "undo what was begun in");
  sqlite3_reset(rollback_);
  return undone;
}

void Database::interrupt() {
  sqlite3_interrupt(handle_);
}

void Database::set_keep_going(std::function<bool()> keep_going) {
  keep_going_ = std::move(keep_going);
  if (keep_going_) {
    sqlite3_progress_handler(handle_, keep_going_every_ops, on_progress, &keep_going_);
  } else {
    sqlite3_progress_handler(handle_, 0, nullptr, nullptr);
  }
}

tl::unexpected<Error> Database::failure(int code, std::string_view doing) const {
  const int system_errno = handle_ == nullptr ? 0 : sqlite3_system_errno(handle_);
  const char* reason = handle_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle_);
  Error error = describe(code, system_errno, path_, doing, reason);
  if (error.code == ErrorCode::corrupt) met_damage_ = true;
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace tern::sqlite
