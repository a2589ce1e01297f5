#include "time_text.hpp"

#include <fmt/format.h>

#include <chrono>

namespace tern::server {

std::string instant_text(std::int64_t ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> at{milliseconds{ms}};
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss<milliseconds> time{at - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count(), time.subseconds().count());
}

std::optional<std::int64_t> parse_instant(std::string_view text) {
  const auto number = [&](std::size_t digits) -> std::optional<int> {
    if (text.size() < digits) return std::nullopt;
    int out = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (text[i] < '0' || text[i] > '9') return std::nullopt;
      out = out * 10 + (text[i] - '0');
    }
    text.remove_prefix(digits);
    return out;
  };
  const auto take = [&](char wanted) {
    if (text.empty() || text.front() != wanted) return false;
    text.remove_prefix(1);
    return true;
  };
  int parts[6];
  constexpr char behind[] = {'-', '-', 'T', ':', ':', 0};
  for (int i = 0; i < 6; ++i) {
    const auto part = number(i == 0 ? 4 : 2);
    if (!part || (behind[i] != 0 && !take(behind[i]))) return std::nullopt;
    parts[i] = *part;
  }
  std::int64_t fraction_ms = 0;
  if (take('.')) {
    std::int64_t unit = 100;
    const std::size_t before = text.size();
    for (; !text.empty() && unit > 0 && text.front() >= '0' && text.front() <= '9'; unit /= 10)
      fraction_ms += unit * *number(1);
    if (text.size() == before) return std::nullopt;
  }
  using namespace std::chrono;
  const year_month_day date{year{parts[0]}, month{static_cast<unsigned>(parts[1])},
                            day{static_cast<unsigned>(parts[2])}};
  if (!take('Z') || !text.empty() || parts[0] == 0 || !date.ok() || parts[3] > 23 || parts[4] > 59 || parts[5] > 59)
    return std::nullopt;
  const std::int64_t days = sys_days{date}.time_since_epoch().count();
  return (((days * 24 + parts[3]) * 60 + parts[4]) * 60 + parts[5]) * 1000 + fraction_ms;
}

}  // namespace tern::server
