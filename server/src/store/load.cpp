// Reading a tenant's file into its Internals.
#include <algorithm>
#include <limits>

#include "migrations_tenant.inc"
#include "tenant_internals.hpp"
#include "tern/protocol/mutant.hpp"
#include "tern/sqlite/files.hpp"
#include "tern/sqlite/migrations.hpp"
#include "words.hpp"

namespace tern::server {
namespace {

sqlite::OpenOptions writer_options(const TenantOptions& options) {
  sqlite::OpenOptions out;
  out.path = options.directory + "/tern.db";
  out.create = false;
  out.vfs = options.vfs;
  if (mutant(Mutant::server_not_durable)) out.synchronous = sqlite::Synchronous::normal;
  if (options.encryption) out.key = sqlite::DatabaseKey::from(options.encryption->view());
  return out;
}

struct ClockRow {
  std::uint64_t anchor_seq = 1;
  std::int64_t time_ms = 0;
};

ClockRow read_clock(const std::optional<Bytes>& value) {
  if (!value || value->size() != 16) return {};
  return {meta_number(value->substr(0, 8)), static_cast<std::int64_t>(meta_number(value->substr(8)))};
}

/// One above all that were given. Before the first commit that gives one, what older versions left was numbered.
Result<std::uint64_t> next_message_id(sqlite::Database& db, std::int64_t tenant) {
  TERN_TRY(const auto noted, read_meta(db, tenant, meta_next_message_id));
  if (noted) return meta_number(noted, 1);
  TERN_TRY(const auto message,
           db.int64_of("SELECT max(integer_id) FROM message WHERE tenant_id = $1 AND integer_id > 0", tenant));
  TERN_TRY(const auto description,
           db.int64_of("SELECT max(message_id) FROM ticket WHERE tenant_id = $1 AND message_id > 0", tenant));
  return static_cast<std::uint64_t>(std::max(message.value_or(0), description.value_or(0))) + 1;
}

Result<void> load_head(Tenant::Internals& in, sqlite::Database& db, std::int64_t tenant) {
  TERN_TRY(const auto id, read_meta(db, tenant, "tenant"));
  if (!id || TenantId::or_zero(*id) != in.options.id) {
    return fail(ErrorCode::corrupt, "the tenant's file is not of this tenant", "restore it from a backup");
  }
  TERN_TRY(const auto epoch, read_meta(db, tenant, "epoch"));
  TERN_TRY(const auto row_key, read_meta(db, tenant, "row_key"));
  TERN_TRY(const auto commit_seq, read_meta(db, tenant, "commit_seq"));
  TERN_TRY(const auto frontier, read_meta(db, tenant, "frontier"));
  TERN_TRY(const auto integer_id, read_meta(db, tenant, "next_integer_id"));
  TERN_TRY(const auto stable, read_meta(db, tenant, "backup_stable_seq"));
  TERN_TRY(const auto kept_days, read_meta(db, tenant, "backups_kept_days"));
  TERN_TRY(const auto looked, read_meta(db, tenant, "expiry_ms"));
  TERN_TRY(const auto truncate, read_meta(db, tenant, "truncate_due"));
  TERN_TRY(const auto sla_seq, read_meta(db, tenant, meta_sla_seq));
  TERN_TRY(const auto figures_to, read_meta(db, tenant, meta_figures_to));
  TERN_TRY(const auto newer, read_meta(db, tenant, meta_newer_history));
  TERN_TRY(in.frontier, protocol::MerkleFrontier::decode(frontier.value_or(Bytes{})));
  in.epoch = EpochId::or_zero(epoch.value_or(Bytes{}));
  in.row_key = row_key.value_or(Bytes{});
  const std::uint64_t newest = meta_number(commit_seq);
  if (in.epoch.is_zero() || in.row_key.size() != 16 || in.frontier.size() != newest) {
    return fail(ErrorCode::corrupt, "the tenant's counters and log do not agree", "restore it from a backup");
  }
  in.commit_seq.store(newest, std::memory_order_release);
  in.log_size = in.frontier.size();
  in.log_root = in.frontier.root();
  in.next_integer_id = meta_number(integer_id, 1);
  TERN_TRY(in.next_message_id, next_message_id(db, tenant));
  TERN_TRY(in.lists_to, read_lists_to(db, tenant));
  in.number_block = (in.next_integer_id / limits::epoch_block + 1) * limits::epoch_block;
  in.backup_stable_seq = meta_number(stable);
  in.backups_kept_days = meta_number(kept_days);
  in.expiry_looked_ms = static_cast<std::int64_t>(meta_number(looked));
  in.truncate_due = meta_number(truncate) != 0;
  in.older_files = newer.has_value();
  in.sla_seq = meta_number(sla_seq);
  in.figures_to = meta_number(figures_to);
  in.sla_desk.reset();
  in.triggers.reset();
  in.routing.reset();
  in.outgoing.reset();
  in.outgoing_due_ms = 0;
  TERN_TRY(const auto told, db.int64_of("SELECT max(told_seq) FROM sla_clock WHERE tenant_id = $1", tenant));
  in.sla_told = static_cast<std::uint64_t>(told.value_or(0));
  return {};
}

Result<void> load_clock(Tenant::Internals& in, sqlite::Database& db, std::int64_t tenant) {
  TERN_TRY(const auto row, read_meta(db, tenant, "clock"));
  const ClockRow clock = read_clock(row);
  TERN_TRY(const auto last_commit, db.int64_of("SELECT commit_ms FROM change_set WHERE tenant_id = $1 "
                                               "ORDER BY commit_seq DESC LIMIT 1",
                                               tenant));
  TERN_TRY(auto last,
           db.query("SELECT anchor_hash, anchor_seq, time_ms FROM anchor WHERE tenant_id = $1 AND epoch = $2 "
                    "ORDER BY anchor_seq DESC LIMIT 1",
                    tenant, in.epoch));
  TERN_TRY(const bool found, last.step());
  std::lock_guard anchors(in.anchor_mutex);
  in.anchor_seq_bound = clock.anchor_seq;
  in.anchor_time_bound_ms = clock.time_ms;
  std::lock_guard lock(in.clock_mutex);
  // A clock that runs already has issued everything that the file can hold of it, and knows whether it is in doubt; the
  // anchors that went out since are still to be written.
  if (in.clock) return {};
  in.next_anchor_seq = std::max(clock.anchor_seq, found ? last.uint64(1) + 1 : 1);
  in.newest_anchor_hash = found ? last.id<Hash>(0) : Hash{};
  in.newest_anchor.reset();
  in.pending_anchors.clear();
  in.clock.emplace(std::max({clock.time_ms, last_commit.value_or(0), found ? last.int64(2) : 0}));
  return {};
}

Result<void> load_records(Tenant::Internals& in, sqlite::Database& db, std::int64_t tenant) {
  TERN_TRY(auto rows, db.query("SELECT data FROM record WHERE tenant_id = $1", tenant));
  in.records.clear();
  in.contacts.clear();
  in.highest_record_ids.clear();
  in.actors.clear();
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    const auto record = sync::decode_record(rows.blob(0));
    if (!record)
      return fail(ErrorCode::corrupt, "a record of the tenant is damaged", "restore the tenant from a backup");
    in.publish_record(*record);
  }
  const auto found = in.records.find({sync::RecordKind::tenant, RecordId::or_zero(in.options.id.view())});
  if (found == in.records.end()) return {};
  in.name = found->second.name;
  const auto zone = found->second.attributes.find("zone");
  in.zone = zone == found->second.attributes.end() ? "UTC" : zone->second;
  // A zone file that went missing costs nobody their desk: numbers then follow the year in UTC.
  auto rules = Zone::open(in.zone);
  in.zone_rules = rules ? std::move(*rules) : Zone{};
  return {};
}

Result<void> load_devices(Tenant::Internals& in, sqlite::Database& db, std::int64_t tenant) {
  TERN_TRY(auto devices, read_devices(db, tenant));
  in.devices.clear();
  in.operator_devices.clear();
  for (Device& device : devices) {
    // What was sent after the row was last written is forgotten. Were the older number taken, the `seen` of an honest
    // device would be cut for what it did see; so nothing that is committed by now is doubted.
    device.notes.sent_seq = in.commit_seq.load();
    if (device.row.purpose == protocol::KeyPurpose::device)
      in.operator_devices[device.row.operator_id].push_back(device.row.id);
    in.devices.emplace(device.row.id, std::move(device));
  }
  const auto sealing = in.devices.find(in.keys.sealing_device);
  if (sealing == in.devices.end() || sealing->second.row.key != in.keys.sealing.id()) {
    return fail(ErrorCode::corrupt, "the sealing key is not the one of this tenant's file",
                "put the keys that belong to it beside it");
  }
  return {};
}

Result<void> load_erasures(Tenant::Internals& in, sqlite::Database& db, std::int64_t tenant) {
  in.erased.clear();
  in.erased_changes.clear();
  TERN_TRY(auto rows,
           db.query("SELECT device_id, change_commitment, change_id FROM erasure WHERE tenant_id = $1", tenant));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    in.erased.insert({rows.id<DeviceId>(0), rows.id<Hash>(1)});
    in.erased_changes.insert({rows.id<DeviceId>(0), rows.id<ChangeId>(2)});
  }
  in.erasure_due.clear();
  TERN_TRY(const auto due, read_meta(db, tenant, "erasure_due"));
  if (due) {
    protocol::ByteReader reader(*due);
    while (reader.left() > 0 && reader.ok()) {
      const auto device = reader.id<DeviceId>("device");
      in.erasure_due.insert({device, reader.id<ChangeId>("change")});
    }
    TERN_CHECKED(reader.finish());
  }
  in.custody.clear();
  TERN_TRY(auto marks, db.query("SELECT operator_id, commit_seq, ticket_id FROM ticket_interest "
                                "WHERE tenant_id = $1 AND kind = 2",
                                tenant));
  for (;;) {
    TERN_TRY(const bool more, marks.step());
    if (!more) break;
    in.custody[marks.id<OperatorId>(0)].insert({marks.uint64(1), marks.id<TicketId>(2)});
  }
  in.past_epochs.clear();
  TERN_TRY(auto epochs, db.query("SELECT epoch, kept_seq FROM past_epoch WHERE tenant_id = $1", tenant));
  for (;;) {
    TERN_TRY(const bool more, epochs.step());
    if (!more) break;
    in.past_epochs.emplace_back(epochs.id<EpochId>(0), epochs.uint64(1));
  }
  return {};
}

