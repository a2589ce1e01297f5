#include "cases/case_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tern/sla/cases.hpp"
#include "tern/sla/zones.hpp"

namespace tern::sla {
namespace {

constexpr std::string_view weekday_names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr Instant offsets_from = 0, offsets_until = 7'258'118'400;  // 1970 to 2199: every instant that a file may hold

tl::unexpected<Error> bad(const std::string& where, const std::string& what) {
  return fail(ErrorCode::invalid, where + ": " + what, "the file is not of format sla-cases/1", where);
}

Result<Instant> instant_of(const Json& value, const std::string& where) {
  if (const auto at = instant_from_text(value.as_string())) return *at;
  return bad(where, "an instant like 2026-06-03T10:15:00Z is wanted");
}

Result<sync::Status> status_of(const Json& value, const std::string& where) {
  if (const auto status = sync::status_from_name(value.as_string())) return *status;
  return bad(where, "\"" + value.as_string() + "\" is no status");
}

// ---- calendars ----
Result<std::vector<LocalHours>> read_hours(const Json& list, const std::string& where) {
  std::vector<LocalHours> hours;
  if (!list.is_array()) return bad(where, "a list of [\"HH:MM\",\"HH:MM\"] is wanted");
  for (const Json& part : list.items()) {
    const auto start = part.size() == 2 ? time_of_day_from_text(part.items()[0].as_string()) : std::nullopt;
    const auto end = part.size() == 2 ? time_of_day_from_text(part.items()[1].as_string()) : std::nullopt;
    if (!start || !end) return bad(where, "a list of [\"HH:MM\",\"HH:MM\"] is wanted");
    hours.push_back({*start, *end});
  }
  return hours;
}

/// "2026-08-24", or "08-24" for every year.
Result<CalendarException> read_exception(const Json& item, const std::string& where) {
  CalendarException exception;
  const bool yearly = item.find("yearly") != nullptr;
  const std::string text = yearly ? "2000-" + item["yearly"].as_string() : item["date"].as_string();
  const auto at = instant_from_text(text + "T00:00:00Z");
  if (!at) return bad(where, "a date is wanted: \"date\" or \"yearly\"");
  const auto number = [&](std::size_t from, std::size_t digits) { return std::stoi(text.substr(from, digits)); };
  exception.year = yearly ? 0 : number(0, 4);
  exception.month = number(5, 2);
  exception.day = number(8, 2);
  exception.name = item["name"].as_string();
  if (const Json* hours = item.find("hours")) {
    TERN_TRY(exception.hours, read_hours(*hours, where + ".hours"));
  }
  return exception;
}

Result<Calendar> read_calendar(const std::string& id, const Json& value, const std::string& where) {
  Calendar calendar;
  calendar.id = id;
  calendar.zone = value.find("tz") == nullptr ? "UTC" : value["tz"].as_string();
  calendar.always = value["always"].as_bool();
  auto offsets = zone_offsets(calendar.zone, offsets_from, offsets_until);
  if (!offsets) return bad(where, offsets.error().message);
  calendar.offsets = std::move(*offsets);
  calendar.tz_version = tz_database_version();
  for (const auto& [day, hours] : value["weekly"].members()) {
    const auto it = std::ranges::find(weekday_names, day);
    if (it == std::end(weekday_names)) return bad(where + ".weekly", "\"" + day + "\" is no weekday (mon to sun)");
    TERN_TRY(calendar.weekly[static_cast<std::size_t>(it - std::begin(weekday_names))],
             read_hours(hours, where + ".weekly." + day));
  }
  for (const Json& item : value["holidays"].items()) {
    TERN_TRY(auto exception, read_exception(item, where + ".holidays"));
    calendar.exceptions.push_back(std::move(exception));
  }
  return calendar;
}

Result<void> read_calendars(const Json& list, const std::string& where, Calendars& calendars) {
  for (const auto& [id, value] : list.members()) {
    const std::string here = where + "." + id;
    TERN_TRY(Calendar calendar, read_calendar(id, value, here));
    if (const auto added = calendars.add(std::move(calendar)); !added) return bad(here, added.error().message);
  }
  return {};
}

// ---- terms and policies ----
template <typename Enum, std::size_t N>
Result<void> read_choice(const Json& from, const char* name, const std::pair<std::string_view, Enum> (&values)[N],
                         Enum& out, const std::string& where) {
  const Json* value = from.find(name);
  if (value == nullptr) return {};
  for (const auto& [text, meaning] : values)
    if (text == value->as_string()) {
      out = meaning;
      return {};
    }
  return bad(where + "." + name, "\"" + value->as_string() + "\" is not known");
}

Result<void> read_seconds(const Json& from, const char* name, Seconds& out, const std::string& where) {
  const Json* value = from.find(name);
  if (value == nullptr) return {};
  if (!value->is_integer() || value->as_integer() < 0 || value->as_integer() > target_max)
    return bad(where + "." + name, "seconds are wanted");
  out = value->as_integer();
  return {};
}

Result<void> read_pause_matrix(const Json& from, Terms& terms, const std::string& where) {
  for (const auto& [name, list] : from["pause_matrix"].members()) {
    const std::string here = where + ".pause_matrix." + name;
    const auto metric = metric_from_name(name);
    if (!metric) return bad(here, "there is no such metric");
    StatusSet& set = terms.paused_by[static_cast<std::size_t>(*metric)];
    set = {};
    for (const Json& item : list.items()) {
      TERN_TRY(const auto status, status_of(item, here));
      set.add(status);
    }
  }
  return {};
}

/// What `from` says of the small print; file, case and policy may each say it.
Result<void> read_terms(const Json& from, Terms& terms, const std::string& where) {
  constexpr std::pair<std::string_view, OfflineCredit> credits[] = {{"claimed", OfflineCredit::claimed},
                                                                    {"attested", OfflineCredit::attested},
                                                                    {"strict", OfflineCredit::strict},
                                                                    {"manager", OfflineCredit::manager}};
  constexpr std::pair<std::string_view, OnReopen> reopens[] = {
      {"resume", OnReopen::resume}, {"new_cycle", OnReopen::new_cycle}, {"restart", OnReopen::restart}};
  constexpr std::pair<std::string_view, OnChange> changes[] = {{"keep", OnChange::keep},
                                                               {"restart", OnChange::restart}};
  constexpr std::pair<std::string_view, ResponseClock> clocks[] = {{"acted", ResponseClock::acted},
                                                                   {"delivered", ResponseClock::delivered}};
  TERN_CHECKED(read_choice(from["rules"], "offline_credit_default", credits, terms.offline_credit, where + ".rules"));
  TERN_CHECKED(read_choice(from, "offline_credit", credits, terms.offline_credit, where));
  TERN_CHECKED(read_choice(from, "on_reopen", reopens, terms.on_reopen, where));
  TERN_CHECKED(read_choice(from, "on_change", changes, terms.on_change, where));
  TERN_CHECKED(read_choice(from, "clock", clocks, terms.clock, where));
  for (const char* name : {"min_grace", "min_grace_s"}) TERN_CHECKED(read_seconds(from, name, terms.min_grace, where));
  for (const char* name : {"offline_grace", "offline_grace_s"})
    TERN_CHECKED(read_seconds(from, name, terms.offline_grace, where));
  if (const Json* share = from.find("at_risk_fraction")) {
    if (!(share->as_double() >= 0 && share->as_double() <= 1))
      return bad(where + ".at_risk_fraction", "a share is wanted");
    terms.yellow_percent = static_cast<int>(std::lround(share->as_double() * 100));
  }
  return read_pause_matrix(from, terms, where);
}

Result<Rule> read_policy(const std::string& name, const Json& value, Terms terms, const std::string& where) {
  Rule rule;
  rule.id = name;
  rule.when = {{RuleField::tag, {name}}};
  rule.calendar = value["calendar"].as_string();
  for (std::size_t m = 0; m < metric_count; ++m) {
    const Json& target = value[metric_name(static_cast<Metric>(m))];
    if (!target.is_null() && !target.is_integer()) return bad(where, "a target is seconds or null");
    rule.targets[m] = Target{target.is_null() ? std::nullopt : std::optional(target.as_integer())};
  }
  TERN_CHECKED(read_terms(value, terms, where));
  rule.terms = std::move(terms);
  return rule;
}

// ---- events ----
Result<void> read_time(const Json& value, Event& event, const std::string& where) {
  if (value.find("claimed") == nullptr) {
    TERN_TRY(event.at, instant_of(value["t"], where + ".t"));
    return {};
  }
  OfflineTime time;
  if (value["window"].size() != 2) return bad(where + ".window", "two instants are wanted");
  TERN_TRY(const Instant claimed, instant_of(value["claimed"], where + ".claimed"));
  TERN_TRY(time.window_begin, instant_of(value["window"].items()[0], where + ".window"));
  TERN_TRY(time.window_end, instant_of(value["window"].items()[1], where + ".window"));
  TERN_TRY(time.received, instant_of(value["received"], where + ".received"));
  time.lower_bound = time.window_begin;
  if (value.find("lower_bound") != nullptr) {
    TERN_TRY(time.lower_bound, instant_of(value["lower_bound"], where + ".lower_bound"));
  }
  if (time.lower_bound > time.window_begin || time.window_begin > time.window_end || time.window_end > time.received)
    return bad(where + ".window", "it does not lie between its lower bound and its receipt");
  event.at = effective_time(claimed, time);
  event.offline = time;
  return {};
}

Result<void> read_kind(const Json& value, Event& event, const std::string& where) {
  struct Word {
    std::string_view text;
    EventKind kind;
  };
  constexpr Word words[] = {{"create", EventKind::create},
                            {"status", EventKind::status},
                            {"policy", EventKind::attributes},
                            {"agent_msg", EventKind::agent_message},
                            {"customer_msg", EventKind::customer_message},
                            {"call", EventKind::call},
                            {"arrival", EventKind::arrival},
                            {"merge", EventKind::withdrawn},
                            {"delete", EventKind::withdrawn},
                            {"restore", EventKind::restored},
                            {"merged_in", EventKind::merged_in},
                            {"note", EventKind::nothing},
                            {"assign", EventKind::nothing},
                            {"take", EventKind::nothing},
                            {"queue", EventKind::nothing},
                            {"tag", EventKind::nothing},
                            {"link", EventKind::nothing},
                            {"attach", EventKind::nothing},
                            {"time", EventKind::nothing}};
  const std::string& type = value["type"].as_string();
  const auto it = std::ranges::find(words, type, &Word::text);
  if (it == std::end(words)) return bad(where + ".type", "\"" + type + "\" is not known");
  event.kind = it->kind;
  return {};
}

Result<void> read_opening(const Json& value, Event& event, const std::string& where) {
  const bool by_agent = value["by"].as_string() == "agent";
  if (value["internal"].as_bool())
    event.opening = Opening::internal;
  else if (value["outbound"].as_bool() || (by_agent && value["public"].as_bool()))
    event.opening = Opening::by_public_message;
  if (value.find("clock_start") != nullptr) {
    TERN_TRY(event.clock_start, instant_of(value["clock_start"], where + ".clock_start"));
  }
  return {};
}

Result<Event> read_event(const Json& value, const RuleBook& book, const std::string& where) {
  Event event;
  TERN_CHECKED(read_kind(value, event, where));
  TERN_CHECKED(read_time(value, event, where));
  const std::string& to = value["to"].as_string();
  if (event.kind == EventKind::status && (to == "merged" || to == "deleted")) {
    event.kind = EventKind::withdrawn;
  } else if (event.kind == EventKind::status) {
    TERN_TRY(event.status, status_of(value["to"], where + ".to"));
  }
  if (event.kind == EventKind::create || event.kind == EventKind::attributes) {
    const std::string& policy = value[event.kind == EventKind::create ? "policy" : "to"].as_string();
    if (std::ranges::find(book.rules, policy, &Rule::id) == book.rules.end())
      return bad(where, "there is no policy \"" + policy + "\"");
    event.attributes.tags = {policy};
  }
  if (event.kind == EventKind::create || event.kind == EventKind::merged_in)
    TERN_CHECKED(read_opening(value, event, where));
  event.is_public = value["public"].as_bool(true);
  event.automatic =
      value["auto"].as_bool() || value["bot"].as_bool() || value["rule"].as_bool() || value["forwarded"].as_bool();
  event.light_agent = value["light"].as_bool();
  event.answered = value["answered"].as_bool();
  if (value.find("delivered") != nullptr) {
    TERN_TRY(event.readable_at, instant_of(value["delivered"], where + ".delivered"));
  }
  return event;
}

Result<void> read_events(const Json& list, WorkedCase& out, const std::string& where) {
  if (list.size() > case_events_max)
    return bad(where + ".events", fmt::format("there are more than {}", case_events_max));
  for (std::size_t i = 0; i < list.size(); ++i) {
    TERN_TRY(auto event, read_event(list.items()[i], out.book, fmt::format("{}.events[{}]", where, i)));
    event.id = fmt::format("event {}", i + 1);
    out.events.push_back(std::move(event));
  }
  if (out.events.empty() || out.events.front().kind != EventKind::create)
    return bad(where + ".events", "the first event is a create");
  std::stable_sort(out.events.begin() + 1, out.events.end(),
                   [](const Event& a, const Event& b) { return a.at < b.at; });
  out.events = with_customer_moves(std::move(out.events));
  Device device{"device", {}};
  for (const Event& event : out.events)
    if (event.offline) device.anchors.push_back(event.received());
  std::ranges::sort(device.anchors);
  if (!device.anchors.empty()) out.devices.push_back(std::move(device));
  return {};
}

Result<WorkedCase> read_case(const Json& value, const Terms& terms, Calendars& calendars) {
  WorkedCase out;
  out.id = value["id"].as_string();
  out.source = &value;
  if (out.id.empty()) return bad("cases", "a case has no id");
  const std::string where = "case " + out.id;
  TERN_CHECKED(read_calendars(value["calendars"], where + ".calendars", calendars));
  const std::string zone = value.find("tz") == nullptr ? "UTC" : value["tz"].as_string();
  auto offsets = zone_offsets(zone, offsets_from, offsets_until);
  if (!offsets) return bad(where + ".tz", offsets.error().message);
  out.reader_zone = std::move(*offsets);
  Terms own = terms;
  TERN_CHECKED(read_terms(value, own, where));
  for (const auto& [name, policy] : value["policies"].members()) {
    TERN_TRY(auto rule, read_policy(name, policy, own, where + ".policies." + name));
    out.book.rules.push_back(std::move(rule));
  }
  TERN_TRY(out.as_of, instant_of(value["as_of"], where + ".as_of"));
  out.book.effective_from = out.as_of;
  if (const auto valid = validate(out.book, calendars); !valid) return bad(where + ".policies", valid.error().message);
  TERN_CHECKED(read_events(value["events"], out, where));
  if (!value["expect"].is_array()) return bad(where + ".expect", "a list of cycles is wanted");
  return out;
}

}  // namespace

Result<CaseFile> read_case_file(std::string_view text) {
  JsonLimits limits;
  limits.bytes_max = case_file_bytes_max;
  limits.decimals = true;
  TERN_TRY(Json source, parse_json(text, limits));
  CaseFile file;
  file.source = std::move(source);
  const Json& root = file.source;
  if (root["format"].as_string() != "sla-cases/1") return bad("format", "\"sla-cases/1\" is wanted");
  if (!root["cases"].is_array() || root["cases"].size() == 0) return bad("cases", "there are none");
  file.computed_with = root["computed_with"].as_string();
  TERN_CHECKED(read_calendars(root["calendars"], "calendars", file.calendars));
  Terms terms;
  TERN_CHECKED(read_terms(root, terms, "the file"));
  for (const Json& value : root["cases"].items()) {
    TERN_TRY(auto one, read_case(value, terms, file.calendars));
    file.cases.push_back(std::move(one));
  }
  return file;
}

}  // namespace tern::sla
