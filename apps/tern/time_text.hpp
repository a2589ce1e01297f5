// Times as people type and read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tern/protocol/error.hpp"

namespace tern::apps {

/// "2026-12-01T08:00:00Z", "2026-12-01T08:00+02:00" or "2026-12-01" (midnight UTC) -> ms. `invalid` with `field`.
Result<std::int64_t> parse_time(std::string_view text, std::string_view field);
/// "2026-12-01 08:00" in the machine's zone; empty for 0.
std::string local_minute(std::int64_t ms);
/// As local_minute; without the day when that is the day of `seen_from_ms`.
std::string local_clock(std::int64_t ms, std::int64_t seen_from_ms);

}  // namespace tern::apps
