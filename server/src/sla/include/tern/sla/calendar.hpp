// A business calendar, as settings hold it: local hours for each weekday, exceptions, a zone (rules C1 to C5, C8).
#pragma once

#include <array>
#include <string>
#include <vector>

#include "tern/protocol/error.hpp"
#include "tern/sla/instant.hpp"

namespace tern::sla {

/// [start, end) of a local day, in seconds after its midnight. `end` may be 24:00; end <= start runs into the next day
/// and belongs to the day of its start (C2).
struct LocalHours {
  std::int32_t start = 0;  // 0 to 86,399
  std::int32_t end = 0;    // 0 to 86,400

  [[nodiscard]] std::int32_t length() const { return end > start ? end - start : end - start + std::int32_t{day_s}; }
  bool operator==(const LocalHours&) const = default;
};

/// A date whose hours are not the weekday's (C3). No hours: closed.
struct CalendarException {
  int year = 0;  // 0: every year
  int month = 1, day = 1;
  std::vector<LocalHours> hours;
  std::string name;
  bool operator==(const CalendarException&) const = default;
};

/// From `begin` to the next one's, local time is UTC + offset_s.
struct ZoneOffset {
  Instant begin = 0;
  std::int32_t offset_s = 0;
  bool operator==(const ZoneOffset&) const = default;
};

/// One version of a calendar. What the zone database said when it was saved is part of it (C5), so a later database
/// never changes a past result: it makes a new version.
struct Calendar {
  std::string id;
  std::uint32_t version = 1;
  Instant effective_from = 0;
  Instant committed_at = 0;  // a version never reaches further back than this, but by a Recompute (K11)
  std::string zone = "UTC";
  std::string tz_version;
  std::vector<ZoneOffset> offsets;                // ascending; the first also holds before its begin; empty: UTC
  bool always = false;                            // 24/7: no hours, no exceptions
  std::array<std::vector<LocalHours>, 7> weekly;  // Monday first
  std::vector<CalendarException> exceptions;      // a dated one stands before a yearly one of that day
  bool operator==(const Calendar&) const = default;
};

/// Limits of one calendar.
inline constexpr std::size_t hours_per_day_max = 24, exceptions_max = 2'000, zone_offsets_max = 1'000;
/// How far a due instant is searched (C8).
inline constexpr Seconds due_search_max = 3'653 * day_s;

/// `invalid` (with the field) for hours, dates or offsets outside their ranges, two exceptions for one date, and a
/// calendar that never opens within the years that a search covers (C8), seen from `effective_from`.
Result<void> validate(const Calendar& calendar);

/// UTC instant of a local time given as seconds since 1970 on the wall (C4): a time in a gap is the transition, a time
/// that comes twice is the first. Monotone.
Instant instant_of_local(const std::vector<ZoneOffset>& offsets, std::int64_t local_s);
/// Seconds east of UTC at that instant.
std::int32_t offset_at(const std::vector<ZoneOffset>& offsets, Instant at);

/// "09:30" or "24:00" in seconds; nothing for anything else.
std::optional<std::int32_t> time_of_day_from_text(std::string_view text);

}  // namespace tern::sla
