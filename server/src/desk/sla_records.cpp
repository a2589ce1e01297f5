#include "desk/sla_records.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "desk/sla_text.hpp"
#include "tern/sla/zones.hpp"

namespace tern::server {
namespace {

constexpr std::string_view calendar_attributes[] = {"zone", "hours", "holidays", "effective_from", "tz", "offsets"};
constexpr std::string_view rule_attributes[] = {
    "sort",          "calendar", "when",           "first_response", "next_response", "resolution", "periodic_update",
    "on_site",       "clock",    "on_reopen",      "on_change",      "min_grace",     "max_pause",  "offline_credit",
    "offline_grace", "late",     "yellow_percent", "yellow_left",    "pause",         "quiet",      "effective_from"};
constexpr std::int64_t place_max = 1'000'000'000, place_behind_all = place_max + 1;

const std::string& attribute_of(const sync::Record& record, std::string_view name) {
  static const std::string none;
  const auto found = record.attributes.find(std::string(name));
  return found == record.attributes.end() ? none : found->second;
}

tl::unexpected<Error> bad_record(std::string message, std::string hint, std::string_view field) {
  return fail(ErrorCode::invalid, std::move(message), std::move(hint), std::string(field));
}

template <std::size_t N>
Result<void> check_attributes(const sync::Record& record, const std::string_view (&known)[N]) {
  for (const auto& [name, value] : record.attributes)
    if (std::ranges::find(known, name) == std::end(known))
      return bad_record(fmt::format("A {} has no \"{}\".", sync::to_string(record.kind), name),
                        fmt::format("It has: {}.", fmt::join(known, " ")), name);
  return {};
}

// ---- offsets: "begin:offset" of each stretch ----

std::string offsets_text(const std::vector<sla::ZoneOffset>& offsets) {
  std::string out;
  for (const sla::ZoneOffset& offset : offsets)
    out += fmt::format("{}{}:{}", out.empty() ? "" : " ", offset.begin, offset.offset_s);
  return out;
}

Result<std::vector<sla::ZoneOffset>> offsets_from_text(std::string_view text) {
  std::vector<sla::ZoneOffset> out;
  for (const std::string_view word : words_between(text, " ")) {
    const auto colon = std::min(word.find(':'), word.size());
    const auto begin = integer_of_text(word.substr(0, colon));
    const auto offset = colon == word.size() ? std::nullopt : integer_of_text(word.substr(colon + 1));
    if (!begin || !offset || std::abs(*offset) > 2 * sla::day_s)
      return bad_record("The calendar's offsets cannot be read.", "", "offsets");
    out.push_back({*begin, static_cast<std::int32_t>(*offset)});
  }
  return out;
}

// ---- the words of a rule ----

Result<void> read_targets(const sync::Record& record, sla::Rule& rule) {
  for (std::size_t m = 0; m < sla::metric_count; ++m) {
    const std::string_view metric = sla::metric_name(static_cast<sla::Metric>(m));
    const std::string& text = attribute_of(record, metric);
    if (text.empty()) continue;
    if (text == "none") {
      rule.targets[m] = sla::Target{};
      continue;
    }
    TERN_TRY(const sla::Seconds seconds, duration_from_text(text, metric));
    rule.targets[m] = sla::Target{seconds};
  }
  return {};
}

template <typename Enum>
Result<void> read_word(const sync::Record& record, std::string_view name,
                       std::initializer_list<std::pair<std::string_view, Enum>> words, Enum& out) {
  const std::string& text = attribute_of(record, name);
  if (text.empty()) return {};
  std::string all;
  for (const auto& [word, meaning] : words) {
    if (word == text) {
      out = meaning;
      return {};
    }
    all += (all.empty() ? "" : " ") + std::string(word);
  }
  return bad_record(fmt::format("\"{}\" is no {}.", text, name), "One of: " + all + ".", name);
}

Result<void> read_length(const sync::Record& record, std::string_view name, sla::Seconds& out) {
  const std::string& text = attribute_of(record, name);
  if (text.empty()) return {};
  TERN_TRY(out, duration_from_text(text, name));
  return {};
}

Result<void> read_choices(const sync::Record& record, sla::Terms& terms) {
  TERN_CHECKED(read_word<sla::OfflineCredit>(record, "offline_credit",
                                             {{"claimed", sla::OfflineCredit::claimed},
                                              {"attested", sla::OfflineCredit::attested},
                                              {"strict", sla::OfflineCredit::strict},
                                              {"manager", sla::OfflineCredit::manager}},
                                             terms.offline_credit));
  TERN_CHECKED(read_word<sla::ResponseClock>(
      record, "clock", {{"acted", sla::ResponseClock::acted}, {"delivered", sla::ResponseClock::delivered}},
      terms.clock));
  TERN_CHECKED(read_word<sla::OnReopen>(
      record, "on_reopen",
      {{"resume", sla::OnReopen::resume}, {"new_cycle", sla::OnReopen::new_cycle}, {"restart", sla::OnReopen::restart}},
      terms.on_reopen));
  TERN_CHECKED(read_word<bool>(record, "quiet", {{"true", true}, {"false", false}}, terms.quiet));
  return read_word<sla::OnChange>(
      record, "on_change", {{"keep", sla::OnChange::keep}, {"restart", sla::OnChange::restart}}, terms.on_change);
}

Result<void> read_terms(const sync::Record& record, sla::Terms& terms) {
  TERN_CHECKED(read_choices(record, terms));
  TERN_CHECKED(read_length(record, "min_grace", terms.min_grace));
  TERN_CHECKED(read_length(record, "offline_grace", terms.offline_grace));
  TERN_CHECKED(read_length(record, "max_pause", terms.max_pause));
  if (const std::string& left = attribute_of(record, "yellow_left"); !left.empty()) {
    TERN_TRY(terms.yellow_left, duration_from_text(left, "yellow_left"));
  }
  if (const std::string& share = attribute_of(record, "yellow_percent"); !share.empty()) {
    const auto percent = integer_of_text(share);
    if (!percent || *percent < 50 || *percent > 95)
      return bad_record("Yellow begins at 50 to 95 percent of the target.", "", "yellow_percent");
    terms.yellow_percent = static_cast<int>(*percent);
  }
  if (const std::string& late = attribute_of(record, "late"); !late.empty()) {
    TERN_TRY(terms.late, late_levels_from_text(late));
  }
  return read_pauses(attribute_of(record, "pause"), terms);
}

}  // namespace

Result<sla::Instant> effective_from(const sync::Record& record, sla::Instant committed_at) {
  const std::string& text = attribute_of(record, "effective_from");
  if (text.empty()) return committed_at;
  const auto at = sla::instant_from_text(text);
  if (!at)
    return bad_record("\"" + text + "\" is no instant.", "Write it like 2026-06-03T10:15:00Z.", "effective_from");
  return std::max(*at, committed_at);
}

std::int64_t rule_place(const sync::Record& record) {
  return integer_of_text(attribute_of(record, "sort")).value_or(place_behind_all);
}

Result<sla::Calendar> calendar_of(const sync::Record& record, sla::Instant committed_at) {
  sla::Calendar calendar;
  calendar.id = record.name;
  calendar.version = static_cast<std::uint32_t>(record.version);
  calendar.committed_at = committed_at;
  TERN_TRY(calendar.effective_from, effective_from(record, committed_at));
  if (const std::string& zone = attribute_of(record, "zone"); !zone.empty()) calendar.zone = zone;
  calendar.tz_version = attribute_of(record, "tz");
  TERN_TRY(calendar.offsets, offsets_from_text(attribute_of(record, "offsets")));
  TERN_CHECKED(read_hours(attribute_of(record, "hours"), calendar));
  TERN_TRY(calendar.exceptions, holidays_from_text(attribute_of(record, "holidays")));
  return calendar;
}

Result<sla::Rule> rule_of(const sync::Record& record) {
  sla::Rule rule;
  rule.id = record.name;
  rule.calendar = attribute_of(record, "calendar");
  if (rule.calendar.empty()) rule.calendar = always_open;
  TERN_TRY(rule.when, conditions_from_text(attribute_of(record, "when")));
  TERN_CHECKED(read_targets(record, rule));
  TERN_CHECKED(read_terms(record, rule.terms));
  return rule;
}

Result<sla::Rule> rule_of_tariff(const sync::Record& tariff) {
  sla::Rule rule;
  rule.id = "tariff " + tariff.name;
  rule.calendar = attribute_of(tariff, "calendar");
  if (rule.calendar.empty()) rule.calendar = always_open;
  rule.when = {{sla::RuleField::tariff, {tariff.name}}};
  TERN_CHECKED(read_targets(tariff, rule));
  return rule;
}

bool promises_something(const sla::Rule& rule) {
  return std::ranges::any_of(rule.targets, [](const auto& target) { return target.has_value(); });
}

Result<void> check_tariff_promise(const sync::Record& tariff, const sla::Calendars& calendars, sla::Instant now) {
  sla::RuleBook book;
  book.effective_from = now;
  TERN_TRY(sla::Rule rule, rule_of_tariff(tariff));
  if (!promises_something(rule)) {
    if (attribute_of(tariff, "calendar").empty()) return {};
    return bad_record("The tariff promises nothing that hours could count for.",
                      "Give it a first_response, a resolution or another target.", "calendar");
  }
  book.rules.push_back(std::move(rule));
  return sla::validate(book, calendars);
}

Result<void> complete_calendar(sync::Record& record, sla::Instant now) {
  record.attributes.erase("offsets");
  record.attributes.erase("tz");
  TERN_CHECKED(check_attributes(record, calendar_attributes));
  if (record.name == always_open)
    return bad_record("A calendar called 24/7 is there already: it never closes.", "Call it something else.", "name");
  TERN_TRY(sla::Calendar calendar, calendar_of(record, now));
  TERN_CHECKED(sla::pin_zone(calendar, calendar.effective_from));
  TERN_CHECKED(sla::validate(calendar));
  record.attributes["zone"] = calendar.zone;
  record.attributes["offsets"] = offsets_text(calendar.offsets);
  record.attributes["tz"] = calendar.tz_version;
  return {};
}

Result<void> check_rule(const sync::Record& record, const sla::Calendars& calendars, sla::Instant now) {
  TERN_CHECKED(check_attributes(record, rule_attributes));
  const std::string& place = attribute_of(record, "sort");
  if (const auto number = integer_of_text(place); !place.empty() && (!number || *number < 0 || *number > place_max))
    return bad_record("\"" + place + "\" is no place in the list.", "A whole number, at most 1,000,000,000.", "sort");
  sla::RuleBook book;
  TERN_TRY(book.effective_from, effective_from(record, now));
  TERN_TRY(sla::Rule rule, rule_of(record));
  if (!promises_something(rule))
    return bad_record("The rule promises nothing.", "Give it --first-response, --resolution or another target.",
                      "resolution");
  book.rules.push_back(std::move(rule));
  return sla::validate(book, calendars);
}

Result<void> check_rule_names(const sync::Record& record,
                              const std::function<bool(sync::RecordKind, const std::string&)>& there_is) {
  TERN_TRY(const auto conditions, conditions_from_text(attribute_of(record, "when")));
  for (const sla::Condition& condition : conditions) {
    sync::RecordKind kind{};
    if (condition.field == sla::RuleField::queue) kind = sync::RecordKind::queue;
    if (condition.field == sla::RuleField::organisation) kind = sync::RecordKind::organisation;
    if (condition.field == sla::RuleField::category) kind = sync::RecordKind::category;
    if (kind == sync::RecordKind::unspecified) continue;
    for (const std::string& value : condition.any_of) {
      // Of a category's path the last part names it.
      const std::string name = kind == sync::RecordKind::category ? value.substr(value.rfind('/') + 1) : value;
      if (!there_is(kind, name))
        return fail(ErrorCode::not_found, fmt::format("There is no {} \"{}\".", sync::to_string(kind), name), "",
                    "when");
    }
  }
  return {};
}

}  // namespace tern::server
