// Instants of the SLA clock: whole seconds since 1970, UTC (rule C1), and how people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tern::sla {

using Instant = std::int64_t;  // seconds since 1970-01-01T00:00:00Z
using Seconds = std::int64_t;

inline constexpr Seconds minute_s = 60, hour_s = 3600, day_s = 86'400;

/// 1780481700 -> "2026-06-03T10:15:00Z"
std::string instant_text(Instant at);
/// As the wall shows it where the offset holds: "2026-06-03T13:15:00+03:00".
std::string local_text(Instant at, std::int32_t offset_s);
/// RFC 3339 in UTC; a second's fraction is cut off. Nothing for anything else, or outside the years 1970 to 2199.
std::optional<Instant> instant_from_text(std::string_view text);

/// "1 h 30 min", "-2 h", "45 s", "0 s": for explanations.
std::string duration_text(Seconds seconds);

/// Days since 1970 of a civil date; nothing when it does not exist.
std::optional<std::int64_t> day_from_date(int year, int month, int day);

}  // namespace tern::sla
