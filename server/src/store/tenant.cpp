#include "tenant.hpp"

#include <algorithm>

#include "tenant_internals.hpp"
#include "tern/protocol/enrolment.hpp"
#include "tern/sqlite/migrations.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::server {
namespace {

constexpr std::size_t idle_readers_max = 8;

TenantOptions copy_of(const TenantOptions& options) {
  TenantOptions copy;
  copy.directory = options.directory;
  copy.number = options.number;
  copy.id = options.id;
  copy.vfs = options.vfs;
  if (options.encryption) copy.encryption = options.encryption->clone();
  return copy;
}

sqlite::OpenOptions database_options(const TenantOptions& options, sqlite::Role role, bool create) {
  sqlite::OpenOptions out;
  out.path = options.directory + "/tern.db";
  out.role = role;
  out.create = create;
  out.vfs = options.vfs;
  if (options.encryption) out.key = sqlite::DatabaseKey::from(options.encryption->view());
  return out;
}

std::shared_ptr<FileStore> file_store_of(const TenantOptions& options) {
  FileStoreOptions out;
  out.path = options.directory + "/files.db";
  out.tenant = options.number;
  out.vfs = options.vfs;
  if (options.encryption) out.encryption = options.encryption->clone();
  return std::make_shared<FileStore>(std::move(out));
}

/// The sealing key is a device of the server's own, with a certificate its chain begins at.
DeviceRow sealing_row(const TenantOptions& options, const TenantKeys& keys, const EpochId& epoch, std::int64_t now_ms) {
  protocol::Certificate certificate;
  certificate.tenant = options.id;
  certificate.device = keys.sealing_device;
  certificate.public_key = keys.sealing.public_key();
  certificate.server_epoch = epoch;
  certificate.issued_ms = now_ms;
  if (!keys.roots.empty()) certificate.root = protocol::key_id(keys.roots.front());
  DeviceRow row;
  row.id = keys.sealing_device;
  row.key = keys.sealing.id();
  row.public_key = keys.sealing.public_key();
  row.purpose = protocol::KeyPurpose::sealing;
  row.certificate = protocol::sign_statement(certificate, keys.log).wire;
  row.chain = {1, 0, protocol::genesis_prev_hash(row.certificate)};
  row.name = "server";
  return row;
}

Result<void> write_first_rows(Tenant::Internals& in, std::int64_t now_ms) {
  sqlite::Database& db = *in.writer;
  const std::int64_t tenant = in.options.number;
  TERN_TRY(auto transaction, sqlite::Transaction::begin_write(db));
  const auto epoch = random_id<EpochId>(in.environment);
  const auto row_key = random_id<FixedBytes<16, struct RowKeyTag>>(in.environment);
  TERN_CHECKED(write_meta(db, tenant, "tenant", in.options.id.view()));
  TERN_CHECKED(write_meta(db, tenant, "epoch", epoch.view()));
  TERN_CHECKED(write_meta(db, tenant, "row_key", row_key.view()));
  TERN_CHECKED(write_meta(db, tenant, "commit_seq", meta_number(0)));
  TERN_CHECKED(write_meta(db, tenant, "frontier", protocol::MerkleFrontier{}.encode()));
  TERN_CHECKED(write_meta(db, tenant, "next_integer_id", meta_number(1)));
  TERN_CHECKED(write_meta(db, tenant, meta_state_form, meta_number(state_form)));
  TERN_CHECKED(write_meta(db, tenant, meta_lists_form, meta_number(lists_form)));
  TERN_CHECKED(write_meta(db, tenant, meta_figures_to, meta_number(UINT64_MAX)));
  TERN_CHECKED(write_device(db, tenant, sealing_row(in.options, in.keys, epoch, now_ms), DeviceNotes{}));
  return transaction.commit();
}

Result<void> commit_tenant_record(Tenant& tenant, const std::string& name, const std::string& zone) {
  sync::Record record;
  record.kind = sync::RecordKind::tenant;
  record.id = RecordId::or_zero(tenant.id().view());
  record.name = name;
  record.attributes["zone"] = zone;
  ServerChange entry;
  entry.change.intent = sync::Intent::record;
  entry.change.record_kind = static_cast<std::uint32_t>(record.kind);
  entry.change.record = sync::encode_record(record);
  std::vector<ServerChange> changes;
  changes.push_back(std::move(entry));
  TERN_TRY(const ServerCommit commit, commit_server(tenant, std::move(changes)));
  if (commit.outcomes.front() != sync::Outcome::applied) {
    return fail(ErrorCode::invalid, "the tenant's name or zone cannot be recorded", {}, "name");
  }
  return {};
}

}  // namespace

Tenant::Tenant(std::unique_ptr<Internals> internals) : internals_(std::move(internals)) {
  internals_->files = file_store_of(internals_->options);
}

