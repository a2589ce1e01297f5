#include "tern/sla/policy.hpp"

#include <algorithm>

namespace tern::sla {
namespace {

constexpr std::string_view metric_names[] = {"first_response", "next_response", "resolution", "periodic_update",
                                             "on_site"};
constexpr std::string_view credit_names[] = {"claimed", "attested", "strict", "manager"};

template <typename Enum, std::size_t N>
std::optional<Enum> enum_from_name(const std::string_view (&names)[N], std::string_view name) {
  const auto it = std::ranges::find(names, name);
  return it == std::end(names) ? std::nullopt : std::optional(static_cast<Enum>(it - std::begin(names)));
}

bool below(const std::string& category, const std::string& root) {
  return category == root ||
         (category.size() > root.size() && category.starts_with(root) && category[root.size()] == '/');
}

bool has_value(RuleField field, const std::string& value, const Attributes& ticket) {
  switch (field) {
    case RuleField::priority:
      return value.size() == 1 && value[0] - '0' == ticket.priority;
    case RuleField::category:
      return below(ticket.category, value);
    case RuleField::queue:
      return ticket.queue == value;
    case RuleField::channel:
      return ticket.channel == value;
    case RuleField::type:
      return ticket.type == value;
    case RuleField::tag:
      return std::ranges::find(ticket.tags, value) != ticket.tags.end();
    case RuleField::tariff:
      return ticket.tariff == value;
    case RuleField::organisation:
      return ticket.organisation == value;
    case RuleField::vip:
      return value == (ticket.vip ? "yes" : "no");
    case RuleField::audience:
      return ticket.audience == value;
  }
  return false;
}

Result<void> check_terms(const Terms& terms) {
  const auto no = [](const char* what, const char* field) { return fail(ErrorCode::invalid, what, "", field); };
  if (terms.yellow_percent < 50 || terms.yellow_percent > 95)
    return no("yellow begins at 50 to 95 percent of the target", "yellow_percent");
  if (terms.yellow_left && (*terms.yellow_left < 0 || *terms.yellow_left > target_max))
    return no("yellow cannot begin so long before the end", "yellow_left");
  if (terms.late.size() > late_levels_max) return no("a rule has at most 4 late levels", "late");
  for (const LateLevel& level : terms.late)
    if (level.percent < 0 || level.percent > 10'000 || level.after < 0 || level.after > target_max ||
        level.percent + level.after == 0)
      return no("a late level lies behind the breach, by a share of the target or a time", "late");
  if (terms.min_grace < 0 || terms.min_grace > target_max) return no("min_grace is out of range", "min_grace");
  if (terms.offline_grace < 0 || terms.offline_grace > target_max)
    return no("offline_grace is out of range", "offline_grace");
  if (terms.max_pause < day_s || terms.max_pause > target_max) return no("max_pause is a day or longer", "max_pause");
  return {};
}

Result<void> check_rule(const Rule& rule, const Calendars& calendars, Instant from) {
  if (rule.id.empty()) return fail(ErrorCode::invalid, "a rule has no id", "", "id");
  for (const Condition& condition : rule.when)
    if (condition.any_of.empty() || condition.any_of.size() > values_per_condition_max)
      return fail(ErrorCode::invalid, "a condition names between one and 1,000 values", "", "when");
  CalendarTimeline* calendar = calendars.find(rule.calendar);
  if (calendar == nullptr)
    return fail(ErrorCode::invalid, "rule " + rule.id + " names a calendar that there is not: " + rule.calendar, "",
                "calendar");
  for (const auto& target : rule.targets) {
    if (!target || !target->seconds) continue;
    if (*target->seconds < 1 || *target->seconds > target_max)
      return fail(ErrorCode::invalid, "a target is a second or longer, and at most 5 years", "", "targets");
    if (!calendar->due(from, *target->seconds))
      return fail(
          ErrorCode::invalid,
          "calendar " + rule.calendar + " has less working time within 10 years than a target of rule " + rule.id, "",
          "targets");
  }
  return check_terms(rule.terms);
}

}  // namespace

std::string_view metric_name(Metric metric) {
  return metric_names[static_cast<std::size_t>(metric)];
}
std::optional<Metric> metric_from_name(std::string_view name) {
  return enum_from_name<Metric>(metric_names, name);
}
std::string_view offline_credit_name(OfflineCredit credit) {
  return credit_names[static_cast<std::size_t>(credit)];
}
std::optional<OfflineCredit> offline_credit_from_name(std::string_view name) {
  return enum_from_name<OfflineCredit>(credit_names, name);
}

Seconds Terms::yellow_threshold(Seconds target) const {
  Seconds threshold = (target * yellow_percent + 99) / 100;
  if (yellow_left) threshold = std::min(threshold, std::max<Seconds>(0, target - *yellow_left));
  return threshold;
}

bool holds(const Condition& condition, const Attributes& ticket) {
  return std::ranges::any_of(condition.any_of,
                             [&](const std::string& value) { return has_value(condition.field, value, ticket); });
}

Result<void> validate(const RuleBook& book, const Calendars& calendars) {
  if (book.rules.size() > rules_max)
    return fail(ErrorCode::invalid, "the list has more than " + std::to_string(rules_max) + " rules", "", "rules");
  for (const Rule& rule : book.rules) TERN_CHECKED(check_rule(rule, calendars, book.effective_from));
  return {};
}

const Terms& Choice::terms() const {
  static const Terms standard;
  return rule == nullptr ? standard : rule->terms;
}

Choices match(const RuleBook& book, const Attributes& ticket, const Calendars& calendars) {
  Choices choices;
  std::array<bool, metric_count> settled{};
  std::size_t open = metric_count;
  for (const Rule& rule : book.rules) {
    if (!std::ranges::all_of(rule.when, [&](const Condition& condition) { return holds(condition, ticket); })) continue;
    CalendarTimeline* calendar = calendars.find(rule.calendar);
    for (std::size_t m = 0; m < metric_count; ++m) {
      if (settled[m] || (choices[m].rule != nullptr && !rule.targets[m])) continue;
      choices[m] = {rule.targets[m] ? rule.targets[m]->seconds : std::nullopt, &rule, book.version, calendar};
      if (!rule.targets[m]) continue;
      settled[m] = true;
      if (--open == 0) return choices;
    }
  }
  return choices;
}

RuleBooks::RuleBooks(std::vector<RuleBook> versions, const std::vector<Recompute>& recomputes) {
  std::ranges::sort(versions, {}, &RuleBook::version);
  for (RuleBook& book : versions) {
    const Instant from = in_force_from(book.effective_from, book.committed_at, recomputes);
    const auto place = std::ranges::upper_bound(versions_, from, {}, &Version::from);
    versions_.insert(place, {from, std::move(book)});
  }
}

}  // namespace tern::sla
