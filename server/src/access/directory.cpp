#include "directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "erasures_log.hpp"
#include "key_store.hpp"
#include "one_line.hpp"
#include "private_file.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sqlite/migrations.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::server {
namespace {

constexpr std::string_view store_key_file = "/keys/store.key";
constexpr std::size_t store_key_bytes = 32;

constexpr sqlite::Migration index_migrations[] = {
    {1, "index",
     "CREATE TABLE tenant (tenant_id INTEGER NOT NULL PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, name TEXT NOT NULL "
     "UNIQUE);"
     "CREATE TABLE login (tenant_id INTEGER NOT NULL, email TEXT NOT NULL, operator_id BLOB NOT NULL, password_hash "
     "TEXT NOT NULL,"
     " PRIMARY KEY (tenant_id, email)) WITHOUT ROWID;"},
    {2, "notes", "CREATE TABLE note (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"},
    {3, "channel secrets",
     "CREATE TABLE channel_secret (tenant_id INTEGER NOT NULL, record_id BLOB NOT NULL, secret TEXT NOT NULL,"
     " PRIMARY KEY (tenant_id, record_id)) WITHOUT ROWID;"},
    {4, "second factors",
     "CREATE TABLE second_factor (tenant_id INTEGER NOT NULL, operator_id BLOB NOT NULL, secret BLOB NOT NULL, is_on "
     "INTEGER NOT NULL, last_step INTEGER NOT NULL, recovery BLOB NOT NULL,"
     " PRIMARY KEY (tenant_id, operator_id)) WITHOUT ROWID;"},
};

Result<int> take_lock(const std::string& path) {
  const int descriptor = ::open((path + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return fail(ErrorCode::storage_failed, "Cannot open " + path + "/lock.");
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    ::close(descriptor);
    return fail(ErrorCode::busy, "Another process is using " + path + ".",
                "Stop it, or talk to it: administration goes through its admin.sock by itself.");
  }
  return descriptor;
}

std::string line_of(LogLine::Verb verb, const TenantId& tenant, const DeviceId& device) {
  return to_log_line({verb, tenant, device, {}, {}});
}

std::string line_of(const TenantId& tenant, const sync::ChangeRef& erased) {
  return to_log_line({LogLine::Verb::erase, tenant, erased.device, {}, erased.id});
}

std::vector<std::string> folders_in(const std::string& path) {
  std::vector<std::string> out;
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(path, failed), end; !failed && entry != end; entry.increment(failed))
    if (entry->is_directory(failed)) out.push_back(entry->path().filename().string());
  std::sort(out.begin(), out.end());
  return out;
}

/// A log of writes beside an empty file holds them still.
Result<bool> holds_server_without_index(const std::string& path) {
  std::error_code none;
  const auto size = [&](const std::string& name) {
    const auto bytes = std::filesystem::file_size(path + name, none);
    return none ? 0 : bytes;
  };
  if (size("/server.db") > 0 || size("/server.db-wal") > 0) return false;
  TERN_TRY(const bool keys_there, is_there(path + "/keys/log.key"));
  return keys_there || !folders_in(path + "/tenants").empty();
}

constexpr const char* way_out =
    "Put it back from a copy of the directory, or restore a backup: ternd restore --replace";

tl::unexpected<Error> index_lost(const std::string& path, const char* how) {
  return fail(ErrorCode::corrupt,
              "The index " + path + "/server.db " + how + ", but keys or tenants of a server are there.", way_out,
              "data");
}

/// Of an index that is damaged.
tl::unexpected<Error> with_way_out(Error error) {
  if (error.code == ErrorCode::corrupt && error.hint.empty()) error.hint = way_out;
  return tl::unexpected(std::move(error));
}

std::string names_of(const std::vector<TenantEntry>& entries) {
  std::string out;
  for (const TenantEntry& entry : entries) out += (out.empty() ? "" : ", ") + entry.name;
  return out;
}

}  // namespace

Directory::~Directory() {
  index_.reset();
  if (lock_ >= 0) ::close(lock_);
}

