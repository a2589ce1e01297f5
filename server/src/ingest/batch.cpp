#include "batch.hpp"

#include <algorithm>

#include "newer_history.hpp"
#include "route.hpp"
#include "sla_look.hpp"
#include "store/words.hpp"
#include "tern/protocol/crash_point.hpp"
#include "tern/protocol/mutant.hpp"
#include "triggers.hpp"

namespace tern::server {
namespace {

constexpr std::size_t anchors_kept_max = 10'000;

constexpr std::string_view select_ticket =
    "SELECT state, change_count, last_commit, top_ms, top_device, top_epoch, second_ms, message_id, listed, priority, "
    "assignee, queue, category, contact, organisation, created_ms, first_response_ms, resolved_ms, worked_ms, "
    "channel FROM ticket WHERE tenant_id = $1 AND ticket_id = $2";

ListColumns list_columns(const sqlite::Statement& row, int first) {
  ListColumns columns;
  columns.listed = row.int64(first);
  columns.priority = row.int64(first + 1);
  columns.assignee = row.blob(first + 2);
  columns.queue = row.blob(first + 3);
  columns.category = row.blob(first + 4);
  columns.contact = row.blob(first + 5);
  columns.organisation = row.blob(first + 6);
  columns.created_ms = row.int64(first + 7);
  columns.first_response_ms = row.int64(first + 8);
  columns.resolved_ms = row.int64(first + 9);
  columns.worked_ms = row.int64(first + 10);
  columns.channel = row.blob(first + 11);
  return columns;
}

}  // namespace

Batch::Batch(Tenant& t) : tenant(t), in(t.internals()), number(t.number()) {}

Batch::~Batch() {
  if (!transaction_) return;
  // Given up: what exchanges told and anchors that went out are written another time.
  if (clock_) clock_failed(in, std::move(*clock_));
  std::unique_lock lock(in.snapshot_mutex);
  for (const auto& [id, notes] : notes_)
    if (const auto found = in.devices.find(id); found != in.devices.end()) found->second.notes.dirty = true;
}

Result<void> Batch::begin() {
  TERN_CHECKED(in.ensure_writer());
  auto transaction = sqlite::Transaction::begin_write(*in.writer);
  if (!transaction) return tl::unexpected(std::move(transaction).error());
  transaction_.emplace(std::move(*transaction));
  commit_ms = tenant.now_ms();
  doubtful = tenant.clock_in_doubt();
  commit_seq = committed_seq = in.commit_seq.load();
  frontier = in.frontier;
  next_integer_id = in.next_integer_id;
  next_message_id = in.next_message_id;
  return {};
}

// ---- devices ----

const DeviceRow* Batch::peek_device(const DeviceId& id) const {
  if (const auto mine = devices_.find(id); mine != devices_.end()) return &mine->second;
  const auto found = in.devices.find(id);
  return found == in.devices.end() ? nullptr : &found->second.row;
}

DeviceRow* Batch::device(const DeviceId& id) {
  if (const auto mine = devices_.find(id); mine != devices_.end()) return &mine->second;
  const DeviceRow* known = peek_device(id);
  return known == nullptr ? nullptr : &devices_.emplace(id, *known).first->second;
}

void Batch::put_device(DeviceRow row) {
  wrote = true;
  new_devices_.push_back(row.id);
  devices_[row.id] = std::move(row);
}

std::vector<DeviceId> Batch::devices_of(const OperatorId& operator_id) const {
  std::vector<DeviceId> ids;
  if (const auto found = in.operator_devices.find(operator_id); found != in.operator_devices.end()) ids = found->second;
  for (const DeviceId& id : new_devices_)
    if (devices_.at(id).operator_id == operator_id) ids.push_back(id);
  return ids;
}

// ---- records ----

const sync::Record* Batch::find_record(sync::RecordKind kind, const RecordId& id) const {
  if (!records_.empty())
    if (const auto mine = records_.find({kind, id}); mine != records_.end()) return &mine->second;
  const auto found = in.records.find({kind, id});
  return found == in.records.end() ? nullptr : &found->second;
}

std::optional<sync::Actor> Batch::find_actor(const OperatorId& id) const {
  if (!records_.empty())
    if (const auto mine = records_.find({sync::RecordKind::operator_, RecordId::or_zero(id.view())});
        mine != records_.end())
      return actor_of(mine->second);
  const auto found = in.actors.find(id);
  return found == in.actors.end() ? std::nullopt : std::optional(found->second);
}

Result<void> Batch::put_record(sync::Record record) {
  const Bytes data = sync::encode_record(record);
  TERN_CHECKED(
      db().run("INSERT INTO record (tenant_id, kind, record_id, integer_id, name, version, deleted, data) "
               "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant_id, kind, record_id) DO UPDATE SET "
               "integer_id = excluded.integer_id, name = excluded.name, version = excluded.version, "
               "deleted = excluded.deleted, data = excluded.data",
               number, record.kind, record.id, record.integer_id, sqlite::Text{record.name}, record.version,
               record.deleted, sqlite::Blob{data}));
  if (sync::keeps_history(record, find_record(record.kind, record.id))) {
    TERN_CHECKED(
        db().run("INSERT INTO record_history (tenant_id, kind, record_id, version, data) "
                 "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, kind, record_id, version) "
                 "DO UPDATE SET data = excluded.data",
                 number, record.kind, record.id, record.version, sqlite::Blob{data}));
  }
  std::uint64_t& highest = highest_record_ids_[record.kind];
  highest = std::max(highest, record.integer_id);
  records_[{record.kind, record.id}] = std::move(record);
  return {};
}

std::uint64_t Batch::highest_record_id(sync::RecordKind kind) const {
  const auto mine = highest_record_ids_.find(kind);
  const auto known = in.highest_record_ids.find(kind);
  return std::max(mine == highest_record_ids_.end() ? 0 : mine->second,
                  known == in.highest_record_ids.end() ? 0 : known->second);
}

// ---- tickets ----

Result<WorkingTicket*> Batch::ticket(const TicketId& id) {
  if (const auto mine = tickets_.find(id); mine != tickets_.end()) return mine->second.get();
  if (unknown_tickets_.contains(id)) return static_cast<WorkingTicket*>(nullptr);
  TERN_TRY(auto rows, db().query(select_ticket, number, id));
  TERN_TRY(const bool found, rows.step());
  if (!found) {
    unknown_tickets_[id] = true;
    return static_cast<WorkingTicket*>(nullptr);
  }
  auto working = std::make_unique<WorkingTicket>();
  auto state = sync::decode_state(rows.blob(0));
  if (!state) return tl::unexpected(std::move(state).error());
  working->state = std::move(*state);
  working->stored = true;
  working->state_bytes = rows.blob(0).size();
  working->ledger = {rows.uint64(1),
                     rows.uint64(2),
                     {rows.int64(3), {DeviceId::or_zero(rows.blob(4)), rows.uint64(5)}, rows.int64(6)}};
  working->message_id = rows.uint64(7);
  working->lists_before = list_columns(rows, 8);
  working->words_before = words_text(working->state);
  working->scope_before = scope_facts(working->state);
  working->moved.base = working->state.version;
  working->moved.alone = !settled_tickets_.contains(id);
  return tickets_.emplace(id, std::move(working)).first->second.get();
}

WorkingTicket& Batch::new_ticket(const TicketId& id) {
  auto working = std::make_unique<WorkingTicket>();
  working->state.id = id;
  working->describes.emplace();  // nothing of it is in the ledger yet
  unknown_tickets_.erase(id);
  return *tickets_.emplace(id, std::move(working)).first->second;
}

Result<void> Batch::settle_tickets() {
  TERN_CHECKED(write_tickets(*this));
  TERN_CHECKED(write_ticket_scopes(*this));
  for (const auto& [id, working] : tickets_)
    if (working->dirty) settled_tickets_.insert(id);
  tickets_.clear();
  return {};
}

// ---- what sets cite ----

Result<std::int64_t> Batch::commit_time(std::uint64_t seq) {
  if (seq == 0) return 0;
  if (seq > committed_seq) return commit_ms;
  auto& slot = in.commit_times[seq % in.commit_times.size()];
  if (slot.first == seq) return slot.second;
  TERN_TRY(const auto found,
           db().int64_of("SELECT commit_ms FROM change_set WHERE tenant_id = $1 AND commit_seq = $2", number, seq));
  slot = {seq, found.value_or(0)};
  return slot.second;
}

Result<std::optional<AnchorFacts>> Batch::find_anchor(const Hash& hash) {
  if (hash.is_zero()) return std::optional<AnchorFacts>{};
  if (const auto found = in.anchors_seen.find(hash); found != in.anchors_seen.end())
    return std::optional(found->second);
  {
    std::lock_guard lock(in.anchor_mutex);
    for (const PendingAnchor& anchor : in.pending_anchors)
      if (anchor.hash == hash) return std::optional(AnchorFacts{anchor.time_ms, anchor.epoch});
  }
  TERN_TRY(auto rows, db().query("SELECT time_ms, epoch FROM anchor WHERE tenant_id = $1 AND anchor_hash = $2 "
                                 "AND withdrawn = 0",
                                 number, hash));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::optional<AnchorFacts>{};
  const AnchorFacts facts{rows.int64(0), rows.id<EpochId>(1)};
  if (in.anchors_seen.size() >= anchors_kept_max) in.anchors_seen.clear();
  in.anchors_seen[hash] = facts;
  return std::optional(facts);
}

bool Batch::knows_past(const EpochId& epoch) const {
  return std::any_of(in.past_epochs.begin(), in.past_epochs.end(),
                     [&](const auto& past) { return past.first == epoch; });
}

std::optional<std::uint64_t> Batch::kept_of(const EpochId& epoch) const {
  if (epoch.is_zero() || epoch == in.epoch || in.past_epochs.empty()) return std::nullopt;
  std::uint64_t newest = 0;
  for (const auto& [past, kept] : in.past_epochs) {
    if (past == epoch) return kept;
    newest = std::max(newest, kept);
  }
  return newest;
}

std::uint64_t Batch::normalise_seen(const EpochId& epoch, std::uint64_t seq) const {
  if (epoch.is_zero() || epoch == in.epoch) return seq;
  return std::min(seq, kept_of(epoch).value_or(0));
}

CustodyMarks& Batch::custody() {
  if (!custody_changed_) custody_ = in.custody;
  custody_changed_ = true;
  return custody_;
}

// ---- the end ----

Result<void> Batch::write_counters() {
  if (commit_seq != committed_seq) {
    TERN_CHECKED(write_meta(db(), number, "commit_seq", meta_number(commit_seq)));
    TERN_CHECKED(write_meta(db(), number, "frontier", frontier.encode()));
    TERN_CHECKED(write_meta(db(), number, "next_integer_id", meta_number(next_integer_id)));
    if (next_message_id != in.next_message_id)
      TERN_CHECKED(write_meta(db(), number, meta_next_message_id, meta_number(next_message_id)));
  }
  if (next_notification)
    TERN_CHECKED(write_meta(db(), number, meta_next_notification, meta_number(*next_notification)));
  if (next_outgoing) TERN_CHECKED(write_meta(db(), number, meta_next_outgoing, meta_number(*next_outgoing)));
  if (const std::uint64_t stable = in.backup_stable_seq.load(); stable != 0)
    TERN_CHECKED(write_meta(db(), number, "backup_stable_seq", meta_number(stable)));
  return {};
}

Result<void> Batch::write_rows() {
  TERN_CHECKED(write_tickets(*this));
  TERN_CHECKED(change_loads(db(), number, load_changes));
  TERN_CHECKED(write_scopes(*this));
  TERN_CHECKED(follow_clocks(*this));
  {
    std::unique_lock lock(in.snapshot_mutex);
    for (auto& [id, device] : in.devices)
      if (std::exchange(device.notes.dirty, false)) notes_.emplace_back(id, device.notes);
  }
  for (const auto& [id, row] : devices_) {
    DeviceNotes notes;
    {
      std::shared_lock lock(in.snapshot_mutex);
      if (const auto known = in.devices.find(id); known != in.devices.end()) notes = known->second.notes;
    }
    TERN_CHECKED(write_device(db(), number, row, notes));
  }
  for (const auto& [id, notes] : notes_) TERN_CHECKED(write_notes(db(), number, id, notes));
  TERN_CHECKED(write_counters());
  TERN_TRY(ClockWrite clock, write_clock(in, commit_ms));
  clock_ = std::move(clock);
  return before_commit ? before_commit(db()) : Result<void>{};
}

void Batch::publish() {
  for (std::uint64_t seq = committed_seq + 1; seq <= commit_seq; ++seq)
    in.commit_times[seq % in.commit_times.size()] = {seq, commit_ms};
  in.frontier = frontier;
  in.next_integer_id = next_integer_id;
  in.next_message_id = next_message_id;
  in.number_block = (next_integer_id / limits::epoch_block + 1) * limits::epoch_block;
  clock_written(in, std::move(*clock_));
  in.flushed_ms = commit_ms;
  in.trouble = ErrorCode{};
  keep_route_marks(*this);
  if (sla_seq) in.sla_seq = *sla_seq;
  if (figures_to) in.figures_to = *figures_to;
  if (sla_stale) in.sla_desk.reset();
  if (sla_told) in.sla_told = *sla_told;
  if (next_outgoing) in.outgoing_due_ms = 0;

  std::unique_lock lock(in.snapshot_mutex);
  for (auto& [id, row] : devices_) {
    Device& device = in.devices[id];
    if (device.row.chain.device_epoch !=
        row.chain.device_epoch) {  // heads declared of a chain that is over bound nothing
      device.notes.declared_seq = device.notes.previous_declared_seq = 0;
      device.notes.declared_ms = device.notes.previous_declared_ms = 0;
      device.notes.declared_hash = {};
      device.notes.dirty = true;
    }
    device.row = std::move(row);
  }
  for (const DeviceId& id : new_devices_) {
    const DeviceRow& row = in.devices[id].row;
    if (row.purpose == protocol::KeyPurpose::device) in.operator_devices[row.operator_id].push_back(id);
  }
  bool operators = !new_devices_.empty();
  for (const auto& [key, record] : records_) {
    in.publish_record(record);
    if (key.kind == sync::RecordKind::trigger) in.triggers.reset();
    if (in.routing && routes_read(key.kind)) in.routing->desk.reset();
    if (key.kind == sync::RecordKind::channel) in.outgoing.reset();
    operators = operators || key.kind == sync::RecordKind::operator_;
  }
  if (operators) in.rebuild_queue_members();
  for (const ErasedKey& key : newly_erased) in.erased.insert(key);
  in.erased_changes.insert(newly_erased_changes.begin(), newly_erased_changes.end());
  if (custody_changed_) in.custody = std::move(custody_);
  if (new_epoch) in.epoch = *new_epoch;
  if (new_epoch && in.routing) in.routing->desk.reset();
  in.log_size = frontier.size();
  in.log_root = frontier.root();
  in.commit_seq.store(commit_seq, std::memory_order_release);
}

Result<CommitNotice> Batch::finish() {
  CommitNotice notice;
  if (!wrote) {
    transaction_->rollback();
    transaction_.reset();
    keep_route_marks(*this);
    return notice;
  }
  if (in.older_files && commit_seq != committed_seq) return older_files();
  crash_point("before_write");
  if (auto written = write_rows(); !written) return tl::unexpected(std::move(written).error());
  if (mutant(Mutant::sequence_before_commit)) in.commit_seq.store(commit_seq, std::memory_order_release);
  crash_point("before_commit");
  if (auto done = transaction_->commit(); !done && !mutant(Mutant::ack_before_commit)) {
    in.writer_broken = true;  // whether it is stored is unknown until the file was read again
    return tl::unexpected(std::move(done).error());
  }
  crash_point("after_commit");
  transaction_.reset();
  notice.records = !records_.empty();
  for (const auto& [key, record] : records_)
    if (key.kind == sync::RecordKind::device) notice.devices.push_back(DeviceId::or_zero(key.id.view()));
  for (const auto& [id, working] : tickets_)
    if (working->dirty) settled_tickets_.insert(id);
  notice.tickets.assign(settled_tickets_.begin(), settled_tickets_.end());
  std::sort(notice.tickets.begin(), notice.tickets.end());
  notice.clocks = told_clocks;
  if (commit_seq != committed_seq) {
    notice.first_seq = committed_seq + 1;
    notice.last_seq = commit_seq;
  }
  publish();
  if ((notice.first_seq != 0 || !notice.clocks.empty()) && in.listening) in.notices.push_back(notice);
  return notice;
}

}  // namespace tern::server
