// Files of worked cases, and explanations.

#include "tern/sla/cases.hpp"
#include "sla_desk.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "tern/sla/explain.hpp"

using namespace tern;
using namespace tern::sla;
using namespace tern::test;
using sync::Status;

namespace {

std::string data_file(const std::string& name) {
  std::string content = content_of(std::string(TERN_TEST_DATA_DIR) + "/" + name);
  REQUIRE_FALSE(content.empty());
  return content;
}

/// A file with one case; `change` is put over a good one.
std::string case_file(const std::string& from = "", const std::string& to = "") {
  std::string text = R"({"format":"sla-cases/1","calendars":{"C":{"tz":"UTC","always":true}},"cases":[
    {"id":"X1","tz":"UTC","policies":{"p":{"calendar":"C","first_response":3600,"resolution":null}},
     "events":[{"t":"2026-06-03T10:00:00Z","type":"create","policy":"p"}],"as_of":"2026-06-03T10:00:00Z",
     "expect":[{"metric":"first_response","cycle":1,"state":"running","due":"2026-06-03T11:00:00Z"}]}]})";
  if (const auto at = text.find(from); !from.empty()) {
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string complaint(const std::string& from, const std::string& to) {
  const auto result = run_cases(case_file(from, to));
  return result ? "none" : result.error().message;
}

}  // namespace

TEST_CASE("every worked case agrees", "[sla]") {
  const auto result = run_cases(data_file("sla-cases.json"));
  REQUIRE(result);
  CHECK(result->cases.size() == 30);
  for (const CaseResult& one : result->cases) {
    INFO(one.id);
    CHECK(one.differences == std::vector<std::string>{});
  }
  CHECK(result->all_agree());
  CHECK(result->computed_with == "Python 3.11 zoneinfo, tzdata 2025b");
  CHECK(result->installed_tz_version == tz_database_version());
}

TEST_CASE("what the rules name beside the worked cases, and what a walk minute by minute finds, agrees", "[sla]") {
  for (const char* name : {"sla-more-cases.json", "sla-walks.json"}) {
    const auto result = run_cases(data_file(name));
    REQUIRE(result);
    for (const CaseResult& one : result->cases) {
      INFO(one.id);
      CHECK(one.differences == std::vector<std::string>{});
    }
  }
}

TEST_CASE("what a case expects and what came is told, member by member", "[sla]") {
  const auto good = run_cases(case_file());
  REQUIRE(good);
  CHECK(good->all_agree());
  CHECK(good->cases[0].got.items()[0]["remaining_s"].as_integer() == 3600);
  const auto bad = run_cases(case_file("T11:00:00Z", "T11:00:01Z"));
  REQUIRE(bad);
  CHECK_FALSE(bad->all_agree());
  CHECK(bad->cases[0].differences ==
        std::vector<std::string>{
            R"(first_response[1].due: expected "2026-06-03T11:00:01Z", got "2026-06-03T11:00:00Z")"});
  CHECK(bad->cases[0].to_json()["agrees"] == Json(false));
}

TEST_CASE("a cycle too many or too few differs", "[sla]") {
  const auto none = run_cases(case_file(R"({"metric":"first_response","cycle":1,"state":"running",)"
                                        R"("due":"2026-06-03T11:00:00Z"})",
                                        ""));
  REQUIRE(none);
  CHECK(none->cases[0].differences == std::vector<std::string>{"first_response[1]: not expected"});
  const auto more = run_cases(case_file(R"("cycle":1)", R"("cycle":2)"));
  REQUIRE(more);
  CHECK(more->cases[0].differences.size() == 2);
}

