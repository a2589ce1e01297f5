// One open tenant: its file, its keys, its clock, its snapshot of records and devices.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "tern/protocol/anchor.hpp"
#include "tern/protocol/change_set.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/environment.hpp"
#include "tern/protocol/keys.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/record.hpp"
#include "tern/sync/rights.hpp"
#include "tern/sync/trusted_time.hpp"

namespace tern::server {

class FileStore;

/// The server's keys for one tenant. Files under DIR/keys, 0600.
struct TenantKeys {
  /// What a log key of this server signed: the one in use, or one that was in use before.
  template <typename T>
  Result<protocol::Signed<T>> open_logged(ByteView wire) const {
    TERN_TRY(const KeyId signer, protocol::signer_of(T::tag, wire));
    const protocol::ServerKey* before = list.find(signer, protocol::ServerKeyPurpose::log);
    return protocol::open_statement<T>(wire, before == nullptr ? log.public_key() : before->public_key);
  }

  protocol::SigningKey log;
  protocol::SigningKey sealing;
  DeviceId sealing_device;  // the device record of the sealing key
  Bytes key_list;           // Signed<KeyList>::wire
  std::vector<protocol::PublicKey> roots;
  protocol::ExchangePublicKey backup_public;
  protocol::KeyList list;  // what key_list says
};

struct TenantOptions {
  std::string directory;    // DIR/tenants/ID
  std::int64_t number = 1;  // tenant_id column
  TenantId id;
  std::optional<protocol::SecretKey> encryption;  // --encrypt
  std::string vfs;
};

/// What verify needs of a device, without the database.
struct DeviceKey {
  protocol::KeyRecord record;
  KeyId key;
};

/// A resource. `writer()` belongs to the committer strand; `reader()` hands out read connections to any thread.
class Tenant {
public:
  static Result<std::unique_ptr<Tenant>> create(const TenantOptions& options, TenantKeys keys, const std::string& name,
                                                const std::string& zone, Environment& environment);
  static Result<std::unique_ptr<Tenant>> open(const TenantOptions& options, TenantKeys keys, Environment& environment);
  ~Tenant();

  [[nodiscard]] const TenantId& id() const;
  [[nodiscard]] std::int64_t number() const;
  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] const std::string& zone() const;
  [[nodiscard]] EpochId epoch() const;
  [[nodiscard]] const TenantKeys& keys() const;
  Environment& environment();

  /// Server time to issue now (sync::ServerClock); thread-safe. In doubt: anchors stop, ingest goes on.
  std::int64_t now_ms();
  bool clock_in_doubt();
  /// How far server time is ahead of the machine's clock: after a crash by some seconds, after a wrong clock by as
  /// much.
  std::int64_t clock_lead_ms();
  void accept_clock();

  /// Newest commit. Readable by any thread once its commit returned.
  [[nodiscard]] std::uint64_t commit_seq() const;

  /// Held by whoever uses `writer()`: the committer strand around each batch and around the work it runs, and the few
  /// functions of the tenant that write by themselves. Recursive, because such work commits.
  [[nodiscard]] std::unique_lock<std::recursive_mutex> lock_writer();
  sqlite::Database& writer();
  /// Does work of its own transaction, or of one statement, with the writer: opened again first where it had failed,
  /// and noted as failed where the storage fails now.
  Result<void> write(const std::function<Result<void>(sqlite::Database&)>& work);

  /// `storage_full`, `storage_failed` or `corrupt`, since a write failed and until one succeeds. Any thread.
  [[nodiscard]] std::optional<ErrorCode> storage_trouble() const;
  /// While set, pushes of devices are answered with `storage_full`; what the administrator does is done. Any thread.
  void take_no_work(bool refused);
  [[nodiscard]] bool takes_work() const;
  /// The same for files of attachments, for which there is to be more room. Any thread.
  void take_no_files(bool refused);
  [[nodiscard]] bool takes_files() const;
  /// A device proved that these files are older than what this server once told (ingest/newer_history.hpp): nothing
  /// gets a number until a restore begins a new epoch. Any thread.
  [[nodiscard]] bool has_older_files() const;

  /// A read connection for the time of the call's scope.
  class Reader {
  public:
    Reader(Tenant& tenant, std::unique_ptr<sqlite::Database> database)
        : tenant_(tenant), database_(std::move(database)) {}
    Reader(Reader&&) = default;
    ~Reader();
    sqlite::Database& db() { return *database_; }

  private:
    Tenant& tenant_;
    std::unique_ptr<sqlite::Database> database_;
  };
  Result<Reader> reader();

  /// The content of its attachments. Any thread.
  [[nodiscard]] FileStore& files() const;

  /// Snapshots, thread-safe; replaced by commits that change them.
  std::optional<DeviceKey> find_key(const DeviceId& device, const KeyId& key) const;
  std::optional<sync::Actor> find_actor(const OperatorId& operator_id) const;
  std::optional<sync::Record> find_record(sync::RecordKind kind, const RecordId& id) const;
  std::vector<sync::Record> records(sync::RecordKind kind) const;
  /// The same without copies and in no order. `look` neither waits nor asks this tenant anything.
  void each_record(sync::RecordKind kind, const std::function<void(const sync::Record&)>& look) const;
  /// The contact who has that address, however it is written; else, without an address, that number. Looks through
  /// none.
  [[nodiscard]] std::optional<RecordId> contact_at(std::string_view email, std::string_view phone) const;
  /// Of the commit that wrote a record last.
  [[nodiscard]] std::uint64_t newest_record_seq() const;
  bool is_erased(const DeviceId& device, const Hash& change_commitment) const;
  /// By its name, however often it was sealed.
  bool is_erased(const sync::ChangeRef& change) const;
  /// Erased before a restore that lost the change: should it come again, its content is not kept.
  bool is_erasure_due(const sync::ChangeRef& change) const;

  /// The newest anchor, made anew when the last is older than 1 s or the log has grown since; nothing while the clock
  /// is in doubt. Thread-safe. `wire` is what travels.
  struct IssuedAnchor {
    Bytes wire;
    Hash hash;
    protocol::LogHead head;
  };
  Result<std::optional<IssuedAnchor>> anchor();
  /// The log head as of the newest commit.
  [[nodiscard]] protocol::LogHead log_head() const;

  /// Commits up to here are in a backup that was reopened and verified.
  [[nodiscard]] std::uint64_t backup_stable_seq() const;
  /// Durable when it returns: what an anchor has told once is told after a crash, too. On failure it stays as it was.
  Result<void> set_backup_stable_seq(std::uint64_t commit_seq);
  /// For how long backups are kept, as whoever makes them says; devices keep confirmed work for as long. 0: nobody
  /// said.
  [[nodiscard]] std::uint64_t backups_kept_days() const;
  Result<void> set_backups_kept_days(std::uint64_t days);

  /// The certificates and chains of devices, notes of exchanges: ingest/devices.hpp. Jobs: ingest/jobs.hpp.
  struct Internals;  // store/tenant_internals.hpp: for ingest and the store's own files
  Internals& internals();
  [[nodiscard]] const Internals& internals() const;

private:
  explicit Tenant(std::unique_ptr<Internals> internals);
  std::unique_ptr<Internals> internals_;
};

}  // namespace tern::server
