#include "replica/replica.hpp"

#include <charconv>
#include <unordered_map>
#include <utility>

#include "keys/secure_file.hpp"
#include "migrations_replica.inc"
#include "outbox/outbox.hpp"
#include "replica/damaged_copy.hpp"
#include "replica/replica_impl.hpp"
#include "tern/protocol/wire.hpp"
#include "tern/sqlite/files.hpp"
#include "tern/sqlite/migrations.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::client {

using sqlite::Blob;
using sqlite::Text;
using sqlite::Transaction;

namespace {

constexpr std::string_view in_memory = ":memory:";

}  // namespace

Replica::Replica(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Replica::~Replica() = default;
sqlite::Database& Replica::database() {
  static_cast<void>(impl_->settle());  // the applier of the page tells of a failure
  return *impl_->database;
}

Result<std::unique_ptr<Replica>> Replica::open(const std::string& path, ByteView data_key, const std::string& vfs,
                                               sqlite::Role role) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->vfs = vfs;
  impl->key = protocol::SecretKey::from(data_key);
  impl->role = role;
  TERN_CHECKED(impl->open());
  return std::unique_ptr<Replica>(new Replica(std::move(impl)));
}

Result<void> Replica::Impl::settle() {
  if (!open_page) return {};
  if (!database->in_transaction()) {  // an error that a reader met took it back
    drop_page();
    page_lost = true;
    return fail(ErrorCode::storage_failed, "a page of tickets could not be stored", "check the disk; sync again");
  }
  auto stored = words.store(*database);
  auto committed = stored ? open_page->commit() : stored;
  open_page.reset();
  open_pages = 0;
  if (committed) return {};
  page_lost = true;
  digest.reset();
  return committed;
}

void Replica::Impl::drop_page() {
  open_page.reset();
  open_pages = 0;
  digest.reset();
}

Result<void> Replica::Impl::open() {
  sqlite::OpenOptions options;
  options.path = path;
  options.role = role;
  options.create = role == sqlite::Role::writer;
  options.synchronous = sqlite::Synchronous::normal;
  if (path != in_memory) {
    options.vfs = vfs;
    if (role == sqlite::Role::writer) options.index = sqlite::LogIndex::connection_if_full;
    if (sqlite::encryption_available()) options.key = sqlite::DatabaseKey::or_zero(key.view());
    if (options.create && vfs.empty()) TERN_CHECKED(make_private_file(path));
  }
  drop_page();
  page_lost = false;
  ++life;
  TERN_TRY(database, sqlite::Database::open(options));
  // The first download works on many pages at once.
  TERN_CHECKED(database->exec("PRAGMA cache_size = -16384"));
  if (role != sqlite::Role::writer) {  // of a home that nobody may write to: as an older program left it
    TERN_TRY(const auto there, database->int64_of("SELECT count(*) FROM sqlite_master WHERE name = 'clock'"));
    has_clocks = there.value_or(0) != 0;
    TERN_TRY(const auto marks, database->int64_of("SELECT count(*) FROM sqlite_master WHERE name = 'read_mark'"));
    has_marks = marks.value_or(0) != 0;
    return cursor().map([](const CursorHeld&) {});
  }
  TERN_CHECKED(sqlite::migrate(*database, replica_migrations));
  TERN_CHECKED(find_files());
  // What leaves the scope leaves the index at once. SQLite before 3.42 cannot, and keeps the words until segments
  // merge.
  for (const std::string_view sql : {"INSERT INTO ticket_fts (ticket_fts, rank) VALUES ('secure-delete', 1)",
                                     "INSERT INTO message_fts (message_fts, rank) VALUES ('secure-delete', 1)"}) {
    if (auto set = database->run(sql); !set && set.error().code == ErrorCode::corrupt) return set;
  }
  // A first replica, or what comes back of days of work, goes into the log whole, and into the file once: when it is
  // closed or the log is 64 MiB long.
  TERN_CHECKED(database->exec("PRAGMA wal_autocheckpoint = 16384"));
  return cursor().map([](const CursorHeld&) {});
}

Result<void> Replica::Impl::find_files() {
  TERN_TRY(const auto found, meta(replica_meta::files_found));
  if (found) return {};
  TERN_TRY(auto transaction, Transaction::begin_write(*database));
  TERN_CHECKED(messages().find_files());
  TERN_CHECKED(set_meta(replica_meta::files_found, "1"));
  return transaction.commit();
}