Result<void> Directory::open_index(bool create) {
  sqlite::OpenOptions options;
  options.path = path_ + "/server.db";
  options.create = create;
  options.index = sqlite::LogIndex::connection_if_full;  // the lock is held
  if (store_key_) options.key = sqlite::DatabaseKey::from(store_key_->view());
  TERN_TRY(index_, sqlite::Database::open(options));
  TERN_CHECKED(sqlite::migrate(*index_, index_migrations));
  return {};
}

Result<void> Directory::load_store_key() {
  TERN_TRY(const bool there, is_there(path_ + std::string(store_key_file)));
  if (!there) return {};
  TERN_TRY(Bytes raw, read_private_file(path_ + std::string(store_key_file), store_key_bytes));
  if (raw.size() != store_key_bytes)
    return fail(ErrorCode::corrupt, "The key file " + path_ + std::string(store_key_file) + " is damaged.",
                "Restore it from a copy of the directory.");
  store_key_ = protocol::SecretKey::from(raw);
  protocol::wipe(raw);
  return {};
}

Result<std::unique_ptr<Directory>> Directory::create(const std::string& path, const protocol::RecoveryKey& recovery,
                                                     bool encrypted, Environment& environment) {
  if (encrypted && !sqlite::encryption_available())
    return fail(ErrorCode::invalid, "This build has no encryption.",
                "Build with the SQLite that ./dev deps fetches, or leave out --encrypt.", "encrypt");
  TERN_CHECKED(make_private_directory(path));
  TERN_TRY(const bool there, is_there(path + "/server.db"));
  if (there)
    return fail(ErrorCode::invalid, "There is a server in " + path + " already.",
                "Choose another directory with --data.", "data");
  if (!folders_in(path + "/tenants").empty()) return index_lost(path, "is missing");  // its keys are not written over
  TERN_TRY(const int lock, take_lock(path));
  std::unique_ptr<Directory> directory(new Directory(path, lock));
  TERN_CHECKED(make_private_directory(path + "/tenants"));
  TERN_CHECKED(create_server_keys(path, recovery, environment));
  if (encrypted) {
    directory->store_key_ = protocol::SecretKey::random(environment);
    TERN_CHECKED(write_private_file(path + std::string(store_key_file), directory->store_key_->view()));
  }
  TERN_CHECKED(directory->open_index(true));
  return directory;
}

Result<void> Directory::check_unused(const std::string& path) {
  TERN_TRY(const bool there, is_there(path + "/lock"));
  if (!there) return {};
  TERN_TRY(const int lock, take_lock(path));
  ::close(lock);
  return {};
}

void Directory::discard(const std::string& path) {
  for (const char* name : {"/server.db", "/server.db-wal", "/server.db-shm"}) ::unlink((path + name).c_str());
  std::error_code ignored;
  for (const char* name : {"/tenants", "/keys"}) std::filesystem::remove_all(path + name, ignored);
}

void Directory::discard_tenant(const TenantEntry& entry) {
  std::error_code ignored;
  std::filesystem::remove_all(path_ + "/tenants/" + to_hex(entry.id), ignored);
  std::filesystem::remove(sealing_key_path(path_, entry.id), ignored);
}

Result<void> Directory::check_index_is_whole() {
  TERN_TRY(const auto known, tenants());
  if (known.empty() && !unknown_folders().empty()) return index_lost(path_, "names none of the tenants");
  return {};
}

Result<std::unique_ptr<Directory>> Directory::open(const std::string& path) {
  TERN_TRY(const bool lost, holds_server_without_index(path));
  TERN_TRY(const bool there, is_there(path + "/server.db"));
  if (lost) return index_lost(path, there ? "is empty" : "is missing");
  if (!there)
    return fail(ErrorCode::not_found, "There is no server in " + path + ".",
                "Make one: ternd init --data " + path + " ...", "data");
  TERN_CHECKED(check_private_directory(path));
  TERN_TRY(const int lock, take_lock(path));
  std::unique_ptr<Directory> directory(new Directory(path, lock));
  TERN_CHECKED(directory->load_store_key());
  if (auto opened = directory->open_index(false); !opened) return with_way_out(std::move(opened).error());
  if (auto whole = directory->check_index_is_whole(); !whole) return with_way_out(std::move(whole).error());
  directory->discard_staging();
  return directory;
}

