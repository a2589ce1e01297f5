// The replay's judge: what holds for a right server, and that it would notice a wrong one.
#include <algorithm>
#include <map>
#include <string>

#include "replay.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace tern;
using namespace tern::fleet;

struct Run {
  test::TempDir directory;
  ReplayOptions options;

  explicit Run(std::int64_t offline_hours, SyncOrder order = SyncOrder::time) {
    options.log_path = TERN_TEST_DATA_DIR "/incidents-sample.csv";
    options.offline_hours = offline_hours;
    options.sync_order = order;
    options.work_directory = directory.path();
  }
  ReplaySummary play() {
    auto summary = replay(options);
    INFO((summary ? std::string() : summary.error().message));
    REQUIRE(summary);
    return *std::move(summary);
  }
};

bool good(const ReplaySummary& summary) {
  return summary.failures.empty() && summary.unexplained == 0;
}

/// The export's history in another order.
template <typename Before>
void reorder(Json& exported, Before before) {
  Json::Array entries = exported["history"].items();
  std::stable_sort(entries.begin(), entries.end(), before);
  exported.set("history", Json(std::move(entries)));
}

/// The value that the newest committed claim on a field asked for, whether or not it took effect.
Json last_claimed(const Json& exported, const std::string& field) {
  Json value = exported[field];
  std::int64_t newest = -1;
  for (const Json& entry : exported["history"].items())
    if (entry["field"].as_string() == field && entry["commit_seq"].as_integer() >= newest) {
      newest = entry["commit_seq"].as_integer();
      value = entry["value"];
    }
  return value;
}

}  // namespace

TEST_CASE("a replay without offline time ends at the last row of every incident, in every field", "[fleet][replay]") {
  const ReplaySummary summary = Run(0).play();
  CHECK(summary.failures.empty());
  CHECK(summary.tickets == 60);
  CHECK(summary.conflicts.empty());
  CHECK(summary.differences == std::map<std::string, std::uint64_t>{{"assignee", 0}, {"priority", 0}, {"queue", 0}});
}

TEST_CASE("a replay with offline time has the same facts whoever syncs first, and explains the rest",
          "[fleet][replay]") {
  const ReplaySummary in_time = Run(72).play();
  CHECK(in_time.failures.empty());
  CHECK(in_time.unexplained == 0);
  CHECK(in_time.conflicts.at("claim_stands") > 0);
  const ReplaySummary shuffled = Run(72, SyncOrder::shuffled).play();
  CHECK(shuffled.failures.empty());
  CHECK(shuffled.facts_digest == in_time.facts_digest);
}

TEST_CASE("a replay fails when facts are ordered by arrival", "[fleet][replay][mutant]") {
  Run run(72, SyncOrder::shuffled);
  run.options.rewrite = [](Json& exported) {
    reorder(exported,
            [](const Json& a, const Json& b) { return a["commit_seq"].as_integer() < b["commit_seq"].as_integer(); });
  };
  CHECK_FALSE(good(run.play()));
}

TEST_CASE("a replay fails when the last committed claim wins", "[fleet][replay][mutant]") {
  Run run(72, SyncOrder::shuffled);
  run.options.rewrite = [](Json& exported) {
    for (const char* field : {"queue", "assignee"}) exported.set(field, last_claimed(exported, field));
  };
  CHECK_FALSE(good(run.play()));
}

TEST_CASE(
    "one byte of one body that is flipped, sent or answered, ends a replay or is asked for again, and is never "
    "believed",
    "[fleet][replay][mutant]") {
  const ReplaySummary right = Run(72).play();
  int ended = 0;
  for (const bool upwards : {true, false})
    for (const int flipped : {40, 151}) {
      Run run(72);
      int way = 0;
      run.options.tamper = [&](Bytes& body, bool up) {
        if (up == upwards && !body.empty() && ++way == flipped)
          body[body.size() / 2] = static_cast<char>(body[body.size() / 2] ^ 1);
      };
      const auto summary = replay(run.options);
      INFO((upwards ? "sent, " : "answered, ") << flipped);
      CHECK(way >= flipped);
      ended += summary ? 0 : 1;
      if (!summary) continue;
      CHECK(good(*summary));
      CHECK(summary->facts_digest == right.facts_digest);
    }
  CHECK(ended > 0);
}

TEST_CASE("a damaged incident log is refused with its line", "[fleet][log]") {
  const auto unclosed = parse_csv("a,b\n1,\"open");
  REQUIRE_FALSE(unclosed);
  CHECK(unclosed.error().message.find("line 2") != std::string::npos);
  CHECK_FALSE(parse_log_time("30-02-2016 01:23"));
  CHECK(parse_log_time("29/2/2016 01:23") == parse_log_time("29-02-2016 01:23"));
}
