// What tickets name, and what was promised.
#include <algorithm>

#include "admin/library_records.hpp"
#include "admin/record_writer.hpp"
#include "admin/sla_records.hpp"
#include "api/actions.hpp"
#include "api/actions/record_actions.hpp"
#include "api/dialect.hpp"
#include "api/keys.hpp"
#include "api/plans.hpp"
#include "desk/sla_records.hpp"
#include "desk/sla_settings.hpp"
#include "desk/sla_text.hpp"

namespace tern::server::actions {
namespace {

using sync::RecordKind;

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

std::string said_lines(const AdminCall& call, std::string_view parameter) {
  std::vector<std::string> lines;
  for (const Json& line : call.list(parameter)) lines.push_back(line.as_string());
  return admin::joined_lines(lines);
}

/// The calendar that business hours mean: the one that was made first.
sync::Record first_calendar(const AdminCall& call) {
  auto calendars = live_records(call.tenant(), RecordKind::calendar);
  if (!calendars.empty()) return std::move(calendars.front());
  sync::Record made;
  made.kind = RecordKind::calendar;
  made.id = random_id<RecordId>(call.parts().environment);
  made.name = "Business hours";
  return made;
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
  for (const sync::Record& record : live_records(call.tenant(), RecordKind::operator_)) out.push(operator_json(record));
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

Result<Json> save_business_hours(AdminCall& call) {
  if (!call.has("timezone") && !call.has("schedule") && !call.has("holidays"))
    return fail(ErrorCode::invalid, "What are the business hours?", "Say timezone, schedule or holidays.", "schedule");
  TERN_TRY(const auto naming, call.lock_names());
  TERN_CHECKED(call.change([&]() -> Result<void> {
    sync::Record calendar = first_calendar(call);
    call.makes(calendar.id.view());
    if (call.has("timezone")) calendar.attributes["zone"] = call.text("timezone");
    if (call.has("schedule")) calendar.attributes["hours"] = said_lines(call, "schedule");
    if (call.has("holidays")) admin::put_attribute(calendar, "holidays", said_lines(call, "holidays"));
    calendar.attributes.erase("effective_from");
    auto taken = admin::SlaRecordCheck(call.tenant(), {}).take(calendar);
    if (!taken) {
      if (taken.error().field == "zone") taken.error().field = "timezone";
      if (taken.error().field == "hours") taken.error().field = "schedule";
      return taken;
    }
    return admin::write_records(call.tenant(), {calendar}, call.beside());
  }));
  return get_business_hours(call);
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
