#include "open_tenants.hpp"

#include "access/key_store.hpp"
#include "api/keys.hpp"
#include "desk/person_attributes.hpp"
#include "ingest/devices.hpp"
#include "ingest/jobs.hpp"

namespace tern::server {

namespace {

Result<Directory::Ended> ended_in(Tenant& tenant) {
  Directory::Ended ended;
  ended.epoch = tenant.epoch();
  for (const DeviceInfo& device : devices(tenant)) {
    if (device.key_state == protocol::KeyState::revoked) ended.revoked.push_back(device.device);
    if (device.key_state == protocol::KeyState::frozen) ended.frozen.push_back(device.device);
  }
  for (const sync::Record& key : tenant.records(sync::RecordKind::api_key))
    if (read_key(key).revoked_ms != 0) ended.revoked.push_back(DeviceId::or_zero(key.id.view()));
  tenant.each_record(sync::RecordKind::contact, [&](const sync::Record& contact) {
    if (contact.attributes.contains(std::string(erased_attribute))) ended.persons.push_back(contact.id);
  });
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(const auto restores,
           reader.db().int64_of("SELECT count(*) FROM past_epoch WHERE tenant_id = $1", tenant.number()));
  ended.restored = restores.value_or(0) != 0;
  TERN_TRY(const auto records, epoch_records(reader.db(), tenant.number(), tenant.epoch()));
  const auto began = records.empty() ? std::nullopt : read_epoch_record(records.back());
  if (began) ended.epoch_ms = began->time_ms;
  TERN_TRY(auto rows,
           reader.db().query("SELECT device_id, change_id FROM erasure WHERE tenant_id = $1", tenant.number()));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return ended;
    ended.erased.push_back({rows.id<DeviceId>(0), rows.id<ChangeId>(1)});
  }
}

/// Damage that lies with one tenant. A full disk, say, is everybody's.
bool is_damage(ErrorCode code) {
  return code == ErrorCode::corrupt || code == ErrorCode::not_found || code == ErrorCode::malformed ||
         code == ErrorCode::verification_failed || code == ErrorCode::storage_failed;
}

}  // namespace

Result<void> OpenTenants::open_one(const TenantEntry& entry) {
  TERN_TRY(auto keys, tenant_keys(directory_.path(), entry.id, false, environment_));
  TERN_TRY(auto tenant, Tenant::open(directory_.tenant_options(entry, vfs_), std::move(keys), environment_));
  TERN_TRY(const Directory::Ended ended, ended_in(*tenant));
  TERN_CHECKED(directory_.complete_log(entry.id, ended));
  tenants_[entry.id] = std::move(tenant);
  return {};
}

Result<void> OpenTenants::close_damaged(const TenantEntry& entry, Error reason) {
  if (!is_damage(reason.code)) return tl::unexpected(std::move(reason));
  if (reason.code == ErrorCode::not_found) reason.code = ErrorCode::corrupt;  // the index says that it is here
  if (reason.hint.empty()) reason.hint = "Restore a backup: ternd restore";
  tenants_.erase(entry.id);
  closed_.insert_or_assign(entry.id, ClosedTenant{entry, std::move(reason)});
  return {};
}

Result<void> OpenTenants::open_all() {
  TERN_TRY(const auto entries, directory_.tenants());
  const std::lock_guard guard(mutex_);
  for (const TenantEntry& entry : entries) TERN_CHECKED(open_one(entry));
  return {};
}

Result<void> OpenTenants::open_good() {
  TERN_CHECKED(load_server_keys(directory_.path()));
  TERN_TRY(const auto entries, directory_.tenants());
  const std::lock_guard guard(mutex_);
  for (const TenantEntry& entry : entries)
    if (auto opened = open_one(entry); !opened) TERN_CHECKED(close_damaged(entry, std::move(opened).error()));
  return {};
}

Result<void> OpenTenants::prepare_each(const std::function<Result<void>(Tenant&)>& prepare) {
  TERN_TRY(const auto entries, directory_.tenants());
  for (const TenantEntry& entry : entries) {
    Tenant* const tenant = find(entry.id);
    if (tenant == nullptr) continue;
    auto done = prepare(*tenant);
    if (done) continue;
    const std::lock_guard guard(mutex_);
    TERN_CHECKED(close_damaged(entry, std::move(done).error()));
  }
  return {};
}

Result<Tenant*> OpenTenants::add(const std::string& name, const std::string& zone) {
  const std::lock_guard guard(mutex_);
  TERN_TRY(const TenantEntry entry, directory_.plan_tenant(name, environment_));
  auto tenant = make_one(entry, zone);
  if (!tenant) {
    directory_.discard_tenant(entry);
    return tl::unexpected(std::move(tenant).error());
  }
  TERN_CHECKED(directory_.record_tenant(entry));
  return (tenants_[entry.id] = std::move(*tenant)).get();
}

Result<std::unique_ptr<Tenant>> OpenTenants::make_one(const TenantEntry& entry, const std::string& zone) {
  TERN_TRY(auto keys, tenant_keys(directory_.path(), entry.id, true, environment_));
  return Tenant::create(directory_.tenant_options(entry, vfs_), std::move(keys), entry.name, zone, environment_);
}

Tenant* OpenTenants::find(const TenantId& id) const {
  const std::shared_lock guard(mutex_);
  const auto found = tenants_.find(id);
  return found == tenants_.end() ? nullptr : found->second.get();
}

Result<Tenant*> OpenTenants::named(std::string_view name) const {
  TERN_TRY(const TenantEntry entry, directory_.find_tenant(name));
  Tenant* tenant = find(entry.id);
  if (tenant != nullptr) return tenant;
  const std::shared_lock guard(mutex_);
  const auto closed = closed_.find(entry.id);
  if (closed == closed_.end()) return fail(ErrorCode::internal, "The tenant \"" + entry.name + "\" is not open.");
  Error reason = closed->second.reason;
  reason.message = "The tenant \"" + entry.name + "\" is not open: " + reason.message;
  return tl::unexpected(std::move(reason));
}

Result<Tenant*> OpenTenants::serving(const TenantId& id) const {
  const std::shared_lock guard(mutex_);
  if (closed_.contains(id))
    return fail(ErrorCode::busy, "The server cannot open the data of this organisation.",
                "Its administrator finds the reason with: ternd status");
  const auto found = tenants_.find(id);
  return found == tenants_.end() ? nullptr : found->second.get();
}

std::vector<ClosedTenant> OpenTenants::closed() const {
  const std::shared_lock guard(mutex_);
  std::vector<ClosedTenant> out;
  out.reserve(closed_.size());
  for (const auto& [id, tenant] : closed_) out.push_back(tenant);
  return out;
}

std::vector<Tenant*> OpenTenants::all() const {
  const std::shared_lock guard(mutex_);
  std::vector<Tenant*> out;
  out.reserve(tenants_.size());
  for (const auto& [id, tenant] : tenants_) out.push_back(tenant.get());
  return out;
}

}  // namespace tern::server