/// What is read of a tenant meanwhile (devices, people, what was erased): where it cannot be read anew, who reads goes
/// on with what was known, and is told of nobody missing. Snapshot lock held.
class KeptSnapshot {
public:
  explicit KeptSnapshot(Tenant::Internals& in)
      : in_(in),
        name_(in.name),
        zone_(in.zone),
        epoch_(in.epoch),
        log_size_(in.log_size),
        log_root_(in.log_root),
        commit_seq_(in.commit_seq),
        backup_stable_seq_(in.backup_stable_seq),
        backups_kept_days_(in.backups_kept_days),
        number_block_(in.number_block) {
    swap_what_is_large();
  }
  ~KeptSnapshot() {
    if (!was_replaced_) put_back();
  }
  KeptSnapshot(const KeptSnapshot&) = delete;
  KeptSnapshot& operator=(const KeptSnapshot&) = delete;
  void was_replaced() { was_replaced_ = true; }

private:
  void swap_what_is_large() {
    std::swap(in_.devices, devices_);
    std::swap(in_.records, records_);
    std::swap(in_.contacts, contacts_);
    std::swap(in_.highest_record_ids, highest_record_ids_);
    std::swap(in_.actors, actors_);
    std::swap(in_.operator_devices, operator_devices_);
    std::swap(in_.erased, erased_);
    std::swap(in_.erased_changes, erased_changes_);
    std::swap(in_.erasure_due, erasure_due_);
    std::swap(in_.custody, custody_);
    std::swap(in_.queue_members, queue_members_);
  }
  void put_back() {
    swap_what_is_large();
    in_.name = name_;
    in_.zone = zone_;
    in_.epoch = epoch_;
    in_.log_size = log_size_;
    in_.log_root = log_root_;
    in_.commit_seq = commit_seq_;
    in_.backup_stable_seq = backup_stable_seq_;
    in_.backups_kept_days = backups_kept_days_;
    in_.number_block = number_block_;
  }

