// Times for people and for JSON, in UTC: the core knows no other zone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tern::client {

/// "2026-03-05T11:02:07.250Z". Years outside 0..9999 are clamped.
std::string rfc3339(std::int64_t ms);
/// "11:02 UTC" on the day of `seen_from_ms`, else "2026-03-05 11:02 UTC".
std::string clock_text(std::int64_t ms, std::int64_t seen_from_ms);
int year_of(std::int64_t ms);

}  // namespace tern::client
