#include "tern/sla/working_time.hpp"

#include <algorithm>
#include <chrono>

namespace tern::sla {
namespace {

constexpr std::int64_t floor_day(Instant at) {
  return at >= 0 ? at / day_s : -((-at + day_s - 1) / day_s);
}

}  // namespace

WorkingTime::WorkingTime(Calendar calendar) : calendar_(std::move(calendar)) {
  for (std::size_t i = 0; i < calendar_.exceptions.size(); ++i) {
    const CalendarException& exception = calendar_.exceptions[i];
    if (exception.year == 0)
      yearly_.emplace_back(exception.month * 32 + exception.day, i);
    else if (const auto day = day_from_date(exception.year, exception.month, exception.day))
      dated_.emplace_back(*day, i);
  }
  std::ranges::sort(dated_);
  std::ranges::sort(yearly_);
}

const WorkingTime::Hours& WorkingTime::hours_of(std::int64_t day) const {
  const auto dated = std::ranges::lower_bound(dated_, day, {}, &std::pair<std::int64_t, std::size_t>::first);
  if (dated != dated_.end() && dated->first == day) return calendar_.exceptions[dated->second].hours;
  if (!yearly_.empty()) {
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
    const int key = static_cast<int>(static_cast<unsigned>(date.month()) * 32 + static_cast<unsigned>(date.day()));
    const auto yearly = std::ranges::lower_bound(yearly_, key, {}, &std::pair<int, std::size_t>::first);
    if (yearly != yearly_.end() && yearly->first == key) return calendar_.exceptions[yearly->second].hours;
  }
  const std::int64_t weekday = ((day + 3) % 7 + 7) % 7;  // 1970-01-01 was a Thursday
  return calendar_.weekly[static_cast<std::size_t>(weekday)];
}

void WorkingTime::append(Instant begin, Instant end) {
  if (end <= begin) return;
  if (!intervals_.empty() && begin <= intervals_.back().end) {
    intervals_.back().end = std::max(intervals_.back().end, end);
    return;
  }
  const Seconds before =
      intervals_.empty() ? 0 : intervals_.back().before + intervals_.back().end - intervals_.back().begin;
  intervals_.push_back({begin, end, before});
}

/// Days come in order and an interval belongs to the day of its start, so starts ascend once a day's are sorted.
void WorkingTime::append_day(std::int64_t day) {
  const Hours& hours = hours_of(day);
  if (hours.empty()) return;
  const std::int64_t midnight = day * day_s;
  const auto& offsets = calendar_.offsets;
  if (instant_of_local(offsets, midnight) == instant_of_local(offsets, midnight + day_s)) return;  // no such date
  const auto add = [&](const LocalHours& part) {
    const std::int64_t start = midnight + part.start;
    append(instant_of_local(offsets, start), instant_of_local(offsets, start + part.length()));
  };
  const auto by_start = [](const LocalHours& a, const LocalHours& b) { return a.start < b.start; };
  if (std::ranges::is_sorted(hours, by_start)) {
    for (const LocalHours& part : hours) add(part);
    return;
  }
  Hours sorted = hours;
  std::ranges::sort(sorted, by_start);
  for (const LocalHours& part : sorted) add(part);
}

/// Two days more on both sides: hours run into the next day, and a local day lies up to one beside the UTC day.
void WorkingTime::cover(Instant from, Instant to) {
  constexpr std::int64_t margin_days = 3, batch_days = 120;
  const std::int64_t first = floor_day(from) - margin_days, last = floor_day(to) + margin_days;
  if (first_day_ == last_day_ || first < first_day_) {
    // Far apart questions do not make everything in between be kept.
    const std::int64_t keep = first_day_ == last_day_ ? last : std::max(last, last_day_);
    intervals_.clear();
    first_day_ = last_day_ = first;
    for (; last_day_ < keep; ++last_day_) append_day(last_day_);
  }
  if (last <= last_day_) return;
  for (const std::int64_t end = last + batch_days; last_day_ < end; ++last_day_) append_day(last_day_);
}

/// Working time before t, since the first interval. `t` is covered.
Seconds WorkingTime::until(Instant t) const {
  const auto it = std::ranges::upper_bound(intervals_, t, {}, &Interval::begin);
  if (it == intervals_.begin()) return 0;
  const Interval& last = *std::prev(it);
  return last.before + std::min(t, last.end) - last.begin;
}

Seconds WorkingTime::elapsed(Instant a, Instant b) {
  if (b <= a) return 0;
  if (calendar_.always) return b - a;
  cover(a, b);
  return until(b) - until(a);
}

std::optional<Instant> WorkingTime::due(Instant a, Seconds d) {
  if (d <= 0) return a;
  if (calendar_.always) return d <= due_search_max ? std::optional(a + d) : std::nullopt;
  // Further with every look: most targets end within days.
  for (Seconds reach = std::min(due_search_max, 4 * d + 7 * day_s);; reach = std::min(due_search_max, reach * 4)) {
    cover(a, a + reach);
    const Seconds wanted = until(a) + d;
    const auto it = std::ranges::lower_bound(intervals_, wanted, {},
                                             [](const Interval& i) { return i.before + (i.end - i.begin); });
    if (it != intervals_.end())
      if (const Instant at = it->begin + (wanted - it->before); at <= a + reach) return at;
    if (reach == due_search_max) return std::nullopt;
  }
}

std::optional<Instant> WorkingTime::next_open(Instant a) {
  const auto at = due(a, 1);
  return at ? std::optional(*at - 1) : std::nullopt;
}

}  // namespace tern::sla
