// A time zone's rules, read from the system's zone files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/error.hpp"

namespace tern::server {

/// A value. Copies and compares nothing; thread-safe to read.
class Zone {
public:
  /// UTC.
  Zone() = default;
  /// An IANA name ("Europe/Berlin"). `invalid` (field "zone") when it is none or the system has no such file.
  static Result<Zone> open(std::string_view name, const std::string& directory = "/usr/share/zoneinfo");
  /// The bytes of a zone file (RFC 8536, version 2 or later; version 1 is read too). `corrupt` otherwise.
  static Result<Zone> parse(std::string_view file);

  /// Seconds east of UTC at that time.
  [[nodiscard]] std::int32_t offset_at(std::int64_t unix_seconds) const;
  /// From when on it is that local time, counted as if it were UTC, or later: where clocks go forward over it, behind
  /// the gap; where they go back over it, one of the two.
  [[nodiscard]] std::int64_t first_at(std::int64_t local_seconds) const;
  /// The same time of day, so many days before; where there was none, behind the gap.
  [[nodiscard]] std::int64_t days_before(std::int64_t unix_seconds, std::int64_t days) const;
  /// Of which day it is, since 1970.
  [[nodiscard]] std::int64_t day_of(std::int64_t unix_seconds) const;
  /// The calendar year of a time in milliseconds.
  [[nodiscard]] int year_of(std::int64_t unix_ms) const;

private:
  struct Step {
    std::int64_t from;
    std::int32_t offset;
  };
  /// The day a rule of the footer names: M month.week.day, or a day of the year.
  struct RuleDay {
    int month = 0, week = 0, day = 0;
    int year_day = -1;  // Jn (1..365, no 29 February) when `julian`, else 0..365
    bool julian = false;
    std::int32_t seconds = 7200;
  };
  struct Footer {
    std::int32_t standard = 0, summer = 0;
    bool has_summer = false;
    RuleDay begin, end;
  };

  static bool parse_footer(std::string_view text, Footer& footer);
  static bool parse_rule(std::string_view& text, RuleDay& rule);
  static std::int64_t rule_time(const RuleDay& rule, int year);
  [[nodiscard]] std::int32_t footer_offset(std::int64_t unix_seconds) const;

  std::int32_t before_ = 0;
  std::vector<Step> steps_;
  bool has_footer_ = false;
  Footer footer_;
};

}  // namespace tern::server
