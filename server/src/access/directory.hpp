// The server's directory: its lock, its index of tenants and logins, its keys.
//
// DIR/lock, DIR/server.db (index), DIR/keys/, DIR/tenants/ID/tern.db. With DIR/keys/store.key the databases are
// encrypted under it. Devices, operators and rights are ledger entries of the tenant's file; the index only finds them.
// Where the two differ, the stricter holds.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/tenant.hpp"
#include "tern/protocol/environment.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/change.hpp"

namespace tern::server {

inline constexpr std::string_view erasures_log_name = "erasures.log";
inline constexpr std::size_t erasures_log_bytes_max = 256 * 1024 * 1024;

struct TenantEntry {
  std::int64_t number = 0;  // tenant_id of every table
  TenantId id;
  std::string name;
};

struct LoginEntry {
  std::int64_t tenant = 0;
  OperatorId operator_id;
  std::string password_hash;  // crypto_pwhash_str; empty: no password yet
};

/// What codes of a second factor are judged by.
struct SecondFactorEntry {
  Bytes secret;  // wipe it
  bool on = false;
  std::int64_t last_step = 0;  // no code of it or of one before is taken any more
  Bytes recovery;              // hashes of recovery codes, 32 bytes each, one behind another
};

/// A resource; holds the directory's lock while it lives. Thread-safe.
class Directory {
public:
  /// Makes an empty directory with keys under a fresh recovery key. `invalid` when one is there already, or when it is
  /// to be encrypted and this build cannot.
  static Result<std::unique_ptr<Directory>> create(const std::string& path, const protocol::RecoveryKey& recovery,
                                                   bool encrypted, Environment& environment);
  /// `not_found` without a server there, `corrupt` when its index is missing or empty beside its keys and tenants,
  /// `not_permitted` when others can write it, `busy` when another process holds
  /// it.
  static Result<std::unique_ptr<Directory>> open(const std::string& path);
  ~Directory();
  /// `busy` while another process holds it. It may be damaged, or no server's.
  static Result<void> check_unused(const std::string& path);
  /// An init that failed half way leaves nothing that looks like a server. Call once the directory is closed.
  static void discard(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool encrypted() const { return store_key_.has_value(); }
  Result<std::vector<TenantEntry>> tenants();
  /// By name, or uuid; empty: the only one. `not_found` and `usage` (several: name one) list them.
  Result<TenantEntry> find_tenant(std::string_view name);
  /// Number, id and folder of a new tenant; `record_tenant` makes it known once its own file is there. `invalid` when
  /// the name is taken or none.
  Result<TenantEntry> plan_tenant(const std::string& name, Environment& environment);
  Result<void> record_tenant(const TenantEntry& entry);
  /// One that was planned and could not be made leaves nothing.
  void discard_tenant(const TenantEntry& entry);

  Result<void> put_login(std::int64_t tenant, const std::string& email, const LoginEntry& login);
  Result<std::optional<LoginEntry>> find_login(std::int64_t tenant, const std::string& email);

  /// Likewise: the codes have to be computed, so it is no hash that is kept.
  Result<std::optional<SecondFactorEntry>> second_factor(std::int64_t tenant, const OperatorId& person);
  Result<void> put_second_factor(std::int64_t tenant, const OperatorId& person, const SecondFactorEntry& entry);
  Result<void> drop_second_factor(std::int64_t tenant, const OperatorId& person);

  /// What a channel opens the other side with. Like logins never in the ledger, so in no export of it.
  Result<void> put_channel_secret(std::int64_t tenant, const RecordId& channel, const std::string& secret);
  Result<void> drop_channel_secret(std::int64_t tenant, const RecordId& channel);
  Result<bool> has_channel_secret(std::int64_t tenant, const RecordId& channel);
  Result<std::optional<std::string>> channel_secret(std::int64_t tenant, const RecordId& channel);

  /// Where devices reach this server, as `serve` last knew it; empty: never told.
  Result<void> note_public_url(const std::string& url);
  Result<std::string> public_url();

  /// Appends to DIR/erasures.log, which outlives a restore: ids only. A restore lets these come back first.
  Result<void> note_revoked(const TenantId& tenant, const DeviceId& device);
  Result<void> note_erased(const TenantId& tenant, const std::vector<sync::ChangeRef>& changes);
  /// All of this person was erased: a restore of an older backup knows more changes of theirs than these lines name.
  Result<void> note_person(const TenantId& tenant, const RecordId& contact);
  /// An epoch that a restore began, with numbers of its own, and the time of its record: a restore of an older backup
  /// stays clear of them, and begins later.
  Result<void> note_epoch(const TenantId& tenant, const EpochId& epoch, std::int64_t epoch_ms);
  /// Everything of a tenant that the log must know, against what it does know: what a crash kept from it or left
  /// unfinished in it, and what the server did by itself. Writes nothing where nothing is missing.
  struct Ended {
    EpochId epoch;              // in force
    bool restored = false;      // which a restore began
    std::int64_t epoch_ms = 0;  // then, of its record
    std::vector<DeviceId> revoked, frozen;
    std::vector<sync::ChangeRef> erased;
    std::vector<RecordId> persons;
  };
  Result<void> complete_log(const TenantId& tenant, const Ended& ended);
  /// Lines of the log that cannot be read: "PATH line 3 (revoke 4f0c...)". They would refuse a restore.
  Result<std::vector<std::string>> damaged_log_lines();

  /// Folders under tenants/ that the index does not name: their paths.
  std::vector<std::string> unknown_folders();

  /// A copy of the index as a new file; gives the tenants that it knows.
  Result<std::vector<TenantEntry>> copy_index(const std::string& path);
  /// One backup at a time: held while it is made. `busy` while another one is.
  Result<std::unique_lock<std::mutex>> begin_backup();
  /// Where a backup puts its copies. `open` removes what a killed one left; so does an erasure, while none is made.
  [[nodiscard]] std::string staging_path() const;
  void discard_staging();
  void discard_idle_staging();

  [[nodiscard]] TenantOptions tenant_options(const TenantEntry& entry, const std::string& vfs) const;

private:
  Directory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  Result<void> open_index(bool create);
  Result<void> load_store_key();
  Result<void> check_index_is_whole();
  Result<std::vector<TenantEntry>> read_tenants();  // mutex held

  [[nodiscard]] std::string log_path() const;
  Result<void> append_log(const std::string& lines);
  Result<Bytes> read_log();

  std::string path_;
  int lock_;
  std::optional<protocol::SecretKey> store_key_;
  std::mutex mutex_;
  std::unique_ptr<sqlite::Database> index_;
  std::mutex backup_mutex_;
};

}  // namespace tern::server
