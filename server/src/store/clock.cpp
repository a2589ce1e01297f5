// Server time and anchors: one time for anchors, commits and receipts, never back over a crash.
#include "tenant_internals.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/wire.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::server {
namespace {

// How far beyond the clock the durable bound reaches: server time is ahead by as much after a crash, and goes at half
// pace until that is caught up.
constexpr std::int64_t bound_ms = 10'000;
// Beyond what was issued while that is ahead already, so that crash after crash does not add up.
constexpr std::int64_t bound_when_ahead_ms = 250;
constexpr std::uint64_t bound_anchors = 1'000;

Bytes clock_row(std::uint64_t anchor_seq, std::int64_t time_ms) {
  return protocol::ByteWriter().u64(anchor_seq).i64(time_ms).take();
}

/// How far beyond `now_ms` of the tenant the bound is to reach.
std::int64_t reserve_ms(Tenant::Internals& in) {
  const std::lock_guard lock(in.clock_mutex);
  return std::max(bound_ms - in.clock->lead_ms(), bound_when_ahead_ms);
}

/// Anchor mutex held.
bool within_bounds(const Tenant::Internals& in, std::int64_t now_ms) {
  return in.next_anchor_seq < in.anchor_seq_bound && now_ms < in.anchor_time_bound_ms;
}

/// Anchor mutex held.
Tenant::IssuedAnchor make_anchor(Tenant::Internals& in, const TenantId& tenant, const protocol::LogHead& head,
                                 std::int64_t now_ms) {
  protocol::Anchor anchor;
  anchor.tenant = tenant;
  anchor.epoch = head.epoch;
  anchor.anchor_seq = in.next_anchor_seq++;
  anchor.time_ms = now_ms;
  anchor.tree_size = head.size;
  anchor.root = head.root;
  anchor.backup_stable_seq = in.backup_stable_seq.load();
  anchor.number_block = in.number_block.load();
  anchor.previous = in.newest_anchor_hash;
  Tenant::IssuedAnchor issued;
  issued.wire = protocol::sign_statement(anchor, in.keys.log).wire;
  issued.hash = protocol::anchor_hash(issued.wire);
  issued.head = head;
  in.newest_anchor = issued;
  in.newest_anchor_ms = now_ms;
  in.newest_anchor_hash = issued.hash;
  in.pending_anchors.push_back({issued.hash, anchor.anchor_seq, now_ms, head.epoch, issued.wire});
  return issued;
}

}  // namespace

std::int64_t Tenant::now_ms() {
  std::lock_guard lock(internals_->clock_mutex);
  return internals_->clock->now(internals_->environment.wall_ms(), internals_->environment.boot_ms());
}

bool Tenant::clock_in_doubt() {
  std::lock_guard lock(internals_->clock_mutex);
  static_cast<void>(internals_->clock->now(internals_->environment.wall_ms(), internals_->environment.boot_ms()));
  return internals_->clock->in_doubt();
}

std::int64_t Tenant::clock_lead_ms() {
  std::lock_guard lock(internals_->clock_mutex);
  static_cast<void>(internals_->clock->now(internals_->environment.wall_ms(), internals_->environment.boot_ms()));
  return internals_->clock->lead_ms();
}

void Tenant::accept_clock() {
  std::lock_guard lock(internals_->clock_mutex);
  internals_->clock->accept(internals_->environment.wall_ms(), internals_->environment.boot_ms());
}

Result<std::optional<Tenant::IssuedAnchor>> Tenant::anchor() {
  if (clock_in_doubt()) return std::optional<IssuedAnchor>{};
  {
    std::lock_guard lock(internals_->anchor_mutex);
    const protocol::LogHead head = log_head();
    const std::int64_t now = now_ms();
    const auto& newest = internals_->newest_anchor;
    const bool fresh =
        newest && newest->head == head && now - internals_->newest_anchor_ms < limits::anchor_interval_ms;
    if (fresh) return newest;
    if (within_bounds(*internals_, now)) return std::optional(make_anchor(*internals_, id(), head, now));
  }
  // Nothing was committed for so long that the durable bound is used up: a commit of its own raises it.
  const auto strand = lock_writer();
  TERN_CHECKED(internals_->ensure_writer());
  if (auto raised = flush_notes(*this); !raised) {
    // A full disk is no reason not to be read: whoever asks goes on under the anchor they hold.
    if (raised.error().code == ErrorCode::storage_full) return std::optional<IssuedAnchor>{};
    return tl::unexpected(std::move(raised).error());
  }
  std::lock_guard lock(internals_->anchor_mutex);
  const std::int64_t now = now_ms();
  if (!within_bounds(*internals_, now)) return std::optional<IssuedAnchor>{};  // the clock fell into doubt meanwhile
  return std::optional(make_anchor(*internals_, id(), log_head(), now));
}

