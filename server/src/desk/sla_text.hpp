// How people write working hours, dates, durations and conditions of SLA rules: the attributes of `calendar` and
// `sla_rule` records (docs/sla.md). Errors name the words that cannot be read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tern/sla/calendar.hpp"
#include "tern/sla/policy.hpp"

namespace tern::server {

/// "4h", "1h 30m", "90s", "2d" (48 hours). Longer than nothing.
Result<sla::Seconds> duration_from_text(std::string_view text, std::string_view field);

/// Entries behind ";" or a new line: "mon-fri 09:00-18:00", "mon,wed 09:00-12:00,13:00-17:00"; "24/7" alone.
Result<void> read_hours(std::string_view text, sla::Calendar& calendar);
/// "2026-12-24 09:00-13:00 Christmas Eve", "12-25" (every year, closed), "2026-08-24 closed".
Result<std::vector<sla::CalendarException>> holidays_from_text(std::string_view text);

/// A condition a line: "priority=urgent". Lines of one field are alternatives, different fields must all hold.
Result<std::vector<sla::Condition>> conditions_from_text(std::string_view text);
std::string condition_word(sla::RuleField field);

/// "50%,100%,2h"; "none".
Result<std::vector<sla::LateLevel>> late_levels_from_text(std::string_view text);
/// A metric a line: "resolution=on_hold,waiting", "first_response=none".
Result<void> read_pauses(std::string_view text, sla::Terms& terms);

/// All of it; nothing where it is something else.
std::optional<std::int64_t> integer_of_text(std::string_view text);

/// Parts between separators, without blanks around them; empty ones are left out.
std::vector<std::string_view> words_between(std::string_view text, std::string_view separators);

}  // namespace tern::server
