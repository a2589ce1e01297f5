#include "qr.hpp"

#include <array>
#include <vector>

#include "support/catch.hpp"

namespace tern::test {
namespace {

constexpr int quiet_zone = 2;

/// Dark modules by row, as half blocks draw them; the quiet zone is light, and left out.
std::vector<std::vector<bool>> modules_of(const std::string& text) {
  static constexpr std::array<std::string_view, 4> blocks = {"█", "▀", "▄", " "};  // what is drawn is light
  std::vector<std::vector<bool>> rows;
  for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(1)) {
    std::vector<bool> upper, lower;
    while (rest.front() != '\n') {
      std::size_t which = 0;
      while (which < blocks.size() && !rest.starts_with(blocks[which])) ++which;
      REQUIRE(which < blocks.size());
      rest.remove_prefix(blocks[which].size());
      upper.push_back(which >= 2);
      lower.push_back(which % 2 == 1);
    }
    rows.push_back(upper);
    rows.push_back(lower);
  }
  const std::size_t width = rows.at(0).size() - 2 * quiet_zone;
  std::vector<std::vector<bool>> code(width, std::vector<bool>(width));
  for (std::size_t y = 0; y < rows.size(); ++y) {
    REQUIRE(rows[y].size() == width + 2 * quiet_zone);
    for (std::size_t x = 0; x < rows[y].size(); ++x) {
      const std::size_t at_x = x - quiet_zone, at_y = y - quiet_zone;
      if (at_x < width && at_y < width)
        code[at_y][at_x] = rows[y][x];
      else
        REQUIRE_FALSE(rows[y][x]);
    }
  }
  return code;
}

bool is_flipped(int mask, int x, int y) {
  switch (mask) {
    case 0:
      return (x + y) % 2 == 0;
    case 1:
      return y % 2 == 0;
    case 2:
      return x % 3 == 0;
    case 3:
      return (x + y) % 3 == 0;
    case 4:
      return (x / 3 + y / 2) % 2 == 0;
    case 5:
      return x * y % 2 + x * y % 3 == 0;
    case 6:
      return (x * y % 2 + x * y % 3) % 2 == 0;
    default:
      return ((x + y) % 2 + x * y % 3) % 2 == 0;
  }
}

/// What stands in a code of the smallest size, as ISO 18004 says: one block, bytes.
std::string read_smallest(const std::vector<std::vector<bool>>& code) {
  REQUIRE(code.size() == 21);
  const int mask = (code[8][2] ? 0 : 4) + (code[8][3] ? 2 : 0) + (code[8][4] ? 0 : 1);
  std::vector<bool> bits;
  bool upwards = true;
  for (int right = 20; right > 0; right -= 2, upwards = !upwards) {
    if (right == 6) --right;  // the column of the timing pattern
    for (int step = 0; step < 21; ++step)
      for (int x = right; x > right - 2; --x) {
        const int y = upwards ? 20 - step : step;
        const bool fixed = (x < 9 && y < 9) || (x > 12 && y < 9) || (x < 9 && y > 12) || x == 6 || y == 6;
        const auto row = static_cast<std::size_t>(y), column = static_cast<std::size_t>(x);
        if (!fixed) bits.push_back(code[row][column] != is_flipped(mask, x, y));
      }
  }
  std::size_t at = 0;
  const auto number = [&](int width) {
    unsigned value = 0;
    while (width-- > 0) value = value * 2 + (bits.at(at++) ? 1 : 0);
    return value;
  };
  REQUIRE(number(4) == 4);  // bytes
  std::string out(number(8), '\0');
  for (char& c : out) c = static_cast<char>(number(8));
  return out;
}

}  // namespace

TEST_CASE("the code of a link is drawn as it is read: in place, upright, light on dark with its quiet zone",
          "[apps][qr]") {
  for (const char* text : {"tern:AB-12", "x", "https://a.b/c"}) {
    const auto code = modules_of(apps::qr_text(text));
    CHECK(read_smallest(code) == text);
    for (const auto& [corner_x, corner_y] : {std::pair{0U, 0U}, {14U, 0U}, {0U, 14U}})
      for (std::size_t i = 0; i < 7; ++i) {
        CHECK(code[corner_y][corner_x + i]);
        CHECK(code[corner_y + i][corner_x]);
      }
  }
}

TEST_CASE("a longer link makes a larger code, and one too long for a code makes none", "[apps][qr]") {
  CHECK(modules_of(apps::qr_text(std::string(200, 'a'))).size() == 57);
  CHECK_FALSE(apps::qr_text(std::string(2'331, 'a')).empty());
  CHECK(apps::qr_text(std::string(2'332, 'a')).empty());
}

}  // namespace tern::test
