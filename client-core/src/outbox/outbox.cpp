#include "outbox/outbox.hpp"

#include <algorithm>
#include <utility>

#include "keys/secure_file.hpp"
#include "migrations_outbox.inc"
#include "outbox/outbox_impl.hpp"
#include "tern/protocol/crash_point.hpp"
#include "tern/protocol/mutant.hpp"
#include "tern/protocol/wire.hpp"
#include "tern/sqlite/files.hpp"
#include "tern/sqlite/migrations.hpp"
#include "tern/sqlite/transaction.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::client {

using sqlite::Blob;
using sqlite::Statement;
using sqlite::Text;
using sqlite::Transaction;

namespace {

constexpr std::string_view meta_device = "owner.device";
constexpr std::string_view meta_operator = "owner.operator";
constexpr std::string_view meta_provisional = "provisional";
constexpr std::string_view meta_anchor = "anchor";

Error damaged_row(std::string_view what) {
  return Error{ErrorCode::corrupt, "the outbox of this device holds a row that cannot be read: " + std::string(what),
               hint_salvage, "outbox"};
}

Bytes encode_counter(std::uint64_t value) {
  return protocol::ByteWriter().u64(value).take();
}

}  // namespace

Outbox::Outbox(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Outbox::~Outbox() = default;

Result<std::unique_ptr<Outbox>> Outbox::open(const std::string& path, ByteView data_key, const std::string& vfs,
                                             sqlite::Role role) {
  sqlite::OpenOptions options;
  options.path = path;
  options.role = role;
  options.create = role == sqlite::Role::writer;
  options.vfs = vfs;
  // The writer holds the lock of the home.
  if (role == sqlite::Role::writer) options.index = sqlite::LogIndex::connection_if_full;
  if (mutant(Mutant::outbox_not_durable)) options.synchronous = sqlite::Synchronous::normal;
  if (sqlite::encryption_available()) options.key = sqlite::DatabaseKey::or_zero(data_key);
  if (options.create && vfs.empty() && path != ":memory:") TERN_CHECKED(make_private_file(path));
  auto impl = std::make_unique<Impl>();
  TERN_TRY(impl->database, sqlite::Database::open(options));
  if (role == sqlite::Role::writer) {
    // Nothing is sent that the disk might lose. On a full disk nothing is saved that it could.
    if (auto settled = sqlite::settle(*impl->database); !settled && settled.error().code != ErrorCode::storage_full)
      return tl::unexpected(settled.error());
    TERN_CHECKED(sqlite::migrate(*impl->database, outbox_migrations));
  }
  TERN_CHECKED(impl->load());
  return std::unique_ptr<Outbox>(new Outbox(std::move(impl)));
}

Result<void> Outbox::Impl::load() {
  TERN_TRY(const auto device, meta(meta_device));
  TERN_TRY(const auto operator_id, meta(meta_operator));
  TERN_TRY(const auto counter, meta(meta_provisional));
  owner.device = DeviceId::or_zero(device.value_or(Bytes{}));
  owner.operator_id = OperatorId::or_zero(operator_id.value_or(Bytes{}));
  if (counter) provisional = protocol::ByteReader(*counter).u64("provisional");
  return {};
}

Result<void> Outbox::set_owner(const Owner& owner) {
  if (impl_->owner.device == owner.device && impl_->owner.operator_id == owner.operator_id) return {};
  if (!impl_->owner.device.is_zero() && impl_->owner.device != owner.device) {
    return fail(ErrorCode::invalid, "the outbox of this home belongs to another device", "use another home", "device");
  }
  TERN_TRY(auto transaction, Transaction::begin_write(*impl_->database));
  TERN_CHECKED(impl_->set_meta(meta_device, owner.device.view()));
  TERN_CHECKED(impl_->set_meta(meta_operator, owner.operator_id.view()));
  TERN_CHECKED(transaction.commit());
  impl_->owner = owner;
  return {};
}

const Outbox::Owner& Outbox::owner() const {
  return impl_->owner;
}
sqlite::Database& Outbox::database() {
  return *impl_->database;
}

// ---- meta ----

Result<std::optional<Bytes>> Outbox::Impl::meta(std::string_view name) {
  TERN_TRY(auto rows, database->query("SELECT value FROM meta WHERE name = $1", Text{name}));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::nullopt;
  return Bytes(rows.blob(0));
}

Result<void> Outbox::Impl::set_meta(std::string_view name, ByteView value) {
  return database->run(
      "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      Text{name}, Blob{value});
}

Result<std::optional<Bytes>> Outbox::meta(std::string_view key) {
  return impl_->meta(key);
}
Result<void> Outbox::set_meta(std::string_view key, ByteView value) {
  return impl_->set_meta(key, value);
}

Result<AnchorHeld> Outbox::anchor() {
  TERN_TRY(const auto stored, impl_->meta(meta_anchor));
  AnchorHeld anchor;
  if (!stored) return anchor;
  protocol::ByteReader reader(*stored);
  anchor.hash = reader.id<Hash>("hash");
  anchor.epoch = reader.id<EpochId>("epoch");
  anchor.boot = reader.id<BootId>("boot");
  anchor.request_boot_ms = reader.i64("request_boot_ms");
  anchor.cursor_seq = reader.u64("cursor_seq");
  anchor.anchor = Bytes(reader.sized(limits::mib, "anchor"));
  if (!reader.finish()) return tl::unexpected(damaged_row("the anchor held"));
  return anchor;
}

Result<void> Outbox::set_anchor(const AnchorHeld& anchor) {
  protocol::ByteWriter writer;
  writer.id(anchor.hash).id(anchor.epoch).id(anchor.boot).i64(anchor.request_boot_ms).u64(anchor.cursor_seq);
  return impl_->set_meta(meta_anchor, writer.sized(anchor.anchor).take());
}

Result<std::uint64_t> Outbox::next_provisional() {
  return ++impl_->provisional;
}

// ---- drafts ----

Result<void> Outbox::save(const std::vector<sync::Change>& changes, Environment& environment,
                          const std::vector<TicketLabel>& labels) {
  if (changes.empty()) return {};
  TERN_TRY(auto transaction, Transaction::begin_write(*impl_->database));
  for (const sync::Change& change : changes) TERN_CHECKED(impl_->add_draft(change, environment));
  for (const TicketLabel& label : labels) TERN_CHECKED(impl_->keep_label(label));
  TERN_CHECKED(impl_->set_meta(meta_provisional, encode_counter(impl_->provisional)));
  TERN_CHECKED(transaction.commit());
  crash_point("after_outbox_commit");
  return {};
}

/// Its salt is drawn now: two copies of this home that seal the same draft apart say provably the same.
Result<void> Outbox::Impl::add_draft(const sync::Change& change, Environment& environment) {
  const sync::EncodedChange encoded = sync::encode_change(change);
  return database->run(
      "INSERT INTO change (ticket_id, change_id, skeleton, salt, body, saved_wall_ms, saved_boot_ms, saved_boot, "
      "attention, dismissed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0)",
      change.ticket, change.ref.id, Blob{encoded.skeleton}, random_id<Salt>(environment), Blob{encoded.body},
      environment.wall_ms(), environment.boot_ms(), environment.boot_id());
}

Result<void> Outbox::give_salts(Environment& environment) {
  TERN_TRY(auto rows, impl_->database->query("SELECT position FROM change WHERE set_id IS NULL AND salt IS NULL AND "
                                             "erased_commitment IS NULL ORDER BY position"));
  std::vector<std::int64_t> positions;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    positions.push_back(rows.int64(0));
  }
  rows.reset();
  if (positions.empty()) return {};
  TERN_TRY(auto transaction, Transaction::begin_write(*impl_->database));
  for (const std::int64_t position : positions)
    TERN_CHECKED(impl_->database->run("UPDATE change SET salt = $1 WHERE position = $2", random_id<Salt>(environment),
                                      position));
  return transaction.commit();
}

Result<void> Outbox::Impl::keep_label(const TicketLabel& label) {
  return database->run(
      "INSERT INTO ticket_label (ticket_id, number, subject, subject_device, subject_change) VALUES ($1, $2, $3, $4, "
      "$5) "
      "ON CONFLICT (ticket_id) DO UPDATE SET number = excluded.number, subject = excluded.subject, subject_device = "
      "excluded.subject_device, subject_change = excluded.subject_change",
      label.ticket, Text{label.number}, Text{label.subject}, label.subject_by.device, label.subject_by.id);
}

Result<std::optional<TicketLabel>> Outbox::label(const TicketId& ticket) {
  TERN_TRY(auto rows, impl_->database->query("SELECT number, subject, subject_device, subject_change FROM "
                                             "ticket_label WHERE ticket_id = $1",
                                             ticket));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::nullopt;
  return TicketLabel{ticket,
                     std::string(rows.text(0)),
                     std::string(rows.text(1)),
                     {DeviceId::or_zero(rows.blob(2)), ChangeId::or_zero(rows.blob(3))}};
}

// ---- reading own changes ----

/// Of a set with a receipt. Changes are mostly read set by set, so the newest set's are kept.
Result<Bytes> Outbox::Impl::outcome_of(std::int64_t set_id, std::int64_t index) {
  if (!last_outcomes || outcomes_set != set_id) {
    TERN_TRY(auto rows, database->query("SELECT outcomes FROM change_set WHERE id = $1", set_id));
    TERN_TRY(const bool found, rows.step());
    if (!found || rows.is_null(0)) return Bytes{};
    last_outcomes = std::make_unique<v1::SetOutcomes>();
    outcomes_set = set_id;
    const ByteView stored = rows.blob(0);
    if (!last_outcomes->ParseFromArray(stored.data(), static_cast<int>(stored.size()))) {
      last_outcomes.reset();
      return tl::unexpected(damaged_row("a receipt"));
    }
  }
  if (index < 0 || index >= last_outcomes->outcomes_size()) return Bytes{};
  return last_outcomes->outcomes(static_cast<int>(index)).SerializeAsString();
}

Result<std::vector<OwnChange>> Outbox::Impl::read(Statement rows) {
  std::vector<OwnChange> out;
  std::optional<Head> newest;  // asked for once there is a draft
  std::optional<std::int64_t> first_draft;
  for (;;) {
    TERN_TRY(const bool row, rows.step());
    if (!row) return out;
    const std::int64_t position = rows.int64(0);
    OwnChange own;
    own.position = position;
    const bool draft = rows.is_null(1);
    if (draft && !newest) {
      TERN_TRY(newest, head());
      TERN_TRY(first_draft, database->int64_of("SELECT min(position) FROM change WHERE set_id IS NULL"));
    }
    own.origin.device = owner.device;
    own.origin.device_epoch = draft ? newest->device_epoch : rows.uint64(15);
    own.origin.chain_seq = draft ? newest->chain_seq + 1 : rows.uint64(16);
    const std::int64_t index = position - (draft ? first_draft.value_or(position) : rows.int64(17));
    own.origin.index = static_cast<std::uint32_t>(index);

    const std::optional<ByteView> body = rows.is_null(6) ? std::optional(rows.blob(5)) : std::nullopt;
    auto change = sync::parse_change(rows.blob(4), body, owner.device);
    if (!change) return tl::unexpected(damaged_row(change.error().message));
    own.change = std::move(*change);
    own.saved_wall_ms = rows.int64(7);
    own.saved_boot_ms = rows.int64(8);
    own.saved_boot = rows.id<BootId>(9);
    own.attention = rows.boolean(10) && !rows.boolean(11);
    own.dismissed = rows.boolean(11);
    own.amendment = Bytes(rows.blob(12));
    own.state = static_cast<SetState>(rows.int64(13));
    own.commit_seq = rows.uint64(14);
    if (rows.column_count() > 18) own.commit_ms = rows.int64(18);
    if (own.commit_seq != 0) {
      TERN_TRY(own.outcome, outcome_of(rows.int64(1), index));
    }
    out.push_back(std::move(own));
  }
}

Result<std::vector<OwnChange>> Outbox::Impl::pending_of(const TicketId& ticket, std::uint64_t cursor_seq,
                                                        std::int64_t most) {
  TERN_TRY(auto rows, database->query("SELECT * FROM own_change WHERE ticket_id = $1 AND (set_id IS NULL OR commit_seq "
                                      "= 0 OR commit_seq > $2) ORDER BY position LIMIT $3",
                                      ticket, cursor_seq, most));
  return read(std::move(rows));
}

Result<std::vector<OwnChange>> Outbox::pending(std::uint64_t cursor_seq, const std::optional<TicketId>& ticket) {
  if (ticket) return impl_->pending_of(*ticket, cursor_seq, -1);
  TERN_TRY(auto rows,
           impl_->database->query(
               "SELECT * FROM own_change WHERE position IN (SELECT position FROM change WHERE set_id IS NULL UNION ALL "
               "SELECT position FROM change WHERE set_id IN (SELECT id FROM change_set WHERE commit_seq = 0 OR "
               "commit_seq > $1)) ORDER BY position",
               cursor_seq));
  return impl_->read(std::move(rows));
}

Result<std::optional<OwnChange>> Outbox::first_pending(std::uint64_t cursor_seq, const TicketId& ticket) {
  TERN_TRY(auto first, impl_->pending_of(ticket, cursor_seq, 1));
  if (first.empty()) return std::nullopt;
  return std::move(first.front());
}

Result<std::vector<Outbox::PendingTicket>> Outbox::pending_tickets(std::uint64_t cursor_seq) {
  TERN_TRY(
      auto rows,
      impl_->database->query(
          "SELECT ticket_id, count(*), max(position), max(commit_seq) > 0 FROM (SELECT ticket_id, position, 0 AS "
          "commit_seq FROM change WHERE set_id IS NULL UNION ALL SELECT c.ticket_id, c.position, s.commit_seq FROM "
          "change_set s JOIN change c ON c.set_id = s.id WHERE s.commit_seq = 0 OR s.commit_seq > $1) GROUP BY "
          "ticket_id",
          cursor_seq));
  std::vector<PendingTicket> out;
  for (;;) {
    TERN_TRY(const bool row, rows.step());
    if (!row) return out;
    out.push_back({rows.id<TicketId>(0), rows.uint64(1), rows.int64(2), rows.boolean(3)});
  }
}

Result<std::vector<TicketId>> Outbox::settled_tickets(std::uint64_t from_seq, std::uint64_t to_seq) {
  std::vector<TicketId> out;
  const auto collect = [&out](Statement& rows) -> Result<void> {
    for (;;) {
      TERN_TRY(const bool row, rows.step());
      if (!row) return {};
      out.push_back(rows.id<TicketId>(0));
    }
  };
  if (to_seq > from_seq) {
    TERN_TRY(auto rows, impl_->database->query("SELECT DISTINCT ticket_id FROM change WHERE set_id IN (SELECT id FROM "
                                               "change_set WHERE commit_seq > $1 AND commit_seq <= $2)",
                                               from_seq, to_seq));
    TERN_CHECKED(collect(rows));
  }
  for (const Impl::FreshReceipt& fresh : std::exchange(impl_->fresh_receipts, {})) {
    if (fresh.commit_seq > from_seq && fresh.commit_seq <= to_seq) continue;  // told above
    const bool ahead = fresh.commit_seq > to_seq;                             // its patches are still to come
    TERN_TRY(auto rows,
             impl_->database->query(ahead ? "SELECT DISTINCT ticket_id FROM change WHERE set_id = $1 AND attention = 1"
                                          : "SELECT DISTINCT ticket_id FROM change WHERE set_id = $1",
                                    fresh.set_id));
    TERN_CHECKED(collect(rows));
  }
  return out;
}

Result<std::vector<OwnChange>> Outbox::committed(std::uint64_t from_seq, std::uint64_t to_seq) {
  TERN_TRY(auto rows,
           impl_->database->query(
               "SELECT c.position, c.set_id, c.ticket_id, c.change_id, c.skeleton, c.body, c.erased_commitment, "
               "c.saved_wall_ms, c.saved_boot_ms, c.saved_boot, c.attention, c.dismissed, c.amendment, s.state, "
               "s.commit_seq, s.origin_epoch, s.origin_seq, s.first_position, s.commit_ms FROM change_set s CROSS JOIN "
               "change c ON c.position >= s.first_position AND c.position < s.first_position + s.change_count "
               "WHERE s.commit_seq > $1 AND s.commit_seq <= $2 ORDER BY s.commit_seq, c.position",
               from_seq, to_seq));
  return impl_->read(std::move(rows));
}

Result<std::vector<OwnChange>> Outbox::own_changes(const std::optional<TicketId>& ticket) {
  if (ticket) {
    TERN_TRY(auto rows,
             impl_->database->query("SELECT * FROM own_change WHERE ticket_id = $1 ORDER BY position", *ticket));
    return impl_->read(std::move(rows));
  }
  TERN_TRY(auto rows, impl_->database->query("SELECT * FROM own_change ORDER BY position"));
  return impl_->read(std::move(rows));
}

Result<std::vector<OwnChange>> Outbox::attention() {
  TERN_TRY(auto rows, impl_->database->query("SELECT * FROM own_change WHERE position IN (SELECT position FROM change "
                                             "WHERE attention = 1 AND dismissed = 0) ORDER BY position DESC"));
  return impl_->read(std::move(rows));
}

Result<std::vector<TicketId>> Outbox::attention_tickets() {
  TERN_TRY(auto rows, impl_->database->query("SELECT DISTINCT ticket_id FROM change WHERE position IN (SELECT position "
                                             "FROM change WHERE attention = 1 AND dismissed = 0)"));
  std::vector<TicketId> out;
  for (;;) {
    TERN_TRY(const bool row, rows.step());
    if (!row) return out;
    out.push_back(rows.id<TicketId>(0));
  }
}

Result<SetState> Outbox::least_advanced(const TicketId& ticket, std::uint64_t cursor_seq) {
  TERN_TRY(const auto state,
           impl_->database->int64_of("SELECT min(coalesce(state, 0)) FROM own_change WHERE ticket_id = $1 "
                                     "AND (set_id IS NULL OR commit_seq = 0 OR commit_seq > $2)",
                                     ticket, cursor_seq));
  return state ? static_cast<SetState>(*state) : SetState::acked;
}

Result<std::optional<OwnChange>> Outbox::find(const sync::ChangeRef& ref) {
  if (ref.device != impl_->owner.device) return std::nullopt;
  TERN_TRY(auto rows, impl_->database->query("SELECT * FROM own_change WHERE change_id = $1", ref.id));
  TERN_TRY(auto found, impl_->read(std::move(rows)));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

Result<Outbox::Counts> Outbox::counts() {
  Counts counts;
  TERN_TRY(auto rows, impl_->database->query("SELECT state, sum(change_count) FROM change_set GROUP BY state"));
  for (;;) {
    TERN_TRY(const bool row, rows.step());
    if (!row) break;
    switch (static_cast<SetState>(rows.int64(0))) {
      case SetState::draft:
        break;
      case SetState::sealed:
        counts.sealed += rows.uint64(1);
        break;
      case SetState::sent:
        counts.sent += rows.uint64(1);
        break;
      case SetState::acked:
      case SetState::stable:
        counts.acked += rows.uint64(1);
        break;
    }
  }
  TERN_TRY(const auto attention,
           impl_->database->int64_of("SELECT count(*) FROM change WHERE attention = 1 AND dismissed = 0"));
  TERN_TRY(const Waiting held, waiting());
  counts.drafts = held.changes - counts.sealed - counts.sent;
  counts.needs_attention = static_cast<std::uint64_t>(attention.value_or(0));
  counts.oldest_pending_wall_ms = held.oldest_wall_ms;
  return counts;
}

/// Of sealed sets: followed by the one writer, which asks with every exchange.
Result<std::uint64_t> Outbox::Impl::count_open() {
  if (open_changes) return *open_changes;
  TERN_TRY(const auto sum, database->int64_of("SELECT sum(change_count) FROM change_set WHERE commit_seq = 0"));
  const auto counted = static_cast<std::uint64_t>(sum.value_or(0));
  if (database->role() == sqlite::Role::writer) open_changes = counted;
  return counted;
}

Result<Outbox::Waiting> Outbox::waiting() {
  Waiting held;
  TERN_TRY(held.changes, impl_->count_open());
  // Named by its epoch it is found in change_set_open; by commit_seq alone SQLite would read every open set.
  TERN_TRY(const auto first_sealed,
           impl_->database->int64_of("SELECT first_position FROM change_set WHERE device_epoch = (SELECT device_epoch "
                                     "FROM chain) AND commit_seq = 0 ORDER BY chain_seq LIMIT 1"));
  TERN_TRY(auto drafts, impl_->database->query("SELECT count(*), min(position) FROM change WHERE set_id IS NULL"));
  TERN_TRY(const bool row, drafts.step());
  std::optional<std::int64_t> first = first_sealed;
  if (row && !drafts.is_null(1)) {
    held.changes += drafts.uint64(0);
    first = std::min(first.value_or(drafts.int64(1)), drafts.int64(1));
  }
  drafts.reset();
  if (!first) return held;
  TERN_TRY(const auto oldest,
           impl_->database->int64_of("SELECT saved_wall_ms FROM change WHERE position = $1", *first));
  held.oldest_wall_ms = oldest.value_or(0);
  return held;
}

void Outbox::count_anew() {
  impl_->open_changes.reset();
}

Result<void> Outbox::dismiss(const sync::ChangeRef& ref) {
  if (ref.device == impl_->owner.device) {
    TERN_CHECKED(impl_->database->run("UPDATE change SET dismissed = 1 WHERE change_id = $1", ref.id));
    if (impl_->database->changes() > 0) return {};
  }
  return fail(ErrorCode::not_found, "this device made no such change");
}

}  // namespace tern::client
