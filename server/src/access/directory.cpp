#include "directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "key_store.hpp"
#include "private_file.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sqlite/migrations.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::server {
namespace {

constexpr sqlite::Migration index_migrations[] = {
    {1, "index",
     "CREATE TABLE tenant (tenant_id INTEGER NOT NULL PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, name TEXT NOT NULL "
     "UNIQUE);"
     "CREATE TABLE login (tenant_id INTEGER NOT NULL, email TEXT NOT NULL, operator_id BLOB NOT NULL, password_hash "
     "TEXT NOT NULL,"
     " PRIMARY KEY (tenant_id, email)) WITHOUT ROWID;"},
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
  TERN_TRY(index_, sqlite::Database::open(options));
  TERN_CHECKED(sqlite::migrate(*index_, index_migrations));
  return {};
}

Result<std::unique_ptr<Directory>> Directory::create(const std::string& path, const protocol::RecoveryKey& recovery,
                                                     Environment& environment) {
  TERN_CHECKED(make_private_directory(path));
  if (file_exists(path + "/server.db"))
    return fail(ErrorCode::invalid, "There is a server in " + path + " already.",
                "Choose another directory with --data.", "data");
  TERN_TRY(const int lock, take_lock(path));
  std::unique_ptr<Directory> directory(new Directory(path, lock));
  TERN_CHECKED(make_private_directory(path + "/tenants"));
  TERN_CHECKED(create_server_keys(path, recovery, environment));
  TERN_CHECKED(directory->open_index(true));
  return directory;
}

void Directory::discard(const std::string& path) {
  for (const char* name : {"/server.db", "/server.db-wal", "/server.db-shm"}) ::unlink((path + name).c_str());
}

Result<std::unique_ptr<Directory>> Directory::open(const std::string& path) {
  if (!file_exists(path + "/server.db"))
    return fail(ErrorCode::not_found, "There is no server in " + path + ".",
                "Make one: ternd init --data " + path + " ...", "data");
  TERN_CHECKED(check_private_directory(path));
  TERN_TRY(const int lock, take_lock(path));
  std::unique_ptr<Directory> directory(new Directory(path, lock));
  TERN_CHECKED(directory->open_index(false));
  return directory;
}

Result<std::vector<TenantEntry>> Directory::tenants() {
  const std::lock_guard guard(mutex_);
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
  if (name.empty() || name.size() > limits::name_bytes_max || !is_valid_utf8(name))
    return fail(ErrorCode::invalid, "A tenant's name has 1 to 200 bytes of text.", "", "tenant");
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

Result<void> Directory::append_log(const std::string& lines) {
  const std::lock_guard guard(mutex_);
  return append_private_file(path_ + "/" + std::string(erasures_log_name), lines);
}

Result<void> Directory::note_revoked(const TenantId& tenant, const DeviceId& device) {
  return append_log("revoke " + to_hex(tenant) + " " + to_hex(device) + "\n");
}

Result<void> Directory::note_erased(const TenantId& tenant, const std::vector<sync::ChangeRef>& changes) {
  std::string lines;
  for (const sync::ChangeRef& change : changes)
    lines += "erase " + to_hex(tenant) + " " + to_hex(change.device) + " " + to_hex(change.id) + "\n";
  return append_log(lines);
}

Result<void> Directory::copy_index(const std::string& path) {
  const std::lock_guard guard(mutex_);
  return index_->vacuum_into(path);
}

Result<std::unique_lock<std::mutex>> Directory::begin_backup() {
  std::unique_lock lock(backup_mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return fail(ErrorCode::busy, "A backup is being made already.", "Wait until it is done.");
  return lock;
}

TenantOptions Directory::tenant_options(const TenantEntry& entry, const std::string& vfs) const {
  TenantOptions options;
  options.directory = path_ + "/tenants/" + to_hex(entry.id);
  options.number = entry.number;
  options.id = entry.id;
  options.vfs = vfs;
  return options;
}

}  // namespace tern::server