Result<ClockWrite> write_clock(Tenant::Internals& in, std::int64_t now_ms, bool closing) {
  ClockWrite write;
  {
    std::lock_guard lock(in.anchor_mutex);
    write.anchors.swap(in.pending_anchors);
    write.anchor_seq_bound = in.next_anchor_seq + (closing ? 0 : bound_anchors);
  }
  write.time_bound_ms = now_ms + (closing ? 0 : reserve_ms(in));
  Result<void> written;
  for (const PendingAnchor& anchor : write.anchors) {
    if (!written) break;
    written = in.writer->run(
        "INSERT INTO anchor (tenant_id, anchor_hash, anchor_seq, time_ms, wire, epoch, withdrawn) "
        "VALUES ($1, $2, $3, $4, $5, $6, 0) ON CONFLICT (tenant_id, anchor_hash) DO NOTHING",
        in.options.number, anchor.hash, anchor.seq, anchor.time_ms, sqlite::Blob{anchor.wire}, anchor.epoch);
  }
  if (written) {
    written =
        write_meta(*in.writer, in.options.number, "clock", clock_row(write.anchor_seq_bound, write.time_bound_ms));
  }
  if (written) return write;
  clock_failed(in, std::move(write));
  return tl::unexpected(std::move(written).error());
}

void clock_written(Tenant::Internals& in, ClockWrite written) {
  for (const PendingAnchor& anchor : written.anchors) in.anchors_seen[anchor.hash] = {anchor.time_ms, anchor.epoch};
  std::lock_guard lock(in.anchor_mutex);
  in.anchor_seq_bound = std::max(in.anchor_seq_bound, written.anchor_seq_bound);
  in.anchor_time_bound_ms = std::max(in.anchor_time_bound_ms, written.time_bound_ms);
}

void clock_failed(Tenant::Internals& in, ClockWrite written) {
  std::lock_guard lock(in.anchor_mutex);
  written.anchors.insert(written.anchors.end(), std::make_move_iterator(in.pending_anchors.begin()),
                         std::make_move_iterator(in.pending_anchors.end()));
  in.pending_anchors = std::move(written.anchors);
}

namespace {

using Notes = std::vector<std::pair<DeviceId, DeviceNotes>>;

Notes take_notes(Tenant::Internals& in) {
  Notes notes;
  std::unique_lock lock(in.snapshot_mutex);
  for (auto& [id, device] : in.devices)
    if (std::exchange(device.notes.dirty, false)) notes.emplace_back(id, device.notes);
  return notes;
}

Result<void> write_all(Tenant& tenant, const Notes& notes, bool closing) {
  Tenant::Internals& in = tenant.internals();
  TERN_TRY(auto transaction, sqlite::Transaction::begin_write(*in.writer));
  for (const auto& [id, note] : notes) TERN_CHECKED(write_notes(*in.writer, in.options.number, id, note));
  const std::int64_t now = tenant.now_ms();
  TERN_TRY(ClockWrite clock, write_clock(in, now, closing));
  if (auto done = transaction.commit(); !done) {
    clock_failed(in, std::move(clock));
    in.writer_broken = true;
    return done;
  }
  clock_written(in, std::move(clock));
  in.flushed_ms = now;
  in.trouble = ErrorCode{};
  return {};
}

}  // namespace

Result<void> flush_notes(Tenant& tenant, bool closing) {
  const auto strand = tenant.lock_writer();
  Tenant::Internals& in = tenant.internals();
  TERN_CHECKED(in.ensure_writer());
  check(!in.writer->in_transaction(), "notes are written between commits");
  const Notes notes = take_notes(in);
  auto done = write_all(tenant, notes, closing);
  if (done) return done;
  note_failure(tenant, done.error());
  std::unique_lock lock(in.snapshot_mutex);
  for (const auto& [id, note] : notes)
    if (const auto found = in.devices.find(id); found != in.devices.end()) found->second.notes.dirty = true;
  return done;
}

Result<void> prepare_anchors(Tenant& tenant) {
  Tenant::Internals& in = tenant.internals();
  {
    std::lock_guard lock(in.anchor_mutex);
    if (in.next_anchor_seq + bound_anchors / 2 < in.anchor_seq_bound &&
        tenant.now_ms() + reserve_ms(in) / 2 < in.anchor_time_bound_ms)
      return {};
  }
  return flush_notes(tenant);
}

}  // namespace tern::server
