// The tenants of this server, open for as long as it runs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "access/directory.hpp"
#include "store/tenant.hpp"

namespace tern::server {

/// A tenant whose file or key cannot be used: it is not served, the others are.
struct ClosedTenant {
  TenantEntry entry;
  Error reason;
};

/// Thread-safe. A tenant that was opened stays where it is until this goes.
class OpenTenants {
public:
  /// References outlive it.
  OpenTenants(Directory& directory, std::string vfs, Environment& environment)
      : directory_(directory), vfs_(std::move(vfs)), environment_(environment) {}

  /// All or none.
  Result<void> open_all();
  /// Those whose file and key are good; the others are `closed`. The server's own keys have to be good.
  Result<void> open_good();
  /// Before anything is served: what `prepare` finds damaged is closed too.
  Result<void> prepare_each(const std::function<Result<void>(Tenant&)>& prepare);
  /// A new tenant with its file. `invalid` for a name that is taken or a zone that is not known.
  Result<Tenant*> add(const std::string& name, const std::string& zone);

  /// Null when there is none.
  [[nodiscard]] Tenant* find(const TenantId& id) const;
  /// As find, for who asks on behalf of a device: `busy` for a closed one.
  [[nodiscard]] Result<Tenant*> serving(const TenantId& id) const;
  /// By name or uuid; empty: the only one. Errors as Directory::find_tenant; of a closed one its reason.
  Result<Tenant*> named(std::string_view name) const;
  [[nodiscard]] std::vector<Tenant*> all() const;
  [[nodiscard]] std::vector<ClosedTenant> closed() const;

private:
  Result<void> open_one(const TenantEntry& entry);
  Result<std::unique_ptr<Tenant>> make_one(const TenantEntry& entry, const std::string& zone);
  Result<void> close_damaged(const TenantEntry& entry, Error reason);

  Directory& directory_;
  const std::string vfs_;
  Environment& environment_;
  mutable std::shared_mutex mutex_;
  std::map<TenantId, std::unique_ptr<Tenant>> tenants_;
  std::map<TenantId, ClosedTenant> closed_;
};

}  // namespace tern::server
