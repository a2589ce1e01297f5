#include "tern/sla/calendars.hpp"

#include <algorithm>

namespace tern::sla {

Instant in_force_from(Instant effective_from, Instant committed_at, const std::vector<Recompute>& recomputes) {
  Instant from = std::max(effective_from, committed_at);
  for (const Recompute& order : recomputes)
    if (order.committed_at >= committed_at) from = std::min(from, std::max(effective_from, order.from));
  return from;
}

Seconds CalendarTimeline::elapsed(Instant a, Instant b) {
  if (versions_.size() == 1) return versions_.front().time.elapsed(a, b);
  Seconds sum = 0;
  for (std::size_t i = 0; i < versions_.size(); ++i) {
    const Instant begin = i == 0 ? a : std::max(a, versions_[i].from);
    const Instant end = i + 1 == versions_.size() ? b : std::min(b, versions_[i + 1].from);
    if (begin < end) sum += versions_[i].time.elapsed(begin, end);
  }
  return sum;
}

std::optional<Instant> CalendarTimeline::due(Instant a, Seconds d) {
  if (d <= 0) return a;
  for (std::size_t i = 0; i + 1 < versions_.size(); ++i) {
    const Instant begin = i == 0 ? a : std::max(a, versions_[i].from), end = versions_[i + 1].from;
    if (begin >= end) continue;
    const Seconds here = versions_[i].time.elapsed(begin, end);
    if (d <= here) return versions_[i].time.due(begin, d);
    d -= here;
  }
  const auto at = versions_.back().time.due(versions_.size() == 1 ? a : std::max(a, versions_.back().from), d);
  return at && *at - a <= due_search_max ? at : std::nullopt;
}

std::optional<Instant> CalendarTimeline::next_open(Instant a) {
  const auto at = due(a, 1);
  return at ? std::optional(*at - 1) : std::nullopt;
}

const Calendar& CalendarTimeline::version_at(Instant t) const {
  auto it = std::ranges::upper_bound(versions_, t, {}, &Version::from);
  if (it != versions_.begin()) --it;
  return it->time.calendar();
}

Result<void> Calendars::add(Calendar calendar) {
  TERN_CHECKED(validate(calendar));
  auto it = std::ranges::find(
      timelines_, calendar.id, [](const auto& entry) -> const auto& { return entry.first; });
  if (it == timelines_.end()) {
    timelines_.emplace_back(calendar.id, std::make_unique<CalendarTimeline>());
    it = std::prev(timelines_.end());
  }
  auto& versions = it->second->versions_;
  std::erase_if(versions, [&](const auto& old) { return old.time.calendar().version == calendar.version; });
  const Instant from = in_force_from(calendar.effective_from, calendar.committed_at, recomputes_);
  const auto place = std::ranges::find_if(versions, [&](const auto& old) {
    return old.from > from || (old.from == from && old.time.calendar().version > calendar.version);
  });
  versions.insert(place, {from, WorkingTime(std::move(calendar))});
  return {};
}

CalendarTimeline* Calendars::find(std::string_view id) const {
  const auto it = std::ranges::find(
      timelines_, id, [](const auto& entry) -> const auto& { return entry.first; });
  return it == timelines_.end() ? nullptr : it->second.get();
}

}  // namespace tern::sla
