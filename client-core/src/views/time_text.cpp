#include "views/time_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tern::client {
namespace {

constexpr std::int64_t moment_day_ms = 86'400'000;
constexpr std::int64_t year_0_ms = -62'167'219'200'000;
constexpr std::int64_t year_9999_ms = 253'402'300'799'999;

struct Moment {
  std::int64_t day = 0;  // since 1970
  int year = 1970;
  int month = 1, day_of_month = 1, hour = 0, minute = 0, second = 0, ms = 0;
};

/// The Gregorian calendar, in eras of 400 years that begin in March.
Moment moment_of(std::int64_t ms) {
  ms = std::clamp(ms, year_0_ms, year_9999_ms);
  Moment m;
  m.day = ms >= 0 ? ms / moment_day_ms : -((-ms + moment_day_ms - 1) / moment_day_ms);
  const int rest = static_cast<int>(ms - m.day * moment_day_ms);
  m.hour = rest / 3'600'000;
  m.minute = rest / 60'000 % 60;
  m.second = rest / 1000 % 60;
  m.ms = rest % 1000;

  const std::int64_t shifted = m.day + 719'468;
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const int day_of_era = static_cast<int>(shifted - era * 146'097);
  const int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int month_from_march = (5 * day_of_year + 2) / 153;
  m.day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  m.month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  m.year = static_cast<int>(era * 400) + year_of_era + (m.month <= 2 ? 1 : 0);
  return m;
}

}  // namespace

std::string rfc3339(std::int64_t ms) {
  const Moment m = moment_of(ms);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", m.year, m.month, m.day_of_month, m.hour, m.minute,
                     m.second, m.ms);
}

std::string clock_text(std::int64_t ms, std::int64_t seen_from_ms) {
  const Moment m = moment_of(ms);
  if (m.day == moment_of(seen_from_ms).day) return fmt::format("{:02}:{:02} UTC", m.hour, m.minute);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02} UTC", m.year, m.month, m.day_of_month, m.hour, m.minute);
}

int year_of(std::int64_t ms) {
  return moment_of(ms).year;
}

}  // namespace tern::client
