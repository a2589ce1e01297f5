#include "desk/route_settings.hpp"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "desk/sla_records.hpp"
#include "desk/sla_text.hpp"
#include "desk/trigger_rules.hpp"

namespace tern::server {
namespace {

using sync::RecordKind;

constexpr std::int64_t capacity_max = 1'000, skill_level_max = 100;
constexpr std::size_t skills_max = 50, skill_bytes_max = 40;

const std::string& route_attribute(const sync::Record& record, const char* name) {
  static const std::string none;
  const auto found = record.attributes.find(name);
  return found == record.attributes.end() ? none : found->second;
}

bool is_skill_name(std::string_view name) {
  return !name.empty() && name.size() <= skill_bytes_max && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  });
}

/// Nothing: it is no list of skills. A level that is not said is 1.
std::optional<RouteSkills> skills_from_text(std::string_view text) {
  RouteSkills out;
  for (const std::string_view one : words_between(text, ",")) {
    const auto parts = words_between(one, ":");
    const auto level = parts.size() == 2 ? integer_of_text(parts[1]) : std::optional<std::int64_t>(1);
    if (parts.empty() || parts.size() > 2 || !is_skill_name(parts[0])) return std::nullopt;
    if (!level || *level < 1 || *level > skill_level_max || out.size() == skills_max) return std::nullopt;
    out[std::string(parts[0])] = *level;
  }
  return out;
}

std::string skills_text(const RouteSkills& skills) {
  std::string out;
  for (const auto& [name, level] : skills) out += fmt::format("{}{}:{}", out.empty() ? "" : ",", name, level);
  return out;
}

Result<void> check_number(const sync::Record& record, const char* name, std::int64_t most) {
  const std::string& text = route_attribute(record, name);
  const auto number = integer_of_text(text);
  if (text.empty() || (number && *number >= 1 && *number <= most)) return {};
  return fail(ErrorCode::invalid, fmt::format("{} is a number from 1 to {}.", name, most), "", name);
}

Result<void> check_choice(const sync::Record& record, const char* name, std::span<const std::string_view> choices) {
  const std::string& text = route_attribute(record, name);
  if (text.empty() || std::ranges::find(choices, text) != choices.end()) return {};
  std::string hint = "One of:";
  for (const std::string_view choice : choices) hint += " " + std::string(choice);
  return fail(ErrorCode::invalid, fmt::format("\"{}\" is no {}.", text, name), hint + ".", name);
}

Result<void> check_skills(sync::Record& record) {
  const std::string text = route_attribute(record, skills_attribute);
  if (text.empty()) return {};
  const auto skills = skills_from_text(text);
  if (!skills || skills->empty())
    return fail(ErrorCode::invalid, "\"" + text + "\" are no skills.",
                "Names of a-z 0-9 _ . - with their levels from 1 to 100: sip:2,crm.", skills_attribute);
  record.attributes[skills_attribute] = skills_text(*skills);
  return {};
}

/// What stands for the way it is without it is not kept.
void drop_default(sync::Record& record, const char* name, std::string_view value) {
  if (route_attribute(record, name) == value) record.attributes.erase(name);
}

Result<void> check_queue_route(sync::Record& queue) {
  constexpr std::string_view strategies[] = {"none", "least_open"};
  TERN_CHECKED(check_choice(queue, strategy_attribute, strategies));
  drop_default(queue, strategy_attribute, "none");
  constexpr std::string_view switches[] = {"0", "1"};
  TERN_CHECKED(check_choice(queue, answers_wait_attribute, switches));
  return check_number(queue, urgent_weight_attribute, 2);
}

Result<void> check_person_route(sync::Record& person,
                                const std::function<bool(RecordKind, const std::string&)>& there_is) {
  TERN_CHECKED(check_choice(person, status_attribute, person_statuses));
  drop_default(person, status_attribute, person_statuses[0]);
  TERN_CHECKED(check_number(person, capacity_attribute, capacity_max));
  TERN_CHECKED(check_skills(person));
  constexpr std::string_view marks[] = {"1"};
  TERN_CHECKED(check_choice(person, field_attribute, marks));
  const std::string& shift = route_attribute(person, shift_attribute);
  if (shift.empty() || shift == always_open || !there_is || there_is(RecordKind::calendar, shift)) return {};
  return fail(ErrorCode::not_found, "There is no calendar \"" + shift + "\".", "See: ternd calendar list",
              shift_attribute);
}

Result<void> check_category_route(sync::Record& category,
                                  const std::function<bool(RecordKind, const std::string&)>& there_is) {
  TERN_CHECKED(check_skills(category));
  constexpr std::string_view marks[] = {"1"};
  TERN_CHECKED(check_choice(category, sticky_attribute, marks));
  const std::string& agent = route_attribute(category, default_agent_attribute);
  if (agent.empty() || !there_is || there_is(RecordKind::operator_, agent)) return {};
  return fail(ErrorCode::not_found, "There is no operator \"" + agent + "\".", "See: ternd operator list",
              default_agent_attribute);
}

}  // namespace

QueueRoute queue_route(const sync::Record& queue) {
  QueueRoute out;
  if (queue.deleted) return out;
  out.strategy = route_strategy_from_name(route_attribute(queue, strategy_attribute)).value_or(RouteStrategy::none);
  if (route_attribute(queue, urgent_weight_attribute) == "2") out.urgent_weight = 2;
  return out;
}

PersonRoute person_route(const sync::Record& person) {
  PersonRoute out;
  const std::string& status = route_attribute(person, status_attribute);
  if (status != person_statuses[0]) out.status = status;
  out.capacity = integer_of_text(route_attribute(person, capacity_attribute)).value_or(capacity_default);
  out.calendar = route_attribute(person, shift_attribute);
  out.field = route_attribute(person, field_attribute) == "1";
  out.skills = skills_from_text(route_attribute(person, skills_attribute)).value_or(RouteSkills());
  return out;
}

CategoryRoute category_route(const sync::Record& category) {
  CategoryRoute out;
  if (category.deleted) return out;
  out.default_agent = route_attribute(category, default_agent_attribute);
  out.sticky = route_attribute(category, sticky_attribute) == "1";
  out.needs = skills_from_text(route_attribute(category, skills_attribute)).value_or(RouteSkills());
  return out;
}

Result<void> check_route_attributes(sync::Record& record,
                                    const std::function<bool(RecordKind, const std::string&)>& there_is) {
  switch (record.kind) {
    case RecordKind::queue:
      return check_queue_route(record);
    case RecordKind::operator_:
      return check_person_route(record, there_is);
    case RecordKind::category:
      return check_category_route(record, there_is);
    default:
      return {};
  }
}

}  // namespace tern::server
