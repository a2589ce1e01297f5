#include "zone.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>

namespace tern::server {
namespace {

constexpr std::int64_t day_seconds = 86'400;
constexpr std::size_t file_bytes_max = 1 << 20;

/// Days since 1970 of a civil date, proleptic Gregorian.
std::int64_t days_of(std::int64_t year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719'468;
}

int year_of_days(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const std::int64_t day_of_era = days - era * 146'097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month = (5 * day_of_year + 2) / 153;
  return static_cast<int>(year_of_era + era * 400 + (month >= 10 ? 1 : 0));
}

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}
bool is_leap(int year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

struct Counts {
  std::size_t is_ut, is_std, leap, time, type, abbreviation;
};

constexpr std::size_t header_bytes = 44;

bool read_counts(std::string_view file, Counts& counts) {
  if (file.size() < header_bytes || !file.starts_with("TZif")) return false;
  const auto at = [&](std::size_t i) { return static_cast<std::size_t>(big_endian(file.substr(20 + 4 * i, 4))); };
  counts = {at(0), at(1), at(2), at(3), at(4), at(5)};
  const std::size_t most = file_bytes_max;
  return counts.is_ut < most && counts.is_std < most && counts.leap < most && counts.time < most && counts.type > 0 &&
         counts.type <= 256 && counts.abbreviation < most;
}

std::size_t data_bytes(const Counts& counts, std::size_t time_bytes) {
  return counts.time * (time_bytes + 1) + counts.type * 6 + counts.abbreviation + counts.leap * (time_bytes + 4) +
         counts.is_std + counts.is_ut;
}

/// Digits with a bound; false when there are none.
bool take_number(std::string_view& text, int& value) {
  std::size_t n = 0;
  value = 0;
  while (n < text.size() && n < 4 && text[n] >= '0' && text[n] <= '9') value = value * 10 + (text[n++] - '0');
  text.remove_prefix(n);
  return n > 0;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

/// [+-]hh[:mm[:ss]] in seconds.
bool take_time(std::string_view& text, std::int32_t& seconds) {
  const bool negative = take(text, '-');
  if (!negative) take(text, '+');
  int hours = 0, minutes = 0, rest = 0;
  if (!take_number(text, hours)) return false;
  if (take(text, ':') && (!take_number(text, minutes) || (take(text, ':') && !take_number(text, rest)))) return false;
  seconds = (hours * 60 + minutes) * 60 + rest;
  if (negative) seconds = -seconds;
  return true;
}

bool skip_name(std::string_view& text) {
  if (take(text, '<')) {
    const std::size_t end = text.find('>');
    if (end == std::string_view::npos) return false;
    text.remove_prefix(end + 1);
    return true;
  }
  std::size_t n = 0;
  while (n < text.size() && std::isalpha(static_cast<unsigned char>(text[n])) != 0) ++n;
  text.remove_prefix(n);
  return n >= 3;
}

}  // namespace

bool Zone::parse_rule(std::string_view& text, RuleDay& rule) {
  if (take(text, 'M')) {
    if (!take_number(text, rule.month) || !take(text, '.') || !take_number(text, rule.week) || !take(text, '.') ||
        !take_number(text, rule.day))
      return false;
    if (rule.month < 1 || rule.month > 12 || rule.week < 1 || rule.week > 5 || rule.day > 6) return false;
  } else {
    rule.julian = take(text, 'J');
    if (!take_number(text, rule.year_day) || rule.year_day > 365) return false;
  }
  return !take(text, '/') || take_time(text, rule.seconds);
}

bool Zone::parse_footer(std::string_view text, Footer& footer) {
  std::int32_t west = 0;
  if (!skip_name(text) || !take_time(text, west)) return false;
  footer.standard = -west;
  if (text.empty()) return true;
  if (!skip_name(text)) return false;
  footer.has_summer = true;
  footer.summer = footer.standard + 3600;
  if (!text.starts_with(',')) {
    if (!take_time(text, west)) return false;
    footer.summer = -west;
  }
  return take(text, ',') && parse_rule(text, footer.begin) && take(text, ',') && parse_rule(text, footer.end) &&
         text.empty();
}

/// Local wall time of a rule, as seconds since 1970 as if it were UTC.
std::int64_t Zone::rule_time(const RuleDay& rule, int year) {
  std::int64_t day = 0;
  if (rule.month == 0) {
    day = days_of(year, 1, 1) + rule.year_day;
    if (rule.julian) day += is_leap(year) && rule.year_day >= 60 ? 0 : -1;
  } else {
    const std::int64_t first = days_of(year, rule.month, 1);
    const std::int64_t weekday = ((first + 4) % 7 + 7) % 7;  // 1970-01-01 was a Thursday
    day = first + (rule.day - weekday + 7) % 7 + (rule.week - 1) * 7;
    const std::int64_t next = rule.month == 12 ? days_of(year + 1, 1, 1) : days_of(year, rule.month + 1, 1);
    while (day >= next) day -= 7;
  }
  return day * day_seconds + rule.seconds;
}

std::int32_t Zone::footer_offset(std::int64_t unix_seconds) const {
  if (!footer_.has_summer) return footer_.standard;
  const int year = year_of_days(floor_div(unix_seconds + footer_.standard, day_seconds));
  const std::int64_t begin = rule_time(footer_.begin, year) - footer_.standard;
  const std::int64_t end = rule_time(footer_.end, year) - footer_.summer;
  const bool summer =
      begin < end ? unix_seconds >= begin && unix_seconds < end : unix_seconds >= begin || unix_seconds < end;
  return summer ? footer_.summer : footer_.standard;
}

Result<Zone> Zone::parse(std::string_view file) {
  const auto damaged = [] { return fail(ErrorCode::corrupt, "a zone file is damaged"); };
  Counts counts{};
  std::size_t time_bytes = 4;
  if (!read_counts(file, counts)) return damaged();
  if (file[4] >= '2') {
    const std::size_t skip = header_bytes + data_bytes(counts, 4);
    if (file.size() < skip) return damaged();
    file.remove_prefix(skip);
    if (!read_counts(file, counts)) return damaged();
    time_bytes = 8;
  }
  file.remove_prefix(header_bytes);
  const std::size_t data = data_bytes(counts, time_bytes);
  if (file.size() < data) return damaged();

  const std::string_view types = file.substr(counts.time * (time_bytes + 1));
  const auto offset_of = [&](std::size_t type) {
    return static_cast<std::int32_t>(big_endian(types.substr(type * 6, 4)));
  };
  Zone zone;
  zone.before_ = offset_of(0);
  for (std::size_t i = 0; i < counts.time; ++i) {
    const std::uint64_t raw = big_endian(file.substr(i * time_bytes, time_bytes));
    const auto type = static_cast<unsigned char>(file[counts.time * time_bytes + i]);
    if (type >= counts.type) return damaged();
    const std::int64_t from = time_bytes == 8 ? static_cast<std::int64_t>(raw) : static_cast<std::int32_t>(raw);
    zone.steps_.push_back({from, offset_of(type)});
  }
  if (!std::is_sorted(zone.steps_.begin(), zone.steps_.end(),
                      [](const Step& a, const Step& b) { return a.from < b.from; }))
    return damaged();
  if (std::string_view rest = file.substr(data); time_bytes == 8 && rest.starts_with('\n')) {
    rest.remove_prefix(1);
    const std::string_view text = rest.substr(0, rest.find('\n'));
    zone.has_footer_ = !text.empty() && parse_footer(text, zone.footer_);
  }
  return zone;
}

Result<Zone> Zone::open(std::string_view name, const std::string& directory) {
  const auto unknown = [&] {
    return fail(ErrorCode::invalid, "there is no time zone " + std::string(name), "use a name like Europe/Berlin",
                "zone");
  };
  const bool plain =
      !name.empty() && name.size() <= 64 && name.front() != '/' && name.find("..") == std::string_view::npos &&
      std::all_of(name.begin(), name.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '/' || c == '_' || c == '-' || c == '+';
      });
  if (!plain) return unknown();
  if (name == "UTC") return Zone{};
  std::ifstream in(directory + "/" + std::string(name), std::ios::binary);
  if (!in) return unknown();
  const std::string file{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (file.size() > file_bytes_max) return unknown();
  auto zone = parse(file);
  if (!zone) return unknown();
  return zone;
}

std::int32_t Zone::offset_at(std::int64_t unix_seconds) const {
  const auto after = std::upper_bound(steps_.begin(), steps_.end(), unix_seconds,
                                      [](std::int64_t at, const Step& step) { return at < step.from; });
  if (after == steps_.end() && has_footer_) return footer_offset(unix_seconds);
  return after == steps_.begin() ? before_ : std::prev(after)->offset;
}

std::int64_t Zone::first_at(std::int64_t local_seconds) const {
  std::int64_t low = local_seconds - day_seconds, high = local_seconds + day_seconds;  // no zone is further from UTC
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (middle + offset_at(middle) >= local_seconds)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

std::int64_t Zone::days_before(std::int64_t unix_seconds, std::int64_t days) const {
  return first_at(unix_seconds + offset_at(unix_seconds) - days * day_seconds);
}

std::int64_t Zone::day_of(std::int64_t unix_seconds) const {
  return floor_div(unix_seconds + offset_at(unix_seconds), day_seconds);
}

int Zone::year_of(std::int64_t unix_ms) const {
  const std::int64_t seconds = floor_div(unix_ms, 1000);
  return year_of_days(floor_div(seconds + offset_at(seconds), day_seconds));
}

}  // namespace tern::server