Result<std::vector<TenantEntry>> Directory::tenants() {
  const std::lock_guard guard(mutex_);
  return read_tenants();
}

Result<std::vector<TenantEntry>> Directory::read_tenants() {
  TERN_TRY(auto rows, index_->query("SELECT tenant_id, uuid, name FROM tenant ORDER BY tenant_id"));
  std::vector<TenantEntry> out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back({rows.int64(0), TenantId::or_zero(rows.blob(1)), std::string(rows.text(2))});
  }
}

Result<TenantEntry> Directory::find_tenant(std::string_view name) {
  TERN_TRY(const auto all, tenants());
  if (name.empty()) {
    if (all.size() == 1) return all.front();
    return fail(ErrorCode::usage,
                all.empty() ? "This server has no tenant." : "This server has several tenants: " + names_of(all) + ".",
                all.empty() ? "Make one: ternd tenant add NAME" : "Name one with --tenant.", "tenant");
  }
  for (const TenantEntry& entry : all)
    if (entry.name == name || to_uuid_text(entry.id.view()) == name) return entry;
  return fail(ErrorCode::not_found, "There is no tenant \"" + std::string(name) + "\".",
              "There are: " + names_of(all) + ".", "tenant");
}

Result<TenantEntry> Directory::plan_tenant(const std::string& name, Environment& environment) {
  TERN_CHECKED(check_one_line(name, "name", "tenant"));
  if (is_blank(name) || name.size() > limits::name_bytes_max || !is_valid_utf8(name))
    return fail(ErrorCode::invalid, "A tenant's name has 1 to 200 bytes of text that can be seen.", "", "tenant");
  TERN_TRY(const auto all, tenants());
  for (const TenantEntry& entry : all)
    if (entry.name == name)
      return fail(ErrorCode::invalid, "There is a tenant \"" + name + "\" already.", "Choose another name.", "tenant");
  TenantEntry entry{all.empty() ? 1 : all.back().number + 1, random_id<TenantId>(environment), name};
  TERN_CHECKED(make_private_directory(path_ + "/tenants/" + to_hex(entry.id)));
  return entry;
}

Result<void> Directory::record_tenant(const TenantEntry& entry) {
  const std::lock_guard guard(mutex_);
  return index_->run("INSERT INTO tenant (tenant_id, uuid, name) VALUES ($1, $2, $3)", entry.number, entry.id,
                     sqlite::Text{entry.name});
}

Result<void> Directory::put_login(std::int64_t tenant, const std::string& email, const LoginEntry& login) {
  const std::lock_guard guard(mutex_);
  return index_->run(
      "INSERT INTO login (tenant_id, email, operator_id, password_hash) VALUES ($1, $2, $3, $4) "
      "ON CONFLICT (tenant_id, email) DO UPDATE SET operator_id = excluded.operator_id, password_hash = "
      "excluded.password_hash",
      tenant, sqlite::Text{email}, login.operator_id, sqlite::Text{login.password_hash});
}

Result<std::optional<LoginEntry>> Directory::find_login(std::int64_t tenant, const std::string& email) {
  const std::lock_guard guard(mutex_);
  TERN_TRY(auto rows, index_->query("SELECT operator_id, password_hash FROM login WHERE tenant_id = $1 AND email = $2",
                                    tenant, sqlite::Text{email}));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::optional<LoginEntry>();
  return std::optional(LoginEntry{tenant, OperatorId::or_zero(rows.blob(0)), std::string(rows.text(1))});
}

