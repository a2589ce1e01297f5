// tern-fleet replay as a program: what it writes, and what it exits with when something differs.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/must.hpp"
#include "support/process.hpp"

namespace tern::test {
namespace {

const std::string sample_log = TERN_TEST_DATA_DIR "/incidents-sample.csv";

Ended replayed(const TempDir& folder, std::vector<std::string> more) {
  std::filesystem::create_directories(folder.file("work"));
  std::vector<std::string> words = {program("tern-fleet"), "replay", "--work", folder.file("work")};
  words.insert(words.end(), more.begin(), more.end());
  Ended ended = run({words}, 90'000);
  CHECK(std::filesystem::is_empty(folder.file("work")));
  return ended;
}

std::vector<std::string> names_in(const Json& object) {
  std::vector<std::string> out;
  for (const auto& [name, value] : object.members()) out.push_back(name);
  return out;
}

/// The sample's head and the rows of its first incidents; `alter` sees each row.
template <typename Alter>
std::string log_of(const TempDir& folder, Alter&& alter) {
  std::istringstream sample(content_of(sample_log));
  std::ofstream out(folder.file("log.csv"));
  std::string line;
  for (int i = 0; i < 40 && std::getline(sample, line); ++i) {
    alter(line);
    out << line << '\n';
  }
  return folder.file("log.csv");
}

}  // namespace

TEST_CASE("a replay tells its figures, and with --dump each ticket, in the members that the page names", "[replay]") {
  const TempDir folder;
  const Ended ended = replayed(folder, {"--log", sample_log, "--offline", "72", "--sync-order", "shuffled", "--seed",
                                        "3", "--dump", folder.file("dump.jsonl"), "--json"});
  INFO(ended.err);
  CHECK(ended.exit_code == 0);
  CHECK(ended.err.empty());
  const Json summary = ended.line();
  CHECK(names_in(summary) == std::vector<std::string>{"tickets", "rows", "changes", "devices", "exchanges", "conflicts",
                                                      "overtaken_moves", "amendments", "rejected", "differences",
                                                      "unexplained", "facts_digest", "state_digest", "seconds",
                                                      "failures"});
  CHECK(summary["tickets"].as_integer() == 60);
  CHECK(summary["rows"].as_integer() == 426);
  CHECK(summary["devices"].as_integer() == 8);
  CHECK(summary["conflicts"]["claim_stands"].as_integer() > 0);
  CHECK(names_in(summary["differences"]) == std::vector<std::string>{"assignee", "priority", "queue"});
  CHECK(summary["facts_digest"].as_string().size() == 64);
  CHECK(summary["state_digest"].as_string().size() == 64);
  CHECK(summary["failures"].size() == 0);

  std::istringstream dump(content_of(folder.file("dump.jsonl")));
  std::string line, before;
  std::int64_t tickets = 0, changes = 0;
  while (std::getline(dump, line)) {
    const Json ticket = must(parse_json(line));
    INFO(line);
    CHECK(names_in(ticket) == std::vector<std::string>{"incident", "number", "status", "priority", "category",
                                                       "contact", "queue", "assignee", "custom", "messages", "changes",
                                                       "history"});
    CHECK(ticket["incident"].as_string() > before);
    before = ticket["incident"].as_string();
    CHECK(ticket["history"]["status"].size() > 0);
    CHECK(ticket["custom"].is_object());
    changes += ticket["changes"].as_integer();
    ++tickets;
  }
  CHECK(tickets == 60);
  CHECK(changes == summary["changes"].as_integer());
}

TEST_CASE("a replay that differs from its log says where, tells its figures and exits with 8", "[replay]") {
  const TempDir folder;
  // No ticket here has such a priority, so none stands where the log says that it does.
  const std::string log = log_of(folder, [](std::string& row) {
    const auto at = row.find(",3 - Moderate,");
    if (at != std::string::npos) row.replace(at, 14, ",9 - Odd,");
  });
  const Ended ended = replayed(folder, {"--log", log, "--json"});
  INFO(ended.out << ended.err);
  CHECK(ended.exit_code == 8);
  CHECK(holds(ended.err, "the history of priority is"));
  const Json summary = ended.line();
  REQUIRE(summary["failures"].size() > 0);
  CHECK(holds(ended.err, summary["failures"].items()[0].as_string() + "\n"));
  const Ended told = replayed(folder, {"--log", log});  // to people
  CHECK(told.exit_code == 8);
  CHECK(holds(told.out, " rows of "));
}

TEST_CASE("a replay of a log that it cannot play is refused as wrong use, and not as a difference", "[replay]") {
  const TempDir folder;
  const std::string log = log_of(folder, [](std::string& row) {
    const auto at = row.find(",New,");
    if (at != std::string::npos) row.replace(at, 5, ",Nowhere,");
  });
  const Ended ended = replayed(folder, {"--log", log, "--json"});
  CHECK(ended.exit_code == 2);
  CHECK(holds(ended.error()["message"].as_string(), "incident_state \"Nowhere\" is unknown"));
  CHECK(ended.out.empty());
}

}  // namespace tern::test
