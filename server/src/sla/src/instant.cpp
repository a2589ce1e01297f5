#include "tern/sla/instant.hpp"

#include <fmt/format.h>

#include <chrono>

namespace tern::sla {
namespace {

constexpr int year_min = 1970, year_max = 2199;

std::string wall_text(Instant local) {
  using namespace std::chrono;
  const sys_seconds at{seconds{local}};
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss<seconds> time{at - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count());
}

/// Takes exactly `digits` digits off the front; -1 when they are not there.
int take_digits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return -1;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take_char(std::string_view& text, char wanted) {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string instant_text(Instant at) {
  return wall_text(at) + "Z";
}

std::string local_text(Instant at, std::int32_t offset_s) {
  const std::int32_t minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
  return wall_text(at + offset_s) + fmt::format("{}{:02}:{:02}", offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

std::optional<Instant> instant_from_text(std::string_view text) {
  int parts[6];
  constexpr char behind[] = {'-', '-', 'T', ':', ':', 0};
  for (int i = 0; i < 6; ++i) {
    parts[i] = take_digits(text, i == 0 ? 4 : 2);
    if (parts[i] < 0 || (behind[i] != 0 && !take_char(text, behind[i]))) return std::nullopt;
  }
  if (take_char(text, '.')) {
    std::size_t digits = 0;
    while (!text.empty() && take_digits(text, 1) >= 0) ++digits;
    if (digits == 0 || digits > 9) return std::nullopt;
  }
  if (!take_char(text, 'Z') || !text.empty()) return std::nullopt;
  const auto day = day_from_date(parts[0], parts[1], parts[2]);
  if (!day || parts[0] < year_min || parts[0] > year_max || parts[3] > 23 || parts[4] > 59 || parts[5] > 59)
    return std::nullopt;
  return *day * day_s + parts[3] * hour_s + parts[4] * minute_s + parts[5];
}

std::string duration_text(Seconds seconds) {
  const Seconds size = seconds < 0 ? -seconds : seconds;
  std::string text;
  const auto add = [&](Seconds value, const char* unit) {
    if (value > 0) text += fmt::format("{}{} {}", text.empty() ? "" : " ", value, unit);
  };
  add(size / hour_s, "h");
  add(size % hour_s / minute_s, "min");
  add(size % minute_s, "s");
  if (text.empty()) return "0 s";
  return seconds < 0 ? "-" + text : text;
}

std::optional<std::int64_t> day_from_date(int year, int month, int day) {
  using namespace std::chrono;
  const year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                            std::chrono::day{static_cast<unsigned>(day)}};
  if (month < 1 || day < 1 || !date.ok()) return std::nullopt;
  return sys_days{date}.time_since_epoch().count();
}

}  // namespace tern::sla