Result<std::optional<SecondFactorEntry>> Directory::second_factor(std::int64_t tenant, const OperatorId& person) {
  const std::lock_guard guard(mutex_);
  TERN_TRY(auto rows, index_->query("SELECT secret, is_on, last_step, recovery FROM second_factor WHERE tenant_id = $1 "
                                    "AND operator_id = $2",
                                    tenant, person));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::optional<SecondFactorEntry>();
  return std::optional(SecondFactorEntry{Bytes(rows.blob(0)), rows.int64(1) != 0, rows.int64(2), Bytes(rows.blob(3))});
}

Result<void> Directory::put_second_factor(std::int64_t tenant, const OperatorId& person,
                                          const SecondFactorEntry& entry) {
  const std::lock_guard guard(mutex_);
  return index_->run(
      "INSERT INTO second_factor (tenant_id, operator_id, secret, is_on, last_step, recovery) VALUES ($1, $2, $3, $4, "
      "$5, $6) ON CONFLICT (tenant_id, operator_id) DO UPDATE SET secret = excluded.secret, is_on = excluded.is_on, "
      "last_step = excluded.last_step, recovery = excluded.recovery",
      tenant, person, sqlite::Blob{entry.secret}, entry.on, entry.last_step, sqlite::Blob{entry.recovery});
}

Result<void> Directory::drop_second_factor(std::int64_t tenant, const OperatorId& person) {
  const std::lock_guard guard(mutex_);
  return index_->run("DELETE FROM second_factor WHERE tenant_id = $1 AND operator_id = $2", tenant, person);
}

Result<void> Directory::put_channel_secret(std::int64_t tenant, const RecordId& channel, const std::string& secret) {
  const std::lock_guard guard(mutex_);
  return index_->run(
      "INSERT INTO channel_secret (tenant_id, record_id, secret) VALUES ($1, $2, $3) ON CONFLICT (tenant_id, "
      "record_id) "
      "DO UPDATE SET secret = excluded.secret",
      tenant, channel, sqlite::Text{secret});
}

Result<void> Directory::drop_channel_secret(std::int64_t tenant, const RecordId& channel) {
  const std::lock_guard guard(mutex_);
  return index_->run("DELETE FROM channel_secret WHERE tenant_id = $1 AND record_id = $2", tenant, channel);
}

Result<bool> Directory::has_channel_secret(std::int64_t tenant, const RecordId& channel) {
  const std::lock_guard guard(mutex_);
  TERN_TRY(auto rows,
           index_->query("SELECT 1 FROM channel_secret WHERE tenant_id = $1 AND record_id = $2", tenant, channel));
  return rows.step();
}

Result<std::optional<std::string>> Directory::channel_secret(std::int64_t tenant, const RecordId& channel) {
  const std::lock_guard guard(mutex_);
  TERN_TRY(auto rows,
           index_->query("SELECT secret FROM channel_secret WHERE tenant_id = $1 AND record_id = $2", tenant, channel));
  TERN_TRY(const bool found, rows.step());
  return found ? std::optional(std::string(rows.text(0))) : std::optional<std::string>();
}

Result<void> Directory::note_public_url(const std::string& url) {
  const std::lock_guard guard(mutex_);
  return index_->run(
      "INSERT INTO note (name, value) VALUES ('public_url', $1) ON CONFLICT (name) DO UPDATE SET value = "
      "excluded.value WHERE value <> excluded.value",
      sqlite::Text{url});
}

Result<std::string> Directory::public_url() {
  const std::lock_guard guard(mutex_);
  TERN_TRY(auto rows, index_->query("SELECT value FROM note WHERE name = 'public_url'"));
  TERN_TRY(const bool found, rows.step());
  return found ? std::string(rows.text(0)) : std::string();
}

std::string Directory::log_path() const {
  return path_ + "/" + std::string(erasures_log_name);
}

Result<void> Directory::append_log(const std::string& lines) {
  const std::lock_guard guard(mutex_);
  return append_private_lines(log_path(), lines);
}

Result<Bytes> Directory::read_log() {
  const std::lock_guard guard(mutex_);
  TERN_TRY(const bool there, is_there(log_path()));
  if (!there) return Bytes();
  return read_private_file(log_path(), erasures_log_bytes_max);
}

