// The inside of a tenant. For ingest and the store's own files.
//
// Who may touch what: `writer`, `strand_*` and everything under "strand" belong to whoever holds `writer_mutex`.
// `snapshot_mutex` guards what verify and the exchange read; the strand replaces it after a commit returned, never
// before, so nobody sees what is not durable. Order of locks: writer, then snapshot, then clock; nothing blocks under
// the last two.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "contacts.hpp"
#include "files/file_store.hpp"
#include "ingest/ingest.hpp"
#include "tenant.hpp"
#include "tern/protocol/merkle.hpp"
#include "zone.hpp"

namespace tern::server {

struct SlaDesk;       // ingest/sla_look.hpp
struct TriggerDesk;   // ingest/triggers.hpp
struct Routing;       // ingest/route.hpp
struct OutgoingDesk;  // desk/outgoing_settings.hpp

/// What the strand decides of a device: written in the commit that changes it.
struct DeviceRow {
  DeviceId id;
  OperatorId operator_id;
  KeyId key;
  protocol::PublicKey public_key;
  std::uint8_t suite = 1;
  protocol::KeyPurpose purpose = protocol::KeyPurpose::device;
  protocol::KeyState key_state = protocol::KeyState::active;
  protocol::ChainHead chain;
  std::int64_t last_lo_ms = 0;
  std::int64_t last_effective_ms = 0;
  std::int64_t forked_ms = 0;
  Bytes forked_hash;
  Bytes certificate;
  bool scope_all = false;
  std::string name, platform;
  Bytes wipe_order, revocation;
};

/// What exchanges tell: in memory at once, in the file with the next commit.
struct DeviceNotes {
  std::uint64_t sent_seq = 0;
  std::uint64_t declared_seq = 0;
  std::int64_t declared_ms = 0;
  Hash declared_hash;  // in memory only: zero after a restart, and then the set that comes there is not held against it
  std::uint64_t previous_declared_seq = 0;
  std::int64_t previous_declared_ms = 0;
  std::uint64_t cursor_seq = 0;
  std::uint64_t outbox_pending = 0;
  std::int64_t last_seen_ms = 0;
  bool dirty = false;
};

struct Device {
  DeviceRow row;
  DeviceNotes notes;
};

struct RecordKey {
  sync::RecordKind kind = sync::RecordKind::unspecified;
  RecordId id;
  bool operator==(const RecordKey&) const = default;
};
struct RecordKeyHash {
  std::size_t operator()(const RecordKey& key) const noexcept {
    return std::hash<RecordId>{}(key.id) * 31 + static_cast<std::size_t>(key.kind);
  }
};

struct ErasedKey {
  DeviceId device;
  Hash commitment;
  bool operator==(const ErasedKey&) const = default;
};
struct ErasedKeyHash {
  std::size_t operator()(const ErasedKey& key) const noexcept { return std::hash<Hash>{}(key.commitment); }
};

/// What is known of an anchor that a set may cite.
struct AnchorFacts {
  std::int64_t time_ms = 0;
  EpochId epoch;
};

struct PendingAnchor {
  Hash hash;
  std::uint64_t seq = 0;
  std::int64_t time_ms = 0;
  EpochId epoch;
  Bytes wire;
};

/// Custody marks by who keeps them: (commit of the claim, ticket).
using CustodyMarks = std::map<OperatorId, std::set<std::pair<std::uint64_t, TicketId>>>;

struct Tenant::Internals {
  Internals(TenantOptions o, TenantKeys k, Environment& e)
      : options(std::move(o)), keys(std::move(k)), environment(e) {}

  const TenantOptions options;
  const TenantKeys keys;
  Environment& environment;
  std::string name, zone;
  std::shared_ptr<FileStore> files;  // downloads may outlive the tenant

