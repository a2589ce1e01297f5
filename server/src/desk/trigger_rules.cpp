#include "desk/trigger_rules.hpp"

#include <algorithm>
#include <utility>

#include "desk/sla_text.hpp"
#include "tern/protocol/json.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"
#include "tern/sync/lifecycle.hpp"

namespace tern::server {
namespace {

constexpr std::pair<TriggerEvent, std::string_view> trigger_events[] = {
    {TriggerEvent::created, "created"},
    {TriggerEvent::updated, "updated"},
    {TriggerEvent::priority_changed, "priority_changed"},
    {TriggerEvent::status_changed, "status_changed"},
    {TriggerEvent::assigned, "assigned"},
    {TriggerEvent::customer_replied, "customer_replied"},
    {TriggerEvent::agent_replied, "agent_replied"},
    {TriggerEvent::no_response, "no_response"},
};

struct DeedWords {
  TriggerDeed deed;
  std::string_view words;
  enum class Rest : std::uint8_t { none, may, must } rest;
};
constexpr DeedWords deeds[] = {
    {TriggerDeed::notify_team, "notify team", DeedWords::Rest::none},
    {TriggerDeed::notify_assignee, "notify assignee", DeedWords::Rest::none},
    {TriggerDeed::notify_supervisors, "notify supervisors", DeedWords::Rest::none},
    {TriggerDeed::escalate, "escalate", DeedWords::Rest::may},
    {TriggerDeed::follow_up, "follow up", DeedWords::Rest::none},
    {TriggerDeed::follow_up, "follow-up", DeedWords::Rest::none},
    {TriggerDeed::tag, "tag", DeedWords::Rest::must},
    {TriggerDeed::note, "note", DeedWords::Rest::must},
    {TriggerDeed::priority, "priority", DeedWords::Rest::must},
    {TriggerDeed::wait, "wait", DeedWords::Rest::none},
};

/// What conditions ask; the first name is the field's own.
constexpr std::pair<std::string_view, std::string_view> condition_fields[] = {
    {"priority", "priority"},   {"status", "status"}, {"category", "category"}, {"queue", "queue"},
    {"type", "type"},           {"tag", "tag"},       {"tags", "tag"},          {"portal_domain", "client"},
    {"company_name", "client"}, {"client", "client"},
};

constexpr std::int64_t hour_in_s = 3'600, wait_hours_else = 24, wait_hours_max = 24 * 365;

tl::unexpected<Error> nothing_acts_on(std::string_view what, std::string_view field) {
  return fail(ErrorCode::invalid, "Nothing acts on " + std::string(what) + ".", "", std::string(field));
}

const std::string& said_in(const sync::Record& record, const char* name) {
  static const std::string none;
  const auto found = record.attributes.find(name);
  return found == record.attributes.end() ? none : found->second;
}

Result<TriggerAction> action_of(std::string_view line) {
  for (const DeedWords& known : deeds) {
    if (!line.starts_with(known.words)) continue;
    std::string_view rest = line.substr(known.words.size());
    if (!rest.empty() && rest.front() != ' ') continue;
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    const bool fits = known.rest == DeedWords::Rest::may || (known.rest == DeedWords::Rest::must) == !rest.empty();
    if (!fits) break;
    TriggerAction action{known.deed, std::string(rest)};
    if (known.deed == TriggerDeed::priority) {
      const auto rank = sync::priority_rank(rest);
      if (!rank) break;
      action.words = std::to_string(static_cast<int>(*rank));
    }
    const std::size_t bytes_max = known.deed == TriggerDeed::tag ? limits::tag_bytes_max : limits::text_bytes_max / 2;
    if (action.words.size() > bytes_max) break;
    return action;
  }
  return nothing_acts_on("\"" + std::string(line) + "\"", "actions");
}

Result<std::vector<std::string>> values_of(std::string_view field, const Json& value) {
  std::vector<std::string> out;
  for (const Json& one : value.is_array() ? value.items() : Json::Array{value}) {
    std::string text = one.is_string() ? one.as_string() : one.is_integer() ? std::to_string(one.as_integer()) : "";
    if (text.empty()) return nothing_acts_on("that value of " + std::string(field), "conditions");
    if (field == "priority") {
      const auto rank = sync::priority_rank(text);
      if (!rank) return nothing_acts_on("the priority \"" + text + "\"", "conditions");
      text = std::string(sync::priority_name(*rank));
    }
    out.push_back(protocol::fold_case(text));
  }
  if (out.empty()) return nothing_acts_on("no value of " + std::string(field), "conditions");
  return out;
}

Result<void> read_conditions(const sync::Record& record, TriggerRule& rule) {
  const std::string& text = said_in(record, "conditions");
  if (text.empty()) return {};
  const auto conditions = parse_json(text, {.decimals = true});
  if (!conditions || !conditions->is_object()) return nothing_acts_on("these conditions", "conditions");
  for (const auto& [name, value] : conditions->members()) {
    if (name == "hours" && rule.event == TriggerEvent::no_response) {
      const std::int64_t hours =
          value.is_string() ? integer_of_text(value.as_string()).value_or(0) : value.as_integer(0);
      if (hours < 1 || hours > wait_hours_max) return nothing_acts_on("that many hours", "conditions");
      rule.wait_s = hours * hour_in_s;
      continue;
    }
    const auto* known = std::ranges::find(condition_fields, std::string_view(name),
                                          &std::pair<std::string_view, std::string_view>::first);
    if (known == std::end(condition_fields)) return nothing_acts_on("\"" + name + "\"", "conditions");
    TERN_TRY(auto values, values_of(known->second, value));
    rule.conditions.push_back({std::string(known->second), std::move(values)});
  }
  return {};
}

}  // namespace

std::string_view trigger_event_name(TriggerEvent event) {
  for (const auto& [known, name] : trigger_events)
    if (known == event) return name;
  return "unknown";
}

std::optional<TriggerEvent> trigger_event_from_name(std::string_view name) {
  for (const auto& [event, known] : trigger_events)
    if (known == name) return event;
  return std::nullopt;
}

Result<TriggerRule> trigger_rule_of(const sync::Record& record) {
  TriggerRule rule;
  rule.id = record.id;
  rule.integer_id = record.integer_id;
  rule.version = record.version;
  rule.name = record.name;
  rule.position = integer_of_text(said_in(record, "position")).value_or(0);
  rule.wait_s = wait_hours_else * hour_in_s;
  const auto event = trigger_event_from_name(said_in(record, "event"));
  if (!event) return nothing_acts_on("that event", "event");
  rule.event = *event;
  TERN_CHECKED(read_conditions(record, rule));
  const auto actions = parse_json(said_in(record, "actions"));
  if (!actions || !actions->is_array() || actions->size() == 0) return nothing_acts_on("no action", "actions");
  for (const Json& line : actions->items()) {
    TERN_TRY(TriggerAction action, action_of(line.as_string()));
    // Nobody is waited for but who was answered.
    if (action.deed == TriggerDeed::wait && rule.event != TriggerEvent::agent_replied)
      return nothing_acts_on("\"wait\" but after agent_replied", "actions");
    rule.actions.push_back(std::move(action));
  }
  return rule;
}

const TriggerRule& waiting_after_answers() {
  static const TriggerRule rule = [] {
    TriggerRule out;
    out.name = "Answers wait";
    out.event = TriggerEvent::agent_replied;
    out.actions = {{TriggerDeed::wait, {}}};
    return out;
  }();
  return rule;
}

bool is_switched_off(const sync::Record& record) {
  return said_in(record, "active") == "0";
}

std::vector<TriggerRule> trigger_rules_of(const std::vector<sync::Record>& records) {
  std::vector<TriggerRule> out;
  for (const sync::Record& record : records) {
    if (record.kind != sync::RecordKind::trigger || record.deleted || is_switched_off(record)) continue;
    if (auto rule = trigger_rule_of(record)) out.push_back(std::move(*rule));
  }
  std::ranges::sort(out, {}, [](const TriggerRule& rule) { return std::pair(rule.position, rule.integer_id); });
  return out;
}

bool conditions_hold(const TriggerRule& rule, const sync::TicketState& state, const TriggerNames& names) {
  return std::ranges::all_of(rule.conditions, [&](const TriggerCondition& condition) {
    for (const std::string& name : names.names(state, condition.field))
      if (std::ranges::find(condition.values, protocol::fold_case(name)) != condition.values.end()) return true;
    return false;
  });
}

}  // namespace tern::server
