#include "time_text.hpp"

#include <time.h>

#include <chrono>
#include <cstdio>

#include "tern/protocol/limits.hpp"

namespace tern::apps {
namespace {

struct Parsed {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, offset_minutes = 0;
};

bool digits(std::string_view& text, int count, int& out) {
  out = 0;
  for (int i = 0; i < count; ++i) {
    if (text.empty() || text.front() < '0' || text.front() > '9') return false;
    out = out * 10 + (text.front() - '0');
    text.remove_prefix(1);
  }
  return true;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

bool parse_clock(std::string_view& text, Parsed& out) {
  if (!digits(text, 2, out.hour) || !take(text, ':') || !digits(text, 2, out.minute)) return false;
  if (take(text, ':')) {
    if (!digits(text, 2, out.second)) return false;
    if (take(text, '.'))
      while (!text.empty() && text.front() >= '0' && text.front() <= '9') text.remove_prefix(1);
  }
  if (take(text, 'Z')) return text.empty();
  const bool minus = !text.empty() && text.front() == '-';
  if (!minus && (text.empty() || text.front() != '+')) return false;
  text.remove_prefix(1);
  int hours = 0, minutes = 0;
  if (!digits(text, 2, hours) || !take(text, ':') || !digits(text, 2, minutes) || hours > 14 || minutes > 59)
    return false;
  out.offset_minutes = (minus ? -1 : 1) * (hours * 60 + minutes);
  return text.empty();
}

}  // namespace

Result<std::int64_t> parse_time(std::string_view text, std::string_view field) {
  const auto refuse = [&] {
    return fail(ErrorCode::invalid, "\"" + std::string(text) + "\" is no time.",
                "Write 2026-12-01, or 2026-12-01T08:00:00Z.", std::string(field));
  };
  Parsed parsed;
  std::string_view rest = text;
  if (!digits(rest, 4, parsed.year) || !take(rest, '-') || !digits(rest, 2, parsed.month) || !take(rest, '-') ||
      !digits(rest, 2, parsed.day))
    return refuse();
  if (!rest.empty() && (!(take(rest, 'T') || take(rest, ' ')) || !parse_clock(rest, parsed))) return refuse();
  const std::chrono::year_month_day date{std::chrono::year{parsed.year},
                                         std::chrono::month{static_cast<unsigned>(parsed.month)},
                                         std::chrono::day{static_cast<unsigned>(parsed.day)}};
  if (!date.ok() || parsed.year < 1970 || parsed.hour > 23 || parsed.minute > 59 || parsed.second > 59) return refuse();
  const std::int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
  const std::int64_t ms =
      (((days * 24 + parsed.hour) * 60 + parsed.minute - parsed.offset_minutes) * 60 + parsed.second) * 1000;
  if (ms < 0 || ms > limits::instant_ms_max) return refuse();  // an offset leads out of the calendar
  return ms;
}

std::string local_minute(std::int64_t ms) {
  if (ms == 0) return {};
  const time_t seconds = static_cast<time_t>(ms / 1000);
  tm parts{};
  if (::localtime_r(&seconds, &parts) == nullptr) return {};
  char out[32];
  const std::size_t size = std::strftime(out, sizeof out, "%Y-%m-%d %H:%M", &parts);
  return {out, size};
}

std::string local_clock(std::int64_t ms, std::int64_t seen_from_ms) {
  constexpr std::size_t day_letters = 10;
  const std::string whole = local_minute(ms);
  const bool same_day =
      whole.size() > day_letters && whole.substr(0, day_letters) == local_minute(seen_from_ms).substr(0, day_letters);
  return same_day ? whole.substr(day_letters + 1) : whole;
}

}  // namespace tern::apps
