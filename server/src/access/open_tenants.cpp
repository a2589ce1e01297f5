#include "open_tenants.hpp"

#include "access/key_store.hpp"
#include "ingest/devices.hpp"

namespace tern::server {

namespace {

Result<Directory::Ended> ended_in(Tenant& tenant) {
  Directory::Ended ended;
  for (const DeviceInfo& device : devices(tenant)) {
    if (device.key_state == protocol::KeyState::revoked) ended.revoked.push_back(device.device);
    if (device.key_state == protocol::KeyState::frozen) ended.frozen.push_back(device.device);
  }
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto rows,
           reader.db().query("SELECT device_id, change_id FROM erasure WHERE tenant_id = $1", tenant.number()));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return ended;
    ended.erased.push_back({rows.id<DeviceId>(0), rows.id<ChangeId>(1)});
  }
}

}  // namespace

Result<void> OpenTenants::open_all() {
  TERN_TRY(const auto entries, directory_.tenants());
  const std::lock_guard guard(mutex_);
  for (const TenantEntry& entry : entries) {
    TERN_TRY(auto keys, tenant_keys(directory_.path(), entry.id, false, environment_));
    TERN_TRY(tenants_[entry.id], Tenant::open(directory_.tenant_options(entry, vfs_), std::move(keys), environment_));
    TERN_TRY(const Directory::Ended ended, ended_in(*tenants_[entry.id]));
    TERN_CHECKED(directory_.complete_log(entry.id, ended));
  }
  return {};
}

Result<Tenant*> OpenTenants::add(const std::string& name, const std::string& zone) {
  const std::lock_guard guard(mutex_);
  TERN_TRY(const TenantEntry entry, directory_.plan_tenant(name, environment_));
  TERN_TRY(auto keys, tenant_keys(directory_.path(), entry.id, true, environment_));
  TERN_TRY(auto tenant,
           Tenant::create(directory_.tenant_options(entry, vfs_), std::move(keys), name, zone, environment_));
  TERN_CHECKED(directory_.record_tenant(entry));
  return (tenants_[entry.id] = std::move(tenant)).get();
}

Tenant* OpenTenants::find(const TenantId& id) const {
  const std::shared_lock guard(mutex_);
  const auto found = tenants_.find(id);
  return found == tenants_.end() ? nullptr : found->second.get();
}

Result<Tenant*> OpenTenants::named(std::string_view name) const {
  TERN_TRY(const TenantEntry entry, directory_.find_tenant(name));
  Tenant* tenant = find(entry.id);
  if (tenant == nullptr) return fail(ErrorCode::internal, "The tenant \"" + entry.name + "\" is not open.");
  return tenant;
}

std::vector<Tenant*> OpenTenants::all() const {
  const std::shared_lock guard(mutex_);
  std::vector<Tenant*> out;
  for (const auto& [id, tenant] : tenants_) out.push_back(tenant.get());
  return out;
}

}  // namespace tern::server