  // ---- strand ----
  std::recursive_mutex writer_mutex;
  std::unique_ptr<sqlite::Database> writer;
  bool index_in_memory = false;            // since it was opened: the disk had no room for it
  bool writer_broken = false;              // after a storage error: reopen before anything else
  std::atomic<bool> takes_no_work{false};  // of devices: there is no room
  std::atomic<bool> takes_no_files{false};
  std::atomic<bool> older_files{false};  // than a device has seen: no commit gets a number
  std::atomic<ErrorCode> trouble{};   // of the storage, until something was written again; `internal`: none. Any thread
  protocol::MerkleFrontier frontier;  // of the newest commit
  std::uint64_t next_integer_id = 1;
  std::uint64_t next_message_id = 1;
  std::uint64_t lists_to = 0;  // up to which ticket what lists and search ask is filled in; all of them: the highest
  Bytes row_key;               // SipHash of ledger rows
  std::unordered_map<RecordId, std::vector<OperatorId>> queue_members;      // active operators with a device
  std::array<std::pair<std::uint64_t, std::int64_t>, 4096> commit_times{};  // by commit_seq mod size
  std::unordered_map<Hash, AnchorFacts> anchors_seen;
  std::vector<std::pair<EpochId, std::uint64_t>> past_epochs;  // with their kept size
  std::int64_t expiry_looked_ms = 0;
  std::uint64_t sla_seq = 0;          // up to and with which commit the SLA clocks of tickets are kept
  std::uint64_t figures_to = 0;       // up to which ticket what reports count is filled in; all of them: the highest
  std::int64_t sla_swept = 0;         // seconds
  std::uint64_t sla_told = 0;         // under which number devices were last told of clocks
  std::shared_ptr<SlaDesk> sla_desk;  // null: to be made
  std::shared_ptr<TriggerDesk> triggers;         // likewise
  std::shared_ptr<Routing> routing;              // likewise
  std::shared_ptr<OutgoingDesk> outgoing;        // likewise
  std::atomic<std::int64_t> outgoing_due_ms{0};  // when something that goes out is due, or may be. Any thread
  std::int64_t silence_looked_ms = 0;            // by the monotonic clock, when nobody had been left alone for too long
  std::int64_t flushed_ms = 0;
  std::uint64_t checkpointed_seq = 0;
  bool truncate_due = false;          // erased text may still stand in the WAL, or be in a file
  bool listening = false;             // a committer will tell
  std::vector<CommitNotice> notices;  // what it will
  Zone zone_rules;

  // ---- snapshot ----
  mutable std::shared_mutex snapshot_mutex;
  std::unordered_map<DeviceId, Device> devices;
  std::unordered_map<RecordKey, sync::Record, RecordKeyHash> records;
  ContactIndex contacts;  // of `records`
  std::map<sync::RecordKind, std::uint64_t> highest_record_ids;
  std::atomic<std::uint64_t> newest_record_seq{0};
  std::unordered_map<OperatorId, sync::Actor> actors;
  std::unordered_map<OperatorId, std::vector<DeviceId>> operator_devices;  // of any state
  std::unordered_set<ErasedKey, ErasedKeyHash> erased;
  std::set<sync::ChangeRef> erased_changes;  // the same by name: another copy of a draft has another commitment
  std::set<sync::ChangeRef> erasure_due;     // erased in a history that a restore gave up: they may come again
  CustodyMarks custody;
  EpochId epoch;
  std::uint64_t log_size = 0;
  Hash log_root;
  std::atomic<std::uint64_t> commit_seq{0};
  std::atomic<std::uint64_t> backup_stable_seq{0};
  std::atomic<std::uint64_t> backups_kept_days{0};
  std::atomic<std::uint64_t> number_block{0};

  // ---- clock and anchors ----
  mutable std::mutex clock_mutex;
  std::optional<sync::ServerClock> clock;
  std::mutex anchor_mutex;  // taken before clock_mutex, never while holding it
  std::optional<IssuedAnchor> newest_anchor;
  std::int64_t newest_anchor_ms = 0;
  std::uint64_t next_anchor_seq = 1;
  Hash newest_anchor_hash;
  std::vector<PendingAnchor> pending_anchors;  // issued, not written yet
  std::uint64_t anchor_seq_bound = 0;          // durable: no anchor below was issued after a crash
  std::int64_t anchor_time_bound_ms = 0;

  // ---- readers ----
  std::mutex reader_mutex;
  std::vector<std::unique_ptr<sqlite::Database>> readers;