Result<void> Replica::destroy(const std::string& path, const std::string& vfs) {
  return sqlite::remove_database(path, vfs);
}

void Replica::Impl::stand_in() {
  const std::string file = std::exchange(path, std::string(in_memory));
  const auto opened = open();
  path = file;
  check(opened.has_value(), "an empty database in memory");
}

Result<void> Replica::rebuild(Outbox& outbox) {
  impl_->drop_page();
  const auto marks = impl_->marks_to_keep();
  impl_->database.reset();
  const bool on_disk = impl_->path != in_memory;
  auto made = on_disk ? destroy(impl_->path, impl_->vfs) : Result<void>{};
  if (made) made = impl_->open();
  if (!made && on_disk) impl_->stand_in();
  TERN_CHECKED(made);
  // Without them it is a copy all the same.
  static_cast<void>(impl_->keep_marks(marks));
  static_cast<void>(impl_->begin_reading(outbox.owner().operator_id));
  return fold_what_was_missed(outbox);
}

// ---- read marks ----

std::vector<ReadMarks::Mark> Replica::Impl::marks_to_keep() {
  if (database == nullptr || number(replica_meta::reading).value_or(0) == 0) return {};
  return marks().all().value_or(std::vector<ReadMarks::Mark>{});
}

Result<void> Replica::Impl::keep_marks(const std::vector<ReadMarks::Mark>& kept) {
  if (kept.empty()) return {};
  TERN_TRY(auto transaction, Transaction::begin_write(*database));
  TERN_CHECKED(marks().put(kept));
  TERN_CHECKED(set_number(replica_meta::reading, 1));
  return transaction.commit();
}

/// What an older program stored does not say who wrote it; all of it was read.
Result<void> Replica::Impl::begin_reading(const OperatorId& reader) {
  TERN_TRY(const auto found, meta(replica_meta::others_found));
  if (found) return {};
  TERN_TRY(auto transaction, Transaction::begin_write(*database));
  TERN_CHECKED(messages().find_others(reader));
  TERN_CHECKED(set_meta(replica_meta::others_found, "1"));
  TERN_TRY(const std::uint64_t complete, number(replica_meta::complete));
  TERN_TRY(const std::uint64_t begun, number(replica_meta::reading));
  if (complete != 0 && begun == 0) {
    TERN_CHECKED(marks().begin());
    TERN_CHECKED(set_number(replica_meta::reading, 1));
  }
  return transaction.commit();
}

Result<bool> Replica::counts_unread() {
  if (!impl_->has_marks) return false;
  TERN_TRY(const std::uint64_t begun, impl_->number(replica_meta::reading));
  TERN_TRY(const std::uint64_t complete, impl_->number(replica_meta::complete));
  return begun != 0 && complete != 0;
}

Result<Reading> Replica::reading(const TicketId& id) {
  TERN_TRY(const bool counts, counts_unread());
  return counts ? impl_->marks().reading(id) : Reading{};
}

Result<void> Replica::mark_read(const TicketId& id, std::int64_t messages) {
  TERN_TRY(const bool counts, counts_unread());
  if (!counts) return {};
  TERN_CHECKED(impl_->settle());
  return impl_->marks().mark(id, messages);
}

Result<void> Replica::mark_all_read() {
  TERN_TRY(const bool counts, counts_unread());
  if (!counts) return {};
  TERN_CHECKED(impl_->settle());
  return impl_->marks().mark_all();
}

Result<void> Replica::leave_disk() {
  impl_->drop_page();
  const std::string file = std::exchange(impl_->path, std::string(in_memory));
  auto before = std::exchange(impl_->database, nullptr);
  const auto opened = impl_->open();
  if (!opened) impl_->database = std::move(before);  // until it is closed; its file goes all the same
  before.reset();
  // What cannot be deleted cannot be read once its key is gone.
  if (file != in_memory) static_cast<void>(destroy(file, impl_->vfs));
  return opened;
}

// ---- meta ----

Result<std::optional<Bytes>> Replica::Impl::meta(std::string_view name) {
  TERN_TRY(auto rows, database->query("SELECT value FROM meta WHERE name = $1", Text{name}));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::nullopt;
  return Bytes(rows.blob(0));
}

