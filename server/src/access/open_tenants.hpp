// The tenants of this server, open for as long as it runs.
#pragma once

#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "access/directory.hpp"
#include "store/tenant.hpp"

namespace tern::server {

/// Thread-safe. A tenant that was opened stays where it is until this goes.
class OpenTenants {
public:
  /// References outlive it.
  OpenTenants(Directory& directory, std::string vfs, Environment& environment)
      : directory_(directory), vfs_(std::move(vfs)), environment_(environment) {}

  Result<void> open_all();
  /// A new tenant with its file. `invalid` for a name that is taken or a zone that is not known.
  Result<Tenant*> add(const std::string& name, const std::string& zone);

  /// Null when there is none.
  [[nodiscard]] Tenant* find(const TenantId& id) const;
  /// By name or uuid; empty: the only one. Errors as Directory::find_tenant.
  Result<Tenant*> named(std::string_view name) const;
  [[nodiscard]] std::vector<Tenant*> all() const;

private:
  Directory& directory_;
  const std::string vfs_;
  Environment& environment_;
  mutable std::shared_mutex mutex_;
  std::map<TenantId, std::unique_ptr<Tenant>> tenants_;
};

}  // namespace tern::server
