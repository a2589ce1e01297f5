// A calendar version expanded into UTC intervals, and the two questions that the clock asks of it (rule C6).
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "tern/sla/calendar.hpp"

namespace tern::sla {

/// Expands as far as it is asked, and keeps that. An answer never depends on what was asked before. Not for two threads
/// at once.
class WorkingTime {
public:
  /// `calendar` has been validated.
  explicit WorkingTime(Calendar calendar);

  /// Measure of working time in [a, b); 0 when b <= a.
  Seconds elapsed(Instant a, Instant b);
  /// The smallest t >= a with elapsed(a, t) >= d: a target that ends at closing time is due at closing time. Nothing
  /// when there is none within `due_search_max` (C8).
  std::optional<Instant> due(Instant a, Seconds d);
  /// The first working instant at or after a.
  std::optional<Instant> next_open(Instant a);

  [[nodiscard]] const Calendar& calendar() const { return calendar_; }

private:
  struct Interval {
    Instant begin, end;
    Seconds before;  // working time since the first interval
  };
  using Hours = std::vector<LocalHours>;

  void cover(Instant from, Instant to);
  void append_day(std::int64_t day);
  void append(Instant begin, Instant end);
  [[nodiscard]] const Hours& hours_of(std::int64_t day) const;
  [[nodiscard]] Seconds until(Instant t) const;

  Calendar calendar_;
  std::vector<std::pair<std::int64_t, std::size_t>> dated_;  // local day -> exception
  std::vector<std::pair<int, std::size_t>> yearly_;          // month * 32 + day -> exception
  std::vector<Interval> intervals_;                          // of the local days [first_day_, last_day_), united
  std::int64_t first_day_ = 0, last_day_ = 0;
};

}  // namespace tern::sla
