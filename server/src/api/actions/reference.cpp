// What tickets name, and what was promised.
#include <algorithm>

#include "api/actions.hpp"
#include "api/dialect.hpp"
#include "api/keys.hpp"
#include "api/plans.hpp"
#include "desk/sla_records.hpp"
#include "desk/sla_settings.hpp"
#include "desk/sla_text.hpp"

namespace tern::server::actions {
namespace {

using sync::RecordKind;

std::vector<sync::Record> live_records(const Tenant& tenant, RecordKind kind) {
  auto records = tenant.records(kind);
  std::erase_if(records, [](const sync::Record& record) { return record.deleted; });
  std::ranges::sort(records, {}, &sync::Record::integer_id);
  return records;
}

Json minutes_of(const sla::Choice& choice) {
  constexpr sla::Seconds minute_s = 60;
  return choice.target ? Json((*choice.target + minute_s - 1) / minute_s) : Json();
}

Json lines_json(const sync::Record& record, const char* name) {
  Json out = Json::array();
  if (const auto text = record.attributes.find(name); text != record.attributes.end())
    for (const std::string_view line : words_between(text->second, ";\n")) out.push(Json(line));
  return out;
}

Json calendar_json(const sync::Record& record) {
  const auto zone = record.attributes.find("zone");
  return Json::object({{"id", Json(record.integer_id)},
                       {"name", Json(record.name)},
                       {"timezone", Json(zone == record.attributes.end() ? "UTC" : zone->second)},
                       {"schedule", lines_json(record, "hours")},
                       {"holidays", lines_json(record, "holidays")}});
}

}  // namespace

Result<Json> list_operators(AdminCall& call) {
  Json out = Json::array();
  for (const sync::Record& record : live_records(call.tenant(), RecordKind::operator_)) {
    const auto active = record.attributes.find("active");
    out.push(Json::object({{"id", Json(record.integer_id)},
                           {"name", Json(record.name)},
                           {"role", attribute_json(record, "role")},
                           {"department", attribute_json(record, "department")},
                           {"email", attribute_json(record, "email")},
                           {"active", Json(active == record.attributes.end() || active->second != "0")}}));
  }
  return out;
}

Result<Json> list_contacts(AdminCall& call) {
  Json out = Json::array();
  for (const sync::Record& record : live_records(call.tenant(), RecordKind::contact))
    out.push(Json::object({{"id", Json(record.integer_id)},
                           {"name", Json(record.name)},
                           {"phone", attribute_json(record, "phone")},
                           {"email", attribute_json(record, "email")},
                           {"photo", Json()},
                           {"organisation", attribute_json(record, "organisation")}}));
  return out;
}

/// What a ticket without anything but its priority is promised now.
Result<Json> get_sla_rules(AdminCall& call) {
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(const auto versions, read_sla_versions(reader.db(), call.tenant().number()));
  SlaSettings settings(versions);
  const sla::Instant now = call.tenant().now_ms() / 1'000;
  const sla::RuleBook* book = nullptr;
  for (const auto& version : settings.books().versions())
    if (book == nullptr || version.from <= now) book = &version.book;
  Json out = Json::array();
  for (const int priority : {4, 3, 2, 1}) {
    sla::Attributes ticket;
    ticket.priority = priority;
    sla::Choices choices;
    if (book != nullptr) choices = sla::match(*book, ticket, settings.calendars());
    const sla::Choice& response = choices[static_cast<std::size_t>(sla::Metric::first_response)];
    const sla::Choice& resolution = choices[static_cast<std::size_t>(sla::Metric::resolution)];
    const sla::Rule* rule = response.rule != nullptr ? response.rule : resolution.rule;
    out.push(Json::object({{"priority", Json(sync::priority_name(static_cast<std::uint8_t>(priority)))},
                           {"response_minutes", minutes_of(response)},
                           {"resolution_minutes", minutes_of(resolution)},
                           {"calendar", rule == nullptr ? Json() : Json(rule->calendar)}}));
  }
  return out;
}

Result<Json> get_business_hours(AdminCall& call) {
  const auto calendars = live_records(call.tenant(), RecordKind::calendar);
  Json out = calendars.empty() ? Json::object({{"timezone", Json(call.tenant().zone())},
                                               {"schedule", Json::array({Json(always_open)})},
                                               {"holidays", Json::array()}})
                               : calendar_json(calendars.front());
  Json all = Json::array();
  for (const sync::Record& calendar : calendars) all.push(calendar_json(calendar));
  out.set("calendars", std::move(all));
  return out;
}

Result<Json> get_plan_features(AdminCall& call) {
  const Plan& plan = plan_of(call.tenant());
  Json scopes = Json::array();
  for (const std::string_view scope : plan.scopes) scopes.push(Json(scope));
  return Json::object({{"plan", Json(plan.name)},
                       {"limits", Json::object({{"keys", plan.keys_max ? Json(*plan.keys_max) : Json()},
                                                {"requests_per_minute", Json(plan.requests_per_minute)},
                                                {"file_mb", Json(plan.file_mib_max)}})},
                       {"scopes", std::move(scopes)},
                       {"used", Json::object({{"keys", Json(kept_keys(call.tenant()).size())}})}});
}

}  // namespace tern::server::actions