  Tenant::Internals& in_;
  bool was_replaced_ = false;
  decltype(Tenant::Internals::devices) devices_;
  decltype(Tenant::Internals::records) records_;
  decltype(Tenant::Internals::contacts) contacts_;
  decltype(Tenant::Internals::highest_record_ids) highest_record_ids_;
  decltype(Tenant::Internals::actors) actors_;
  decltype(Tenant::Internals::operator_devices) operator_devices_;
  decltype(Tenant::Internals::erased) erased_;
  decltype(Tenant::Internals::erased_changes) erased_changes_;
  decltype(Tenant::Internals::erasure_due) erasure_due_;
  decltype(Tenant::Internals::custody) custody_;
  decltype(Tenant::Internals::queue_members) queue_members_;
  std::string name_, zone_;
  EpochId epoch_;
  std::uint64_t log_size_;
  Hash log_root_;
  std::uint64_t commit_seq_, backup_stable_seq_, backups_kept_days_, number_block_;
};

}  // namespace

Result<std::uint64_t> read_lists_to(sqlite::Database& db, std::int64_t tenant) {
  TERN_TRY(const auto form, read_meta(db, tenant, meta_lists_form));
  if (meta_number(form) >= lists_form) return std::numeric_limits<std::uint64_t>::max();
  TERN_TRY(const auto to, read_meta(db, tenant, meta_lists_to));
  return meta_number(to);
}

