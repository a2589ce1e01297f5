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

TEST_CASE("a list shows how an SLA stands in a word and a length, with colour beside it where there is one",
          "[apps][terminal][sla]") {
  constexpr std::int64_t minute_s = 60, hour_s = 3600, day_s = 86'400;
  const auto wait = [](const char* colour, std::int64_t left_s) {
    client::SlaView out;
    out.metric = "resolution";
    out.colour = colour;
    out.left_s = left_s;
    return out;
  };
  CHECK(apps::sla_cell(wait("green", 2 * hour_s + 10 * minute_s)) == "ok 2h 10m");
  CHECK(apps::sla_cell(wait("yellow", 25 * minute_s + 59)) == "soon 25m");
  CHECK(apps::sla_cell(wait("yellow", 59)) == "soon <1m");
  CHECK(apps::sla_cell(wait("red", -3 * day_s - 4 * hour_s)) == "late 3d 4h");
  client::SlaView paused = wait("blue", 5 * hour_s);
  paused.paused = true;
  CHECK(apps::sla_cell(paused) == "paused 5h");
  paused.left_s = -2 * hour_s;
  CHECK(apps::sla_cell(paused) == "paused <1m");
  client::SlaView far = wait("green", 0);
  far.left_s.reset();
  CHECK(apps::sla_cell(far) == "ok");

  client::ListRow row;
  row.number = "T-2026-0042";
  row.status = "in progress";
  row.priority = "normal";
  row.assignee = "Bo Berg";
  row.subject = "Pump";
  const std::string without = apps::list_line(row, 0);
  CHECK_THAT(apps::list_line(row, 0, {true, false}), Catch::Contains(" -  "));
  row.sla = wait("red", -hour_s);
  CHECK(apps::list_line(row, 0) == without);
  const std::string plain = apps::list_line(row, 80, {true, false});
  CHECK_THAT(plain, Catch::Contains(" late 1h ") && Catch::Contains("Bo Berg") && Catch::Contains("Pump"));
  CHECK(plain.size() <= 80);
  std::string coloured = apps::list_line(row, 80, {true, true});
  CHECK_THAT(coloured, Catch::Contains("\x1b[31mlate 1h\x1b[0m"));
  for (const std::string_view escape : {"\x1b[31m", "\x1b[0m"}) coloured.erase(coloured.find(escape), escape.size());
  CHECK(coloured == plain);
  for (std::size_t columns = 1; columns < 60; ++columns) {  // never half of a colour
    const std::string line = apps::list_line(row, columns, {true, true});
    CHECK((line.find('\x1b') == std::string::npos) == (line.find("\x1b[0m") == std::string::npos));
  }
}

TEST_CASE("a deadline is told in a sentence, with when it was heard of", "[apps][sla]") {
  constexpr std::int64_t noon_ms = 1'772'710'000'000, hour_ms = 3'600'000;
  client::TicketView view;
  view.now_ms = noon_ms;
  view.sla_as_of_ms = noon_ms - hour_ms / 2;
  client::SlaView wait;
  wait.metric = "first_response";
  wait.colour = "green";
  wait.due_ms = noon_ms + 2 * hour_ms;
  wait.left_s = 2 * 3600;
  const std::string due = apps::local_clock(*wait.due_ms, noon_ms);
  const std::string as_of = "as of last sync " + apps::local_clock(view.sla_as_of_ms, noon_ms);
  CHECK(apps::sla_sentence(view, wait) == "first response due " + due + " (in 2 h, " + as_of + ")");
  wait.colour = "yellow";
  view.row.saved = client::Saved::saved_here;
  CHECK(apps::sla_sentence(view, wait) ==
        "first response due soon, at " + due + " (in 2 h, " + as_of + ", without your work on its way)");
  view.row.saved = client::Saved::confirmed;
  wait.colour = "red";
  wait.left_s = -150;
  CHECK(apps::sla_sentence(view, wait) == "first response late: was due " + due + " (2 min ago, " + as_of + ")");
  wait.colour = "blue";
  wait.due_ms.reset();
  wait.left_s = 5'400;
  view.waits_since_ms = noon_ms - hour_ms;
  CHECK(apps::sla_sentence(view, wait) == "first response paused since " +
                                              apps::local_clock(noon_ms - hour_ms, noon_ms) + ", 1 h 30 min left (" +
                                              as_of + ")");
}

TEST_CASE("a clock beside a time of the same day leaves the day out", "[apps]") {
  constexpr std::int64_t minute_ms = 60'000, day_ms = 86'400'000, noon_ms = 1'772'710'000'000;
  CHECK(apps::local_clock(noon_ms, noon_ms) == apps::local_minute(noon_ms).substr(11));
  CHECK(apps::local_clock(noon_ms + 2 * day_ms + minute_ms, noon_ms) ==
        apps::local_minute(noon_ms + 2 * day_ms + minute_ms));
}

}  // namespace tern::test