Result<void> Directory::note_revoked(const TenantId& tenant, const DeviceId& device) {
  return append_log(line_of(LogLine::Verb::revoke, tenant, device));
}

Result<void> Directory::note_erased(const TenantId& tenant, const std::vector<sync::ChangeRef>& changes) {
  std::string lines;
  for (const sync::ChangeRef& change : changes) lines += line_of(tenant, change);
  return append_log(lines);
}

Result<void> Directory::note_person(const TenantId& tenant, const RecordId& contact) {
  return append_log(to_log_line({LogLine::Verb::person, tenant, {}, {}, {}, contact}));
}

Result<void> Directory::note_epoch(const TenantId& tenant, const EpochId& epoch, std::int64_t epoch_ms) {
  return append_log(to_log_line({LogLine::Verb::epoch, tenant, {}, epoch, {}, {}, epoch_ms}));
}

Result<void> Directory::complete_log(const TenantId& tenant, const Ended& ended) {
  std::set<std::string> due;
  for (const DeviceId& device : ended.revoked) due.insert(line_of(LogLine::Verb::revoke, tenant, device));
  for (const DeviceId& device : ended.frozen) due.insert(line_of(LogLine::Verb::freeze, tenant, device));
  for (const sync::ChangeRef& change : ended.erased) due.insert(line_of(tenant, change));
  for (const RecordId& person : ended.persons)
    due.insert(to_log_line({LogLine::Verb::person, tenant, {}, {}, {}, person}));
  const std::string epoch_line = to_log_line({LogLine::Verb::epoch, tenant, {}, ended.epoch, {}, {}, ended.epoch_ms});
  if (ended.restored) due.insert(epoch_line);
  TERN_TRY(const Bytes text, read_log());
  const Bytes whole = mend_torn_lines(text, tenant, due, epoch_line);
  for (const std::string& line : read_log_text(whole).lines) due.erase(line);
  std::string missing;
  for (const std::string& line : due) missing += line;
  if (whole == text) return missing.empty() ? Result<void>{} : append_log(missing);
  const std::lock_guard guard(mutex_);
  return write_private_file(log_path(), whole + (whole.empty() || whole.back() == '\n' ? "" : "\n") + missing);
}

Result<std::vector<std::string>> Directory::damaged_log_lines() {
  TERN_TRY(const Bytes text, read_log());
  std::vector<std::string> out = read_log_text(text).damaged;
  for (std::string& line : out) line = log_path() + " " + line;
  return out;
}

std::vector<std::string> Directory::unknown_folders() {
  std::vector<std::string> out;
  const auto known = tenants();
  for (const std::string& name : folders_in(path_ + "/tenants")) {
    const bool named = known && std::any_of(known->begin(), known->end(),
                                            [&](const TenantEntry& entry) { return to_hex(entry.id) == name; });
    if (!named) out.push_back(path_ + "/tenants/" + name);
  }
  return out;
}

Result<std::vector<TenantEntry>> Directory::copy_index(const std::string& path) {
  const std::lock_guard guard(mutex_);
  TERN_CHECKED(index_->vacuum_into(path));
  return read_tenants();
}

Result<std::unique_lock<std::mutex>> Directory::begin_backup() {
  std::unique_lock lock(backup_mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return fail(ErrorCode::busy, "A backup is being made already.", "Wait until it is done.");
  return lock;
}

std::string Directory::staging_path() const {
  return path_ + "/backup.staging";
}

void Directory::discard_staging() {
  std::error_code ignored;
  std::filesystem::remove_all(staging_path(), ignored);
}

void Directory::discard_idle_staging() {
  if (const auto idle = begin_backup()) discard_staging();
}

TenantOptions Directory::tenant_options(const TenantEntry& entry, const std::string& vfs) const {
  TenantOptions options;
  options.directory = path_ + "/tenants/" + to_hex(entry.id);
  options.number = entry.number;
  options.id = entry.id;
  options.vfs = vfs;
  if (store_key_) options.encryption = store_key_->clone();
  return options;
}

}  // namespace tern::server
