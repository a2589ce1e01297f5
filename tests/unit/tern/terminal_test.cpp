#include "support/catch.hpp"
//
#include "terminal.hpp"

namespace tern::test {

using apps::Lines;
using apps::safe;

TEST_CASE("text for people keeps letters and shows what would command the terminal", "[apps][terminal]") {
  const std::string mark = "\xEF\xBF\xBD";
  CHECK(safe("Pumpe läuft 東京 😀") == "Pumpe läuft 東京 😀");
  CHECK(safe("a\x1b[31mb") == "a" + mark + "[31mb");
  CHECK(safe(std::string_view("a\0b\x7F", 4)) == "a" + mark + "b" + mark);
  CHECK(safe("a\xC2\x9B"
             "31m") == "a" + mark + "31m");
  CHECK(safe("a\r\nb\tc") == "a  b c");
  CHECK(safe("a\nb\r", Lines::kept) == "a\nb ");
  for (const char* turning : {"\u061C", "\u200E", "\u200F", "\u202A", "\u202E", "\u2066", "\u2069", "\u2028"})
    CHECK(safe(turning) == mark);
  CHECK(safe("\u200D\u2030") == "\u200D\u2030");
  // Bytes that are no UTF-8: a terminal of 8 bits would take them as C1.
  CHECK(safe("\x9B"
             "1m") == mark + "1m");
  CHECK(safe("\xE2\x80") == mark + mark);
  CHECK(safe("\xC0\x9B") == mark + mark);
  CHECK(safe("\xED\xA0\x80") == mark + mark + mark);
}

}  // namespace tern::test
