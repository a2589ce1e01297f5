#include <date/tz.h>

#include <fstream>
#include <stdexcept>

#include "tern/sla/zones.hpp"

namespace tern::sla {
namespace {

using date::sys_seconds;
using std::chrono::seconds;

constexpr std::size_t version_bytes_max = 20;
constexpr Seconds pinned_before = 366 * day_s, pinned_after = 13 * 366 * day_s;

}  // namespace

std::string tz_database_version() {
  try {
    if (const std::string& version = date::get_tzdb().version; !version.empty() && version != "unknown") return version;
  } catch (const std::exception&) {
    return {};
  }
  // Debian's database says so only in the first line of its text form.
  constexpr std::string_view head = "# version ";
  std::ifstream in("/usr/share/zoneinfo/tzdata.zi");
  std::string line;
  if (!std::getline(in, line) || !line.starts_with(head)) return {};
  return line.substr(head.size(), version_bytes_max);
}

Result<std::vector<ZoneOffset>> zone_offsets(std::string_view zone, Instant from, Instant until) {
  try {
    const date::time_zone* found = date::locate_zone(std::string(zone));
    std::vector<ZoneOffset> offsets;
    for (sys_seconds at{seconds{from}}; at < sys_seconds{seconds{until}};) {
      const date::sys_info info = found->get_info(at);
      const auto offset = static_cast<std::int32_t>(info.offset.count());
      if (offsets.empty() || offsets.back().offset_s != offset)
        offsets.push_back({offsets.empty() ? from : at.time_since_epoch().count(), offset});
      if (info.end <= at) break;
      at = info.end;
    }
    return offsets;
  } catch (const std::exception&) {
    return fail(ErrorCode::invalid, "there is no time zone " + std::string(zone), "use a name like Europe/Berlin",
                "zone");
  }
}

Result<void> pin_zone(Calendar& calendar, Instant from) {
  TERN_TRY(calendar.offsets, zone_offsets(calendar.zone, from - pinned_before, from + pinned_after));
  calendar.tz_version = tz_database_version();
  return {};
}

Result<std::optional<Calendar>> next_version_for_database(const Calendar& calendar, Instant now) {
  if (calendar.tz_version == tz_database_version()) return std::optional<Calendar>{};
  TERN_TRY(const auto installed, zone_offsets(calendar.zone, now, now + due_search_max));
  bool same = true;
  for (Instant at = now; same && at < now + due_search_max; at += hour_s)
    same = offset_at(installed, at) == offset_at(calendar.offsets, at);
  if (same) return std::optional<Calendar>{};
  Calendar next = calendar;
  ++next.version;
  next.effective_from = next.committed_at = now;
  TERN_CHECKED(pin_zone(next, now));
  return std::optional(std::move(next));
}

}  // namespace tern::sla
