// Time zones from the system's database: the only room that knows the date library. Reads files; everything else of the
// SLA clock works on what is returned here (rule C5).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tern/sla/calendar.hpp"

namespace tern::sla {

/// The release of the installed database, such as "2025b"; empty when it does not say.
std::string tz_database_version();

/// The offsets of an IANA zone over [from, until). `invalid` (field "zone") when the database has no such zone.
Result<std::vector<ZoneOffset>> zone_offsets(std::string_view zone, Instant from, Instant until);

/// Sets offsets and tz_version of a calendar from the installed database, from a year before `from` for 13 years.
Result<void> pin_zone(Calendar& calendar, Instant from);

/// The version that an installed database of another release makes of `calendar` as of `now`; nothing when its zone's
/// offsets from now on are what the calendar holds.
Result<std::optional<Calendar>> next_version_for_database(const Calendar& calendar, Instant now);

}  // namespace tern::sla
