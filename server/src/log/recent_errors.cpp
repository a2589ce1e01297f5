#include "log/recent_errors.hpp"

namespace tern::server {
namespace {

constexpr std::size_t tenants_max = 10'000;

bool is_trouble(std::string_view line) {
  constexpr std::size_t head_bytes = 80;  // time and level come first
  const std::string_view head = line.substr(0, head_bytes);
  return head.find("\"level\":\"error\"") != std::string_view::npos ||
         head.find("\"level\":\"warning\"") != std::string_view::npos;
}

}  // namespace

void RecentErrors::take(std::string_view line) {
  if (!is_trouble(line)) return;
  auto entry = parse_json(line, {.decimals = true});
  if (!entry || !(*entry)["tenant"].is_string()) return;
  const std::string tenant = (*entry)["tenant"].as_string();
  const std::lock_guard guard(mutex_);
  if (!kept_.contains(tenant) && kept_.size() == tenants_max) return;
  std::deque<Json>& of_tenant = kept_[tenant];
  of_tenant.push_back(std::move(*entry));
  if (of_tenant.size() > kept_max) of_tenant.pop_front();
}

std::vector<Json> RecentErrors::of(const std::string& tenant) const {
  const std::lock_guard guard(mutex_);
  const auto found = kept_.find(tenant);
  if (found == kept_.end()) return {};
  return {found->second.rbegin(), found->second.rend()};
}

}  // namespace tern::server