Result<void> migrate_tenant(sqlite::Database& db) {
  TERN_TRY(const int applied, sqlite::migrate(db, tenant_migrations));
  if (applied == 0) return {};
  TERN_CHECKED(overwrite_old_words(db));
  return hint_planner(db);
}

Result<void> Tenant::Internals::load() {
  const std::int64_t tenant = options.number;
  if (!writer) {
    sqlite::OpenOptions how = writer_options(options);
    if (index_in_memory) how.index = sqlite::LogIndex::process;
    TERN_TRY(writer, sqlite::Database::open(how));
    // Before that nobody may hear of what it shows. A full disk is no reason not to be read, and it loses no commit.
    const auto settled = sqlite::settle(*writer);
    const bool only_full =
        !settled && settled.error().code == ErrorCode::storage_full && trouble.load() != ErrorCode::storage_failed;
    if (!settled && !only_full) {
      writer.reset();
      return tl::unexpected(settled.error());
    }
    TERN_CHECKED(migrate_tenant(*writer));
    // Commits that follow each other touch the same pages: 16 MiB of log, and each goes into the file once.
    TERN_CHECKED(writer->exec("PRAGMA wal_autocheckpoint = 4096"));
  }
  sqlite::Database& db = *writer;
  {
    std::unique_lock lock(snapshot_mutex);
    KeptSnapshot before(*this);
    TERN_CHECKED(load_head(*this, db, tenant));
    TERN_CHECKED(load_records(*this, db, tenant));
    TERN_CHECKED(load_devices(*this, db, tenant));
    TERN_CHECKED(load_erasures(*this, db, tenant));
    rebuild_queue_members();
    before.was_replaced();
  }
  commit_times.fill({0, 0});
  anchors_seen.clear();
  notices.clear();
  TERN_CHECKED(load_clock(*this, db, tenant));
  writer_broken = false;
  return {};
}

// ---- records ----

sync::Actor actor_of(const sync::Record& record) {
  sync::Actor actor;
  actor.id = OperatorId::or_zero(record.id.view());
  const auto role = record.attributes.find("role");
  const auto known = role == record.attributes.end() ? std::nullopt : sync::role_from_name(role->second);
  actor.role = known.value_or(sync::Role::light);  // a role that is not known here may least
  actor.queues = record.refs;
  const auto active = record.attributes.find("active");
  actor.active = !record.deleted && (active == record.attributes.end() || active->second != "0");
  return actor;
}

void Tenant::Internals::publish_record(const sync::Record& record) {
  if (record.kind == sync::RecordKind::contact) {
    const auto before = records.find({record.kind, record.id});
    contacts.put(before == records.end() ? nullptr : &before->second, record);
  }
  records[{record.kind, record.id}] = record;
  std::uint64_t& highest = highest_record_ids[record.kind];
  highest = std::max(highest, record.integer_id);
  newest_record_seq = std::max(newest_record_seq.load(), record.version);
  if (record.kind != sync::RecordKind::operator_) return;
  const sync::Actor actor = actor_of(record);
  actors[actor.id] = actor;
}

void Tenant::Internals::rebuild_queue_members() {
  queue_members.clear();
  for (const auto& [id, actor] : actors) {
    if (!actor.active || sync::queue_scope_all(actor.role) || !operator_devices.contains(id)) continue;
    for (const RecordId& queue : actor.queues) queue_members[queue].push_back(id);
  }
}

}  // namespace tern::server
