// `ternd sla cases`: the clock, checked from outside.
#include <fstream>

#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/process.hpp"

namespace tern::test {
namespace {

const std::string worked_cases = std::string(TERN_TEST_DATA_DIR) + "/sla-cases.json";

Ended sla_cases(const std::string& file, bool json = true) {
  std::vector<std::string> words = {program("ternd"), "sla", "cases", file};
  if (json) words.push_back("--json");
  return run({words});
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace

TEST_CASE("the worked cases agree, and every one is printed with what was expected and what came", "[cli][sla]") {
  const Ended ended = sla_cases(worked_cases);
  CHECK(ended.exit_code == 0);
  const auto lines = ended.lines();
  REQUIRE(lines.size() == 30);
  for (const Json& line : lines) {
    INFO(to_text(line));
    CHECK(line["agrees"] == Json(true));
    CHECK(line["expected"].size() == line["got"].size());
  }
  CHECK(lines[28]["id"] == Json("S40"));
  for (const char* name : {"expect_breach_record", "expect_delivered", "expect_by_offline_credit"})
    CHECK(lines[28][name]["expected"] == lines[28][name]["got"]);
  CHECK(ended.err.find("30 of 30 cases agree. Time zones here: ") == 0);
  CHECK(ended.err.find("here: unknown") == std::string::npos);
  CHECK(ended.err.find("tzdata 2025b") != std::string::npos);
}

TEST_CASE("one case that differs is exit code 8, for people with what differs", "[cli][sla]") {
  std::string text = content_of(worked_cases);
  const std::string due = "\"due\": \"2026-06-03T09:00:00Z\"";
  REQUIRE(text.find(due) != std::string::npos);
  text.replace(text.find(due), due.size(), "\"due\": \"2026-06-03T09:00:01Z\"");
  TempDir folder;
  write_file(folder.file("cases.json"), text);
  const Ended json = sla_cases(folder.file("cases.json"));
  CHECK(json.exit_code == 8);
  CHECK(json.lines().size() == 30);
  const Ended people = sla_cases(folder.file("cases.json"), false);
  CHECK(people.exit_code == 8);
  CHECK(people.out.find("S02  differs\n  first_response[1].due: expected \"2026-06-03T09:00:01Z\"") !=
        std::string::npos);
}

TEST_CASE("a file of cases that is none is refused in one sentence", "[cli][sla]") {
  TempDir folder;
  CHECK(sla_cases(folder.file("nowhere.json")).exit_code == 3);
  write_file(folder.file("bad.json"), "{\"format\":\"sla-cases/1\",\"cases\":[{}]}");
  const Ended bad = sla_cases(folder.file("bad.json"));
  CHECK(bad.exit_code == 2);
  CHECK(bad.out.empty());
  CHECK(bad.error()["message"] == Json("Cases: a case has no id."));
  CHECK(sla_cases(folder.path()).exit_code == 2);
}

}  // namespace tern::test