  /// Opens the file and reads everything above from it. Also after a storage error.
  Result<void> load();
  Result<void> ensure_writer();
  /// Replaces what exchanges and verify see of one record. Snapshot lock held.
  void publish_record(const sync::Record& record);
  void rebuild_queue_members();
};

/// After an error of the storage nothing that is prepared or cached is believed any more. Strand.
void note_failure(Tenant& tenant, const Error& error);

/// The role, queues and state of an operator's record.
sync::Actor actor_of(const sync::Record& record);

/// Brings tern.db to the newest schema.
Result<void> migrate_tenant(sqlite::Database& db);
/// planner.cpp: read by connections that open afterwards.
Result<void> hint_planner(sqlite::Database& db);

// ---- meta rows ----
Result<std::optional<Bytes>> read_meta(sqlite::Database& db, std::int64_t tenant, std::string_view name);
Result<void> write_meta(sqlite::Database& db, std::int64_t tenant, std::string_view name, ByteView value);
/// A number as meta keeps it: 8 bytes.
Bytes meta_number(std::uint64_t value);
/// What stored states hold. 1: whose hand sealed a change, what a split gave away, removes that nobody had seen. 2: who
/// had not seen an edit of the description that was held. 3: an erasure of what waits for its ticket touches no ticket.
inline constexpr std::uint64_t state_form = 3;
inline constexpr std::string_view meta_next_message_id = "next_message_id";
inline constexpr std::string_view meta_next_notification = "next_notification";
inline constexpr std::string_view meta_next_outgoing = "next_outgoing";
inline constexpr std::string_view meta_sla_seq = "sla_seq";
inline constexpr std::string_view meta_figures_to = "figures_to";
inline constexpr std::string_view meta_loads_from = "loads_from";  // loads know of assignments behind that commit
inline constexpr std::string_view meta_state_form = "state_form";
/// What lists and search ask of tickets, in columns and the index `words`. Absent or older: to be filled in.
inline constexpr std::uint64_t lists_form = 1;
inline constexpr std::string_view meta_lists_form = "lists_form";
inline constexpr std::string_view meta_lists_to = "lists_to";  // while it is being filled: up to which ticket
/// As Internals::lists_to.
Result<std::uint64_t> read_lists_to(sqlite::Database& db, std::int64_t tenant);
inline constexpr std::string_view meta_newer_history = "newer_history";  // what proved it, as it was shown
std::uint64_t meta_number(const std::optional<Bytes>& value, std::uint64_t fallback = 0);

/// SipHash of what a row of change_set stands for. Without lo_ms up to the commit that meta's `row_check_lo_after`
/// names.
std::uint64_t ledger_row_check(ByteView row_key, std::uint64_t commit_seq, ByteView header, const Signature& signature,
                               ByteView outcomes, std::optional<std::int64_t> lo_ms);

// ---- rows of devices ----
Result<std::vector<Device>> read_devices(sqlite::Database& db, std::int64_t tenant);
Result<void> write_device(sqlite::Database& db, std::int64_t tenant, const DeviceRow& row, const DeviceNotes& notes);
Result<void> write_notes(sqlite::Database& db, std::int64_t tenant, const DeviceId& device, const DeviceNotes& notes);

// ---- the clock's durable side: by whoever holds the writer ----
struct ClockWrite {
  std::vector<PendingAnchor> anchors;  // taken from pending_anchors
  std::uint64_t anchor_seq_bound = 0;
  std::int64_t time_bound_ms = 0;
};
/// Inside a transaction: anchors that were issued, and a new upper bound of anchor seq and time (none beyond now when
/// `closing`). Then `clock_written` after its commit, or `clock_failed` when there was none.
Result<ClockWrite> write_clock(Tenant::Internals& in, std::int64_t now_ms, bool closing = false);
void clock_written(Tenant::Internals& in, ClockWrite written);
void clock_failed(Tenant::Internals& in, ClockWrite written);
/// Notes of exchanges, anchors and the clock, in a transaction of their own.
Result<void> flush_notes(Tenant& tenant, bool closing = false);
/// So that anchors can be issued for some seconds without another commit, inside a transaction too.
Result<void> prepare_anchors(Tenant& tenant);

}  // namespace tern::server
