#include <fmt/format.h>

#include "tern/sla/policy.hpp"

namespace tern::sla {
namespace {

struct PriorityRow {
  int priority;
  const char* name;
  int response_hours, resolution_hours;
};
constexpr PriorityRow priority_rows[] = {
    {4, "urgent", 1, 4}, {3, "high", 4, 8}, {2, "normal", 24, 48}, {1, "low", 48, 120}};

}  // namespace

std::vector<Rule> default_rules(const std::string& calendar, const std::vector<CategoryHours>& categories) {
  std::vector<Rule> rules;
  for (const CategoryHours& category : categories) {
    Rule& rule = rules.emplace_back();
    rule.id = "category " + category.category;
    rule.when = {{RuleField::category, {category.category}}};
    rule.calendar = calendar;
    rule.targets[static_cast<std::size_t>(Metric::first_response)] = Target{category.hours * hour_s};
  }
  for (const PriorityRow& row : priority_rows) {
    Rule& rule = rules.emplace_back();
    rule.id = fmt::format("priority {}", row.name);
    rule.when = {{RuleField::priority, {std::to_string(row.priority)}}};
    rule.calendar = calendar;
    rule.targets[static_cast<std::size_t>(Metric::first_response)] = Target{row.response_hours * hour_s};
    rule.targets[static_cast<std::size_t>(Metric::resolution)] = Target{row.resolution_hours * hour_s};
  }
  return rules;
}

}  // namespace tern::sla