Result<void> Replica::Impl::set_meta(std::string_view name, ByteView value) {
  return database->run(
      "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      Text{name}, Blob{value});
}

Result<void> Replica::Impl::remove_meta(std::string_view name) {
  return database->run("DELETE FROM meta WHERE name = $1", Text{name});
}

Result<std::uint64_t> Replica::Impl::number(std::string_view name) {
  TERN_TRY(const auto stored, meta(name));
  std::uint64_t value = 0;
  if (stored) std::from_chars(stored->data(), stored->data() + stored->size(), value);
  return value;
}

Result<void> Replica::Impl::set_number(std::string_view name, std::uint64_t value) {
  return set_meta(name, std::to_string(value));
}

namespace {

Result<CursorHeld> read_place(const std::optional<Bytes>& stored) {
  CursorHeld held;
  if (!stored) return held;
  protocol::ByteReader reader(*stored);
  held.epoch = reader.id<EpochId>("epoch");
  held.commit_seq = reader.u64("commit_seq");
  if (!reader.finish()) return damaged_copy("a place in the history");
  return held;
}

Bytes write_place(const CursorHeld& held) {
  return protocol::ByteWriter().id(held.epoch).u64(held.commit_seq).take();
}

}  // namespace

Result<CursorHeld> Replica::Impl::cursor() {
  TERN_TRY(const auto stored, meta(replica_meta::cursor));
  return read_place(stored);
}

Result<void> Replica::Impl::set_cursor(const CursorHeld& held) {
  return set_meta(replica_meta::cursor, write_place(held));
}

Result<CursorHeld> Replica::Impl::clocks_place() {
  TERN_TRY(const auto stored, meta(replica_meta::clocks));
  return read_place(stored);
}

Result<void> Replica::Impl::set_clocks_place(const CursorHeld& place) {
  return set_meta(replica_meta::clocks, write_place(place));
}

Result<std::optional<Bytes>> Replica::meta(std::string_view key) {
  return impl_->meta(key);
}
Result<void> Replica::set_meta(std::string_view key, ByteView value) {
  return impl_->set_meta(key, value);
}
Result<CursorHeld> Replica::cursor() {
  return impl_->cursor();
}

Result<std::int64_t> Replica::current_as_of_ms() {
  TERN_TRY(const std::uint64_t as_of, impl_->number(replica_meta::current_as_of));
  return static_cast<std::int64_t>(as_of);
}

Result<Progress> Replica::progress() {
  Progress progress;
  TERN_TRY(auto token, impl_->meta(replica_meta::page_token));
  progress.page_token = std::move(token).value_or(Bytes{});
  TERN_TRY(const auto complete, impl_->number(replica_meta::complete));
  progress.complete = complete != 0;
  TERN_TRY(progress.current_as_of_ms, current_as_of_ms());
  TERN_TRY(progress.tickets_in_scope, impl_->number(replica_meta::in_scope));
  TERN_TRY(progress.rights_version, impl_->number(replica_meta::rights_version));
  TERN_TRY(const auto tickets, impl_->database->int64_of("SELECT count(*) FROM ticket"));
  TERN_TRY(const auto ghosts, impl_->database->int64_of("SELECT count(*) FROM ticket WHERE ghost = 1"));
  progress.ghosts = static_cast<std::uint64_t>(ghosts.value_or(0));
  progress.tickets = static_cast<std::uint64_t>(tickets.value_or(0)) - progress.ghosts;
  return progress;
}

// ---- digest: counted from the rows once, then kept up with them ----

Result<sync::ScopeDigest> Replica::Impl::count_digest(std::uint64_t rights_version) {
  TERN_TRY(auto rows, database->query("SELECT ticket_id, version FROM ticket WHERE state IS NOT NULL"));
  sync::ScopeDigest counted;
  for (;;) {
    TERN_TRY(const bool row, rows.step());
    if (!row) return counted;
    counted.add(rows.id<TicketId>(0), rows.uint64(1), rights_version);
  }
}

Result<sync::ScopeDigest*> Replica::Impl::held_digest() {
  if (!digest) {
    TERN_TRY(const std::uint64_t rights_version, number(replica_meta::rights_version));
    TERN_TRY(digest, count_digest(rights_version));
  }
  return &*digest;
}

Result<sync::ScopeDigest> Replica::digest() {
  TERN_TRY(const sync::ScopeDigest* held, impl_->held_digest());
  return *held;
}

// ---- reading ----

Result<std::optional<HeldTicket>> Replica::held(const TicketId& id) {
  TERN_TRY(auto rows, impl_->database->query(
                          "SELECT version, ghost, pending, number, subject FROM ticket WHERE ticket_id = $1", id));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::nullopt;
  return HeldTicket{rows.uint64(0), rows.boolean(1), rows.uint64(2), std::string(rows.text(3)),
                    std::string(rows.text(4))};
}

Result<std::optional<sync::TicketState>> Replica::confirmed(const TicketId& id) {
  TERN_TRY(const auto row, impl_->tickets().find(id));
  if (!row || !row->has_state) return std::nullopt;
  TERN_TRY(const auto stored, impl_->tickets().state(row->id));
  if (!stored) return std::nullopt;
  return of_copy(sync::decode_state(*stored)).map([](auto&& state) {
    return std::optional(std::forward<decltype(state)>(state));
  });
}

Result<std::optional<sync::TicketState>> Replica::shown(const TicketId& id) {
  TERN_TRY(const auto row, impl_->tickets().find(id));
  if (!row) return std::nullopt;
  if (!row->has_overlay) return confirmed(id);
  TERN_TRY(const auto stored, impl_->tickets().overlay(row->id));
  if (!stored) return std::nullopt;
  return of_copy(sync::decode_state(*stored)).map([](auto&& state) {
    return std::optional(std::forward<decltype(state)>(state));
  });
}

Result<std::uint64_t> Replica::clocks_upto() {
  TERN_TRY(const CursorHeld place, impl_->clocks_place());
  TERN_TRY(const CursorHeld here, impl_->cursor());
  return place.epoch == here.epoch ? place.commit_seq : 0;
}

bool Replica::has_clocks() const {
  return impl_->has_clocks;
}

Result<std::optional<sync::SlaClock>> Replica::sla_clock(const TicketId& id) {
  TERN_TRY(const auto row, impl_->tickets().find(id));
  if (!row || !impl_->has_clocks) return std::optional<sync::SlaClock>{};
  return impl_->clocks().find(row->id);
}

Result<std::vector<sync::Message>> Replica::messages(const TicketId& id) {
  TERN_TRY(const auto row, impl_->tickets().find(id));
  if (!row) return std::vector<sync::Message>{};
  return impl_->messages().shown(row->id);
}

Result<std::vector<Replica::FileOnTicket>> Replica::files_of(const OperatorId& assignee) {
  TERN_TRY(auto rows,
           impl_->database->query("SELECT t.ticket_id, m.data FROM message m JOIN ticket t ON t.id = m.ticket WHERE "
                                  "m.is_file = 1 AND m.pending = 0 AND t.assignee_id = $1 AND t.ghost = 0 AND "
                                  "t.deleted = 0 AND t.status_class <= $2",
                                  assignee, sync::StatusClass::hold));
  std::vector<FileOnTicket> out;
  for (;;) {
    TERN_TRY(const bool row, rows.step());
    if (!row) return out;
    TERN_TRY(sync::Message message, of_copy(sync::decode_message(rows.blob(1))));
    out.push_back({rows.id<TicketId>(0), std::move(message)});
  }
}

Result<std::optional<sync::Record>> Replica::record(sync::RecordKind kind, const RecordId& id) {
  TERN_TRY(auto rows, impl_->database->query("SELECT data FROM record WHERE kind = $1 AND record_id = $2", kind, id));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::nullopt;
  TERN_TRY(auto record, of_copy(sync::decode_record(rows.blob(0))));
  return std::optional(std::move(record));
}

Result<std::vector<sync::Record>> Replica::records(sync::RecordKind kind) {
  TERN_TRY(auto rows,
           impl_->database->query("SELECT data FROM record WHERE kind = $1 AND deleted = 0 ORDER BY name", kind));
  std::vector<sync::Record> out;
  for (;;) {
    TERN_TRY(const bool row, rows.step());
    if (!row) return out;
    TERN_TRY(auto record, of_copy(sync::decode_record(rows.blob(0))));
    out.push_back(std::move(record));
  }
}

Result<std::vector<std::pair<std::uint32_t, std::uint64_t>>> Replica::pack_versions() {
  TERN_TRY(auto rows, impl_->database->query("SELECT kind, version FROM pack ORDER BY kind"));
  std::vector<std::pair<std::uint32_t, std::uint64_t>> out;
  for (;;) {
    TERN_TRY(const bool row, rows.step());
    if (!row) return out;
    out.emplace_back(static_cast<std::uint32_t>(rows.int64(0)), rows.uint64(1));
  }
}

// ---- optimistic state ----

Result<void> Replica::refold(Outbox& outbox, const std::vector<TicketId>& tickets) {
  TERN_CHECKED(impl_->settle());
  TERN_TRY(const CursorHeld held, impl_->cursor());
  TERN_TRY(auto transaction, Transaction::begin_write(*impl_->database));
  TERN_CHECKED(impl_->words.begin(*impl_->database));
  for (const TicketId& ticket : tickets) TERN_CHECKED(impl_->refold_ticket(outbox, ticket, held.commit_seq));
  TERN_CHECKED(impl_->words.store(*impl_->database));
  return transaction.commit();
}

Result<void> Replica::Impl::index_words(std::uint64_t rows_left) {
  TERN_CHECKED(settle());
  for (;;) {
    TERN_TRY(auto transaction, Transaction::begin_write(*database));
    TERN_CHECKED(words.begin(*database));
    TERN_TRY(const std::uint64_t waiting, words.backlog(*database));
    if (waiting <= rows_left) return {};
    TERN_CHECKED(words.work_off(*database, word_batch_rows));
    TERN_CHECKED(words.store(*database));
    TERN_CHECKED(transaction.commit());
  }
}

Result<void> Replica::index_words() {
  return impl_->role == sqlite::Role::writer ? impl_->index_words(0) : Result<void>{};
}

Result<void> Replica::catch_up(Outbox& outbox) {
  auto caught_up = impl_->begin_reading(outbox.owner().operator_id);
  if (caught_up) caught_up = fold_what_was_missed(outbox);
  // Without room it is shown as it was; the outbox has the rest, and the next opening folds it.
  if (!caught_up && caught_up.error().code == ErrorCode::storage_full) return {};
  if (caught_up || heal(outbox, caught_up.error())) return {};  // a rebuild has folded it
  return caught_up;
}

std::uint64_t Replica::life() const {
  return impl_->life;
}

void Replica::note_receipts() {
  impl_->receipts_came = true;
}

Result<void> Replica::take_in_receipts(Outbox& outbox) {
  if (!impl_->receipts_came || impl_->role != sqlite::Role::writer) return {};
  TERN_CHECKED(fold_what_was_missed(outbox));
  impl_->receipts_came = false;
  return {};
}

bool Replica::met_damage() const {
  return impl_->database->met_damage();
}

bool Replica::to_blame(const Error& error) const {
  return error.code == ErrorCode::corrupt && (met_damage() || error.field == field_copy);
}

bool Replica::heal(Outbox& outbox, const Error& error) {
  const bool rebuild_it = impl_->role == sqlite::Role::writer && !impl_->healed && to_blame(error);
  if (!rebuild_it || !rebuild(outbox)) return false;
  impl_->healed = true;
  return true;
}

Result<void> Replica::fold_what_was_missed(Outbox& outbox) {
  struct Shown {
    std::uint64_t count;
    std::int64_t last_position;
  };
  TERN_TRY(const CursorHeld held, impl_->cursor());
  TERN_TRY(const auto pending, outbox.pending_tickets(held.commit_seq));
  std::unordered_map<TicketId, Shown> shown;
  {
    TERN_TRY(auto rows,
             impl_->database->query("SELECT ticket_id, pending, pending_last FROM ticket WHERE pending > 0 OR "
                                    "ghost = 1"));
    for (;;) {
      TERN_TRY(const bool row, rows.step());
      if (!row) break;
      shown[rows.id<TicketId>(0)] = {rows.uint64(1), rows.int64(2)};
    }
  }
  std::vector<TicketId> stale;
  for (const Outbox::PendingTicket& ticket : pending) {
    const auto found = shown.find(ticket.ticket);
    const bool good = !ticket.decided && found != shown.end() && found->second.count == ticket.count &&
                      found->second.last_position == ticket.last_position;
    if (!good) stale.push_back(ticket.ticket);
    if (found != shown.end()) shown.erase(found);
  }
  for (const auto& [ticket, left_over] : shown) stale.push_back(ticket);
  if (stale.empty()) return {};
  return refold(outbox, stale);
}

}  // namespace tern::client
