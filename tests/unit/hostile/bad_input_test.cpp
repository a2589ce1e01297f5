// The table of bad inputs: real bytes to a real edge in front of a real server core. Each row gets its clear answer,
// leaves its connection in a defined state, stores nothing, takes little memory and costs nobody else anything.
#include <algorithm>
#include <set>

#include "support/catch.hpp"
#include "unit/hostile/rows.hpp"

namespace tern::test {
namespace {

constexpr std::uint64_t memory_max_kib = 32 * 1024;

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

TEST_CASE("bad mail gets its row of the table", "[hostile][inbound]") {
  HostileRig rig;
  try_rows(rig, mail_rows());
}

TEST_CASE("webhooks to the inside get their row of the table when they are told", "[hostile]") {
  HostileRig rig;
  try_rows(rig, hook_rows());
}

TEST_CASE("bad frames get their row of the table", "[hostile]") {
  HostileRig rig;
  try_rows(rig, stream_rows());
}

}  // namespace tern::test
