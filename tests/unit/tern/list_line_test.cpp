#include <algorithm>
#include <iostream>
#include <sstream>

#include "support/catch.hpp"
//
#include "render.hpp"
#include "time_text.hpp"

namespace tern::test {

TEST_CASE("a row of a list fits into the terminal, and ends where its text does", "[apps][terminal]") {
  client::ListRow row;
  row.number = "T-2026-0042";
  row.status = "in progress";
  row.priority = "normal";
  row.assignee = "Bo Berg";
  row.subject = "Pumpe läuft nicht mehr an, seit es so kalt ist";
  const auto columns_of = [](const std::string& line) {
    return std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; });
  };
  const std::string whole = apps::list_line(row, 0);
  CHECK(columns_of(whole) > 80);
  CHECK_THAT(whole, Catch::Contains("Bo Berg"));
  for (const std::size_t columns : {1, 10, 20, 38, 39, 40, 41, 52, 60, 66, 79, 80, 120}) {
    const std::string line = apps::list_line(row, columns);
    INFO(columns << ": " << line);
    CHECK(columns_of(line) <= static_cast<std::ptrdiff_t>(columns));
    CHECK_FALSE(line.ends_with(' '));
  }
  CHECK(apps::list_line(row, 200) == whole);
  CHECK_THAT(apps::list_line(row, 40), Catch::StartsWith("T-2026-0042"));
  CHECK_THAT(apps::list_line(row, 80), Catch::Contains("Bo Berg") && Catch::Contains("Pumpe läuft"));
  row.subject = "x";
  CHECK_FALSE(apps::list_line(row, 0).ends_with(' '));
  row.saved = client::Saved::saved_here;
  CHECK(apps::list_line(row, 0).ends_with("saved here"));
  CHECK(apps::list_line(row, 80).ends_with("saved here"));
}

TEST_CASE("a line of one's history says the window that it happened in, unless it is known to the minute", "[apps]") {
  constexpr std::int64_t minute_ms = 60'000, at_ms = 1'772'710'000'000;
  client::HistoryEntry entry;
  entry.wall_ms = entry.lo_ms = at_ms;
  const auto printed = [&](std::int64_t hi_ms) {
    entry.hi_ms = hi_ms;
    std::ostringstream out;
    std::streambuf* const terminal = std::cout.rdbuf(out.rdbuf());
    apps::print_history({entry}, false);
    std::cout.rdbuf(terminal);
    return out.str();
  };
  const std::string window = "it happened between " + apps::local_minute(at_ms) + " and ";
  CHECK_THAT(printed(at_ms + minute_ms), !Catch::Contains("between"));
  CHECK_THAT(printed(at_ms + 90 * minute_ms), Catch::Contains(window + apps::local_minute(at_ms + 90 * minute_ms)));
}

TEST_CASE("a clock beside a time of the same day leaves the day out", "[apps]") {
  constexpr std::int64_t minute_ms = 60'000, day_ms = 86'400'000, noon_ms = 1'772'710'000'000;
  CHECK(apps::local_clock(noon_ms, noon_ms) == apps::local_minute(noon_ms).substr(11));
  CHECK(apps::local_clock(noon_ms + 2 * day_ms + minute_ms, noon_ms) ==
        apps::local_minute(noon_ms + 2 * day_ms + minute_ms));
}

}  // namespace tern::test