Tenant::~Tenant() {
  if (internals_->writer && !internals_->writer_broken) {
    // What a clean end can keep: notes, anchors, the exact clock. Losing it is harmless, so an error is no one's
    // business.
    static_cast<void>(flush_notes(*this, true));
  }
  std::lock_guard lock(internals_->reader_mutex);
  internals_->readers.clear();
}

Result<std::unique_ptr<Tenant>> Tenant::create(const TenantOptions& options, TenantKeys keys, const std::string& name,
                                               const std::string& zone, Environment& environment) {
  TERN_TRY(const Zone known, Zone::open(zone));
  static_cast<void>(known);
  auto internals = std::make_unique<Internals>(copy_of(options), std::move(keys), environment);
  TERN_TRY(internals->writer, sqlite::Database::open(database_options(options, sqlite::Role::writer, true)));
  TERN_TRY(const int had, sqlite::schema_number(*internals->writer));
  if (had != 0) return fail(ErrorCode::invalid, "there is a tenant in this directory already", {}, "data");
  TERN_CHECKED(migrate_tenant(*internals->writer));
  TERN_CHECKED(write_first_rows(*internals, environment.wall_ms()));
  internals->writer.reset();
  TERN_CHECKED(internals->load());
  std::unique_ptr<Tenant> tenant(new Tenant(std::move(internals)));
  TERN_CHECKED(commit_tenant_record(*tenant, name, zone));
  tenant->internals().name = name;
  tenant->internals().zone = zone;
  TERN_TRY(tenant->internals().zone_rules, Zone::open(zone));
  return tenant;
}

Result<std::unique_ptr<Tenant>> Tenant::open(const TenantOptions& options, TenantKeys keys, Environment& environment) {
  auto internals = std::make_unique<Internals>(copy_of(options), std::move(keys), environment);
  auto loaded = internals->load();
  // A full disk is no reason not to be read. The directory's lock keeps other processes away.
  if (!loaded && loaded.error().code == ErrorCode::storage_full && options.vfs.empty()) {
    internals->writer.reset();
    internals->index_in_memory = true;
    loaded = internals->load();
  }
  TERN_CHECKED(loaded);
  return std::unique_ptr<Tenant>(new Tenant(std::move(internals)));
}

const TenantId& Tenant::id() const {
  return internals_->options.id;
}
std::int64_t Tenant::number() const {
  return internals_->options.number;
}
const std::string& Tenant::name() const {
  return internals_->name;
}
const std::string& Tenant::zone() const {
  return internals_->zone;
}
const TenantKeys& Tenant::keys() const {
  return internals_->keys;
}
Environment& Tenant::environment() {
  return internals_->environment;
}
Tenant::Internals& Tenant::internals() {
  return *internals_;
}
const Tenant::Internals& Tenant::internals() const {
  return *internals_;
}
std::uint64_t Tenant::commit_seq() const {
  return internals_->commit_seq.load(std::memory_order_acquire);
}
std::uint64_t Tenant::newest_record_seq() const {
  return internals_->newest_record_seq.load(std::memory_order_acquire);
}
std::uint64_t Tenant::backup_stable_seq() const {
  return internals_->backup_stable_seq.load();
}

std::uint64_t Tenant::backups_kept_days() const {
  return internals_->backups_kept_days.load();
}

EpochId Tenant::epoch() const {
  std::shared_lock lock(internals_->snapshot_mutex);
  return internals_->epoch;
}

protocol::LogHead Tenant::log_head() const {
  std::shared_lock lock(internals_->snapshot_mutex);
  return {internals_->epoch, internals_->log_size, internals_->log_root};
}

Result<void> Tenant::set_backup_stable_seq(std::uint64_t commit_seq) {
  const auto strand = lock_writer();
  if (commit_seq <= internals_->backup_stable_seq.load()) return {};
  TERN_CHECKED(write(
      [&](sqlite::Database& db) { return write_meta(db, number(), "backup_stable_seq", meta_number(commit_seq)); }));
  internals_->backup_stable_seq = commit_seq;
  return {};
}

Result<void> Tenant::set_backups_kept_days(std::uint64_t days) {
  const auto strand = lock_writer();
  TERN_CHECKED(
      write([&](sqlite::Database& db) { return write_meta(db, number(), "backups_kept_days", meta_number(days)); }));
  internals_->backups_kept_days = days;
  return {};
}

std::unique_lock<std::recursive_mutex> Tenant::lock_writer() {
  return std::unique_lock(internals_->writer_mutex);
}

sqlite::Database& Tenant::writer() {
  check(internals_->writer != nullptr, "the tenant's writer is open");
  return *internals_->writer;
}

Result<void> Tenant::write(const std::function<Result<void>(sqlite::Database&)>& work) {
  const auto strand = lock_writer();
  TERN_CHECKED(internals_->ensure_writer());
  auto done = work(*internals_->writer);
  if (!done) note_failure(*this, done.error());
  return done;
}

