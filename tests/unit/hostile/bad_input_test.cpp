// The table of bad inputs: real bytes to a real edge in front of a real server core. Each row gets its clear answer,
// leaves its connection in a defined state, stores nothing, takes little memory and costs nobody else anything.
#include <algorithm>
#include <filesystem>
#include <set>

#include "support/catch.hpp"
#include "support/files.hpp"
#include "unit/hostile/rows.hpp"

namespace tern::test {
namespace {

constexpr std::uint64_t memory_max_kib = 32 * 1024;

/// Every number of the table; those that were left out there stay out.
const std::set<std::string> all_numbers = {
    "1",  "2",  "3",  "4",  "6",   "7",  "8",  "9",  "10", "11", "12", "13", "15",  "17",  "19",  "19a", "20",
    "21", "23", "24", "25", "27",  "28", "30", "31", "32", "33", "34", "35", "35a", "35b", "35c", "35d", "37",
    "39", "40", "42", "43", "43a", "44", "45", "46", "48", "49", "50", "52", "53",  "54",  "56",  "57",  "60"};

void try_rows(HostileRig& rig, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    INFO("row " << row.number << ": " << row.input);
    CHECK(row.attack(rig) == row.answer);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    CHECK(rig.memory_since_kib() < memory_max_kib);
#endif
    CHECK(rig.stored_since() == row.stored);
    if (row.line == Line::closes)
      CHECK(rig.line_is_closed());
    else
      CHECK(rig.line_still_serves());
    rig.empty_disk();
    CHECK(rig.others_are_served());
  }
}

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

TEST_CASE("bad HTTP gets its row of the table", "[hostile]") {
  HostileRig rig;
  try_rows(rig, http_rows());
}

TEST_CASE("bad requests to the API get their row of the table", "[hostile][api]") {
  HostileRig rig;
  try_rows(rig, api_rows());
}

TEST_CASE("bad sets and exchanges get their row of the table", "[hostile]") {
  HostileRig rig;
  try_rows(rig, sync_rows());
}

TEST_CASE("a set of another organisation, author or device is a line of the log, and no other refusal is",
          "[hostile]") {
  for (const Row& row : sync_rows()) {
    HostileRig rig;
    static_cast<void>(row.attack(rig));
    const auto lines = std::count_if(rig.house.log.begin(), rig.house.log.end(), [](const std::string& line) {
      return line.find("\"foreign_set\"") != std::string::npos;
    });
    INFO("row " << row.number << ": " << row.input);
    CHECK(lines == (std::set<std::string>{"35", "35a", "35b"}.contains(row.number) ? 1 : 0));
  }
}

TEST_CASE("bad frames get their row of the table", "[hostile]") {
  HostileRig rig;
  try_rows(rig, stream_rows());
}

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
