#include "api/plans.hpp"

#include <algorithm>
#include <array>

namespace tern::server {
namespace {

constexpr std::array<std::string_view, 6> all_scopes = {"read", "write", "tickets", "messages", "clients", "webhooks"};
constexpr std::array<std::string_view, 2> starter_scopes = {"read", "tickets"};
constexpr std::span desk_scopes(all_scopes.data(), 5);

constexpr std::array all_plans = {
    Plan{"free", 0, {}, 0, 5},
    Plan{"starter", 1, starter_scopes, 60, 10},
    Plan{"pro", 3, desk_scopes, 120, 25},
    Plan{"business", 10, desk_scopes, 300, 50},
    Plan{"enterprise", std::nullopt, all_scopes, 600, 100},
};

}  // namespace

std::span<const Plan> plans() {
  return all_plans;
}

std::span<const std::string_view> api_scopes() {
  return all_scopes;
}

const Plan* find_plan(std::string_view name) {
  const auto found = std::ranges::find(all_plans, name, &Plan::name);
  return found == all_plans.end() ? nullptr : &*found;
}

const Plan& plan_of(const Tenant& tenant) {
  const auto record = tenant.find_record(sync::RecordKind::tenant, RecordId::or_zero(tenant.id().view()));
  const Plan* plan = nullptr;
  if (record)
    if (const auto named = record->attributes.find("plan"); named != record->attributes.end())
      plan = find_plan(named->second);
  return plan == nullptr ? all_plans.back() : *plan;
}

bool has_scope(const Plan& plan, std::string_view scope) {
  return std::ranges::find(plan.scopes, scope) != plan.scopes.end();
}

}  // namespace tern::server
