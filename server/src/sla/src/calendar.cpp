#include "tern/sla/calendar.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "tern/sla/working_time.hpp"

namespace tern::sla {
namespace {

Result<void> check_hours(const std::vector<LocalHours>& hours, const std::string& field) {
  if (hours.size() > hours_per_day_max)
    return fail(ErrorCode::invalid, "a day has more than " + std::to_string(hours_per_day_max) + " intervals", "",
                field);
  for (const LocalHours& part : hours)
    if (part.start < 0 || part.start >= day_s || part.end < 0 || part.end > day_s)
      return fail(ErrorCode::invalid, "an interval starts at 00:00 to 23:59 and ends at 00:00 to 24:00", "", field);
  return {};
}

Result<void> check_exceptions(const Calendar& calendar) {
  if (calendar.exceptions.size() > exceptions_max)
    return fail(ErrorCode::invalid, "a calendar has at most " + std::to_string(exceptions_max) + " exceptions", "",
                "exceptions");
  constexpr int leap_year = 2000;  // a yearly 29 February is a date
  std::set<std::tuple<int, int, int>> seen;
  for (const CalendarException& exception : calendar.exceptions) {
    if (!day_from_date(exception.year == 0 ? leap_year : exception.year, exception.month, exception.day))
      return fail(ErrorCode::invalid, "an exception names a date that does not exist", "", "exceptions");
    if (!seen.emplace(exception.year, exception.month, exception.day).second)
      return fail(ErrorCode::invalid, "two exceptions name one date", "join their hours in one", "exceptions");
    TERN_CHECKED(check_hours(exception.hours, "exceptions"));
  }
  return {};
}

Result<void> check_offsets(const std::vector<ZoneOffset>& offsets) {
  constexpr std::int32_t offset_max = 26 * std::int32_t{hour_s};
  const bool bounded = std::ranges::all_of(
      offsets, [](const ZoneOffset& o) { return o.offset_s >= -offset_max && o.offset_s <= offset_max; });
  const bool ascending = std::ranges::adjacent_find(offsets, [](const ZoneOffset& a, const ZoneOffset& b) {
                           return a.begin >= b.begin;
                         }) == offsets.end();
  if (offsets.size() > zone_offsets_max || !bounded || !ascending)
    return fail(ErrorCode::invalid, "the zone's offsets are out of order or out of range", "", "zone");
  return {};
}

}  // namespace

Instant instant_of_local(const std::vector<ZoneOffset>& offsets, std::int64_t local_s) {
  // The first stretch that reaches it; in a gap none does before the transition, which is the later stretch's begin.
  // Offsets stay within a day or so, so the stretches that can matter lie around that instant.
  if (offsets.empty()) return local_s;
  auto it = std::ranges::upper_bound(offsets, local_s - 2 * day_s, {}, &ZoneOffset::begin);
  if (it != offsets.begin()) --it;
  for (;; ++it) {
    const Instant at = local_s - it->offset_s;
    const auto next = std::next(it);
    if (next != offsets.end() && at >= next->begin) continue;
    return it == offsets.begin() ? at : std::max(at, it->begin);
  }
}

std::int32_t offset_at(const std::vector<ZoneOffset>& offsets, Instant at) {
  if (offsets.empty()) return 0;
  const auto it = std::ranges::upper_bound(offsets, at, {}, &ZoneOffset::begin);
  return it == offsets.begin() ? it->offset_s : std::prev(it)->offset_s;
}

std::optional<std::int32_t> time_of_day_from_text(std::string_view text) {
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9' ? text[i] - '0' : 99'999; };
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const int hour = digit(0) * 10 + digit(1), minute = digit(3) * 10 + digit(4);
  if (hour > 24 || minute > 59 || (hour == 24 && minute != 0)) return std::nullopt;
  return hour * std::int32_t{hour_s} + minute * std::int32_t{minute_s};
}

Result<void> validate(const Calendar& calendar) {
  if (calendar.id.empty()) return fail(ErrorCode::invalid, "a calendar has no id", "", "id");
  TERN_CHECKED(check_offsets(calendar.offsets));
  for (const auto& hours : calendar.weekly) TERN_CHECKED(check_hours(hours, "weekly"));
  TERN_CHECKED(check_exceptions(calendar));
  if (calendar.always) {
    const bool bare = calendar.exceptions.empty() &&
                      std::ranges::all_of(calendar.weekly, [](const auto& hours) { return hours.empty(); });
    return bare ? Result<void>{}
                : fail(ErrorCode::invalid, "a calendar that is always open has neither hours nor exceptions", "",
                       "always");
  }
  WorkingTime time(calendar);
  if (!time.due(calendar.effective_from, 1))
    return fail(ErrorCode::invalid, "the calendar of " + calendar.id + " does not open within 10 years",
                "give a weekday hours", "weekly");
  return {};
}

}  // namespace tern::sla