TEST_CASE("a file that is none of that format is refused with the place and the member", "[sla]") {
  CHECK(run_cases("").error().code == ErrorCode::invalid);
  CHECK(run_cases("[]").error().message == "format: \"sla-cases/1\" is wanted");
  CHECK(complaint("sla-cases/1", "sla-cases/2") == "format: \"sla-cases/1\" is wanted");
  CHECK(complaint("\"create\"", "\"made\"") == "case X1.events[0].type: \"made\" is not known");
  CHECK(complaint("\"create\"", "\"note\"") == "case X1.events: the first event is a create");
  CHECK(complaint("\"policy\":\"p\"", "\"policy\":\"q\"") == "case X1.events[0]: there is no policy \"q\"");
  CHECK(complaint("\"calendar\":\"C\"", "\"calendar\":\"D\"").find("case X1.policies: rule p names a calendar") == 0);
  CHECK(complaint("\"as_of\":\"2026-06-03T10:00:00Z\"", "\"as_of\":\"noon\"").find("case X1.as_of: an instant") == 0);
  CHECK(complaint("3600", "0").find("case X1.policies: a target is") == 0);
  CHECK(complaint("3600", "\"1h\"") == "case X1.policies.p: a target is seconds or null");
  CHECK(complaint("\"tz\":\"UTC\",\"always\"", "\"tz\":\"Mars\",\"always\"") ==
        "calendars.C: there is no time zone Mars");
  CHECK(complaint("\"always\":true", "\"weekly\":{\"mo\":[]}") ==
        "calendars.C.weekly: \"mo\" is no weekday (mon to sun)");
  CHECK(complaint("\"always\":true", "\"weekly\":{\"mon\":[[\"09:00\",\"25:00\"]]}").find("calendars.C.weekly.mon:") ==
        0);
  CHECK(complaint("\"always\":true", "\"weekly\":{}").find("does not open within 10 years") != std::string::npos);
  CHECK(complaint("\"always\":true", "\"always\":true,\"holidays\":[{\"date\":\"2026-02-30\"}]")
            .find("calendars.C.holidays: a date") == 0);
  CHECK(complaint("\"tz\":\"UTC\",\"policies\"", "\"tz\":\"UTC\",\"on_reopen\":\"never\",\"policies\"") ==
        "case X1.on_reopen: \"never\" is not known");
  CHECK(complaint("\"t\":\"2026-06-03T10:00:00Z\"",
                  "\"claimed\":\"2026-06-03T10:00:00Z\",\"window\":[\"2026-06-03T10:00:00Z\",\"2026-06-03T11:00:00Z\"],"
                  "\"received\":\"2026-06-03T10:30:00Z\"") ==
        "case X1.events[0].window: it does not lie between its lower bound and its receipt");
  CHECK(complaint("\"tz\":\"UTC\",\"policies\"", "\"at_risk_fraction\":1.5,\"policies\"") ==
        "case X1.at_risk_fraction: a share is wanted");
  CHECK(complaint("\"expect\":[", "\"expect\":7,\"was\":[") == "case X1.expect: a list of cycles is wanted");
}

TEST_CASE("each line of an explanation says when, what and how much was consumed", "[sla]") {
  SlaDesk desk;
  desk.rule("p", "KYIV", 4 * hour_s, no_target, 8 * hour_s);
  desk.create("2026-06-03T06:00");
  desk.move("2026-06-03T07:00", Status::on_hold);
  desk.move("2026-06-03T09:00", Status::in_progress);
  SlaDesk::offline(desk.reply("2026-06-03T13:10"), "2026-06-03T13:09", "2026-06-03T13:11", "2026-06-03T16:00");
  auto lines = explain(desk.inputs(), desk.devices, utc("2026-06-03T16:00"));
  REQUIRE(lines.size() == 12);
  CHECK(lines[11] ==
        "breach of first_response, cycle 1, due 2026-06-03T15:00:00+03:00: 2026-06-03T15:00:00+03:00 confirmed.");
  lines.resize(6);
  CHECK(
      lines ==
      std::vector<std::string>{
          "first_response, cycle 1, started by e1",
          "  2026-06-03T09:00:00+03:00  counts, target 4 h by rule p (list version 1), calendar KYIV; 0 s consumed "
          "[e1]",
          "  2026-06-03T10:00:00+03:00  paused, on_hold; 1 h consumed [e2]",
          "  2026-06-03T12:00:00+03:00  goes on, in_progress; 1 h consumed [e3]",
          "  2026-06-03T16:10:00+03:00  stop; 5 h 10 min consumed [e4], made offline: window "
          "2026-06-03T16:09:00+03:00 to 2026-06-03T16:11:00+03:00, received 2026-06-03T19:00:00+03:00",
          "  2026-06-03T19:00:00+03:00  breached: 5 h 10 min of 4 h consumed, due 2026-06-03T15:00:00+03:00, breached "
          "2026-06-03T15:00:00+03:00 by time, proven_breached"});
}
