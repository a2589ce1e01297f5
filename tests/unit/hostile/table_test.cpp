// The table of bad inputs itself: no row of it is forgotten.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>

#include "support/catch.hpp"
#include "support/files.hpp"
#include "unit/hostile/rows.hpp"

namespace tern::test {
namespace {

/// Every number of the table; those that were left out there stay out.
const std::set<std::string> all_numbers = {
    "1",  "2",  "3",  "4",  "6",   "7",  "8",  "9",  "10", "11", "12", "13", "15",  "17",  "19",  "19a", "20",
    "21", "23", "24", "25", "27",  "28", "30", "31", "32", "33", "34", "35", "35a", "35b", "35c", "35d", "37",
    "39", "40", "42", "43", "43a", "44", "45", "46", "48", "49", "50", "52", "53",  "54",  "56",  "57",  "60"};

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// Everything the server is made of, in lower case.
std::string server_sources() {
  const std::filesystem::path tree = std::filesystem::path(TERN_TEST_DATA_DIR).parent_path().parent_path();
  std::string all;
  for (const char* const room : {"server/src", "apps/ternd"})
    for (const auto& entry : std::filesystem::recursive_directory_iterator(tree / room)) {
      const auto extension = entry.path().extension();
      if (extension != ".cpp" && extension != ".hpp") continue;
      all += content_of(entry.path());
    }
  return lower_case(all);
}

}  // namespace

TEST_CASE("every row of the table is tried here, tried elsewhere, or of a feature that is not there", "[hostile]") {
  std::set<std::string> numbers;
  for (const auto& rows : {http_rows(), api_rows(), sync_rows(), stream_rows()})
    for (const Row& row : rows) numbers.insert(row.number);
  std::set<std::string> tests;
  for (const auto& test : Catch::getRegistryHub().getTestCaseRegistry().getAllTests()) tests.insert(test.name);
  for (const RowElsewhere& row : rows_elsewhere()) {
    numbers.insert(row.number);
    INFO("row " << row.number << ": " << row.test);
    CHECK(tests.contains(row.test));
  }
  for (const LaterRow& row : later_rows()) numbers.insert(row.number);
  numbers.erase("");
  CHECK(numbers == all_numbers);
}

TEST_CASE("a row that waits for a feature is tried once the feature is there", "[hostile]") {
  const std::string sources = server_sources();
  REQUIRE(sources.find("\"/sync/v1/exchange\"") != std::string::npos);  // a feature that is there is found
  for (const LaterRow& row : later_rows())
    for (const std::string& marker : row.markers) {
      INFO("row " << row.number << ", " << row.input << ": the server knows " << marker << " now; give it its row");
      CHECK(sources.find(marker) == std::string::npos);
    }
}

}  // namespace tern::test
