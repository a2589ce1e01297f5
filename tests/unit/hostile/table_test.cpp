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

/// All sources of rooms of the tree.
std::string sources_of(const std::vector<std::string>& rooms) {
  const std::filesystem::path tree = std::filesystem::path(TERN_TEST_DATA_DIR).parent_path().parent_path();
  std::string all;
  for (const std::string& room : rooms)
    for (const auto& entry : std::filesystem::recursive_directory_iterator(tree / room)) {
      const auto extension = entry.path().extension();
      if (extension != ".cpp" && extension != ".hpp") continue;
      all += content_of(entry.path());
    }
  return all;
}

/// What a test does, of whom these are the sources; its name stands on one line.
std::string body_of(const std::string& test, const std::string& sources) {
  const std::size_t begin = sources.find("TEST_CASE(\"" + test + "\"");
  if (begin == std::string::npos) return {};
  return sources.substr(begin, sources.find("\n}\n", begin) - begin);
}

bool is_there(const LaterRow& row) {
  const std::string sources = lower_case(sources_of(row.rooms));
  return std::any_of(row.markers.begin(), row.markers.end(),
                     [&](const std::string& marker) { return sources.find(marker) != std::string::npos; });
}

}  // namespace

TEST_CASE("every row of the table is tried here, tried elsewhere, or of a feature that is not there", "[hostile]") {
  std::set<std::string> numbers;
  for (const auto& rows : {http_rows(), api_rows(), sync_rows(), stream_rows(), mail_rows(), hook_rows()})
    for (const Row& row : rows) numbers.insert(row.number);
  std::set<std::string> tests;
  for (const auto& test : Catch::getRegistryHub().getTestCaseRegistry().getAllTests()) tests.insert(test.name);
  const std::string sources = sources_of({"tests/unit"});
  for (const RowElsewhere& row : rows_elsewhere()) {
    numbers.insert(row.number);
    INFO("row " << row.number << ": " << row.test << ": " << row.compares);
    CHECK(tests.contains(row.test));
    CHECK(body_of(row.test, sources).find(row.compares) != std::string::npos);
  }
  for (const LaterRow& row : later_rows()) numbers.insert(row.number);
  numbers.erase("");
  CHECK(numbers == all_numbers);
}

TEST_CASE("a row that waits for a feature is tried once the feature is there", "[hostile]") {
  CHECK(is_there({"", "a feature that is there is found", {"server/src"}, {"never said", "\"/sync/v1/exchange\""}}));
  for (const auto& rows : {later_rows(), later_scenarios()})
    for (const LaterRow& row : rows) {
      INFO("row " << row.number << ", " << row.input << ": it is there now; give it its row");
      CHECK_FALSE(is_there(row));
    }
}

}  // namespace tern::test