std::optional<ErrorCode> Tenant::storage_trouble() const {
  const ErrorCode trouble = internals_->trouble;
  return trouble == ErrorCode{} ? std::nullopt : std::optional(trouble);
}

bool Tenant::takes_work() const {
  return !internals_->takes_no_work;
}

void Tenant::take_no_work(bool refused) {
  internals_->takes_no_work = refused;
}

bool Tenant::takes_files() const {
  return !internals_->takes_no_files;
}

void Tenant::take_no_files(bool refused) {
  internals_->takes_no_files = refused;
}

FileStore& Tenant::files() const {
  return *internals_->files;
}

bool Tenant::has_older_files() const {
  return internals_->older_files;
}

void note_failure(Tenant& tenant, const Error& error) {
  switch (error.code) {
    case ErrorCode::storage_full:
    case ErrorCode::storage_failed:
    case ErrorCode::corrupt:
      tenant.internals().trouble = error.code;
      tenant.internals().writer_broken = true;
      return;
    case ErrorCode::busy:
      tenant.internals().writer_broken = true;
      return;
    default:
      return;
  }
}

Result<Tenant::Reader> Tenant::reader() {
  {
    std::lock_guard lock(internals_->reader_mutex);
    if (!internals_->readers.empty()) {
      auto database = std::move(internals_->readers.back());
      internals_->readers.pop_back();
      return Reader(*this, std::move(database));
    }
  }
  auto how = database_options(internals_->options, sqlite::Role::reader, false);
  if (internals_->index_in_memory) how.index = sqlite::LogIndex::process;
  TERN_TRY(auto database, sqlite::Database::open(how));
  return Reader(*this, std::move(database));
}

Tenant::Reader::~Reader() {
  // A reader that still holds a snapshot is closed, not reused.
  if (!database_ || database_->in_transaction() || database_->owes_undo()) return;
  std::lock_guard lock(tenant_.internals_->reader_mutex);
  auto& idle = tenant_.internals_->readers;
  if (idle.size() < idle_readers_max) idle.push_back(std::move(database_));
}

std::optional<DeviceKey> Tenant::find_key(const DeviceId& device, const KeyId& key) const {
  std::shared_lock lock(internals_->snapshot_mutex);
  const auto found = internals_->devices.find(device);
  if (found == internals_->devices.end() || found->second.row.key != key) return std::nullopt;
  const DeviceRow& row = found->second.row;
  return DeviceKey{{row.public_key, row.suite, row.operator_id, row.key_state, row.purpose}, row.key};
}

std::optional<sync::Actor> Tenant::find_actor(const OperatorId& operator_id) const {
  std::shared_lock lock(internals_->snapshot_mutex);
  const auto found = internals_->actors.find(operator_id);
  if (found == internals_->actors.end()) return std::nullopt;
  return found->second;
}

std::optional<sync::Record> Tenant::find_record(sync::RecordKind kind, const RecordId& id) const {
  std::shared_lock lock(internals_->snapshot_mutex);
  const auto found = internals_->records.find({kind, id});
  if (found == internals_->records.end()) return std::nullopt;
  return found->second;
}

std::optional<RecordId> Tenant::contact_at(std::string_view email, std::string_view phone) const {
  std::shared_lock lock(internals_->snapshot_mutex);
  return email.empty() ? internals_->contacts.with_phone(phone) : internals_->contacts.with_email(email);
}

std::vector<sync::Record> Tenant::records(sync::RecordKind kind) const {
  std::vector<sync::Record> out;
  {
    std::shared_lock lock(internals_->snapshot_mutex);
    for (const auto& [key, record] : internals_->records)
      if (key.kind == kind) out.push_back(record);
  }
  std::sort(out.begin(), out.end(), [](const sync::Record& a, const sync::Record& b) { return a.id < b.id; });
  return out;
}

void Tenant::each_record(sync::RecordKind kind, const std::function<void(const sync::Record&)>& look) const {
  std::shared_lock lock(internals_->snapshot_mutex);
  for (const auto& [key, record] : internals_->records)
    if (key.kind == kind) look(record);
}

bool Tenant::is_erased(const DeviceId& device, const Hash& change_commitment) const {
  std::shared_lock lock(internals_->snapshot_mutex);
  return internals_->erased.contains({device, change_commitment});
}

bool Tenant::is_erased(const sync::ChangeRef& change) const {
  std::shared_lock lock(internals_->snapshot_mutex);
  return internals_->erased_changes.contains(change);
}

bool Tenant::is_erasure_due(const sync::ChangeRef& change) const {
  std::shared_lock lock(internals_->snapshot_mutex);
  return internals_->erasure_due.contains(change);
}

// ---- load ----

Result<void> Tenant::Internals::ensure_writer() {
  if (!writer_broken && writer) return {};
  // After an I/O error nothing that was prepared or cached is believed: close, open, read everything again.
  writer.reset();
  return load();
}

}  // namespace tern::server
