// All versions of all calendars, as one time line each, and the cache of what they expand to (rule K11).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tern/sla/working_time.hpp"

namespace tern::sla {

/// An administrator's signed order to judge anew what began at `from` or later, with everything that was committed when
/// the order was (K11). Without one, nothing reaches back behind its own commit, so stopped cycles stay.
struct Recompute {
  Instant from = 0;
  Instant committed_at = 0;
  std::string reason;
};

/// From when a version counts.
Instant in_force_from(Instant effective_from, Instant committed_at, const std::vector<Recompute>& recomputes);

/// The versions of one calendar, one after the other. The first also holds before it is in force.
class CalendarTimeline {
public:
  Seconds elapsed(Instant a, Instant b);
  std::optional<Instant> due(Instant a, Seconds d);
  std::optional<Instant> next_open(Instant a);
  [[nodiscard]] const Calendar& version_at(Instant t) const;

private:
  friend class Calendars;
  struct Version {
    Instant from;
    WorkingTime time;
  };
  std::vector<Version> versions_;
};

/// Built once from the ledger's calendar entries. The expansions in it are a cache: dropping the object loses nothing.
/// Not for two threads at once.
class Calendars {
public:
  explicit Calendars(std::vector<Recompute> recomputes = {}) : recomputes_(std::move(recomputes)) {}

  /// `invalid` as `validate` says; a version that is there already is replaced.
  Result<void> add(Calendar calendar);
  /// nullptr when no calendar has that id. Stays valid until the next `add`.
  [[nodiscard]] CalendarTimeline* find(std::string_view id) const;

private:
  std::vector<Recompute> recomputes_;
  std::vector<std::pair<std::string, std::unique_ptr<CalendarTimeline>>> timelines_;
};

}  // namespace tern::sla
