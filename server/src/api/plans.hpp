// What an organisation's plan gives it of the API: keys, scopes, requests a minute (docs/api.md, "Plans").
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "store/tenant.hpp"

namespace tern::server {

struct Plan {
  std::string_view name;                // "pro"
  std::optional<std::size_t> keys_max;  // nothing: as many as it likes
  std::span<const std::string_view> scopes;
  unsigned requests_per_minute = 0;  // of each key
  unsigned file_mib_max = 0;
};

std::span<const Plan> plans();
const Plan* find_plan(std::string_view name);
/// Enterprise until `ternd tenant plan` says another.
const Plan& plan_of(const Tenant& tenant);
bool has_scope(const Plan& plan, std::string_view scope);

/// read write tickets messages clients webhooks
std::span<const std::string_view> api_scopes();

}  // namespace tern::server
