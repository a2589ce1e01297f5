// Failures on purpose, told by the test instead of the judge: what becomes of them is what becomes of a real one.
#include <algorithm>
#include <filesystem>

#include "simulation/shrink.hpp"

using namespace tern;
using namespace tern::test;

namespace {

constexpr const char* planted = "I99";

Profile small_week() {
  Profile profile;
  profile.name = "planted";
  profile.devices = 2;
  profile.hours = 4;
  profile.events = 20;
  profile.swarm = 0;
  profile.acts = {{"work", 300}, {"sync", 200}, {"cable", 60}, {"customer", 200}, {"backup", 100}};
  return profile;
}

std::uint64_t times(const RunResult& result, const char* marker) {
  const auto found = result.markers.find(marker);
  return found == result.markers.end() ? 0 : found->second;
}

/// A customer's message and a backup in one run are its failure.
RunResult run_with_failure(const Plan& plan, const Profile& profile) {
  RunResult result = run(plan, profile);
  if (result.invariant.empty() && times(result, "customer wrote") > 0 && times(result, "backup") > 0) {
    result.invariant = planted;
    result.what = std::string(planted) + ": planted\nand a second line";
  }
  return result;
}

Plan planted_plan() {
  Plan plan;
  plan.profile = "planted";
  plan.seed = 7;
  return plan;
}

}  // namespace

TEST_CASE("a failure shrinks to what it takes and stays one of the same invariant", "[simulation][shrink]") {
  const Profile profile = small_week();
  ShrinkTask task{planted_plan(), run_with_failure(planted_plan(), profile),
                  [&](const Plan& plan) { return run_with_failure(plan, profile); }, [] { return false; }};
  REQUIRE(task.result.invariant == planted);
  shrink(task, profile);

  CHECK(task.plan.numbers(profile.events).size() <= 4);  // a ticket, its way to the server, and the two
  CHECK(task.plan.without.contains("cable"));
  CHECK(task.plan.without.contains("device-1"));
  CHECK_FALSE(task.plan.without.contains("customer"));
  CHECK(task.result.invariant == planted);

  const WorldFolder folder;
  const std::string path = write_regression(folder.path(), task.plan, task.result);
  CHECK(std::filesystem::path(path).filename() == "I99-planted-7.run");
  const Plan kept = must(read_regression(path));
  CHECK(to_text(kept) == to_text(task.plan));
  CHECK(run_with_failure(kept, profile).invariant == planted);
}

TEST_CASE("shrinking ends with its time and gives what it had", "[simulation][shrink]") {
  const Profile profile = small_week();
  std::uint64_t runs = 0;
  ShrinkTask task{planted_plan(), run_with_failure(planted_plan(), profile),
                  [&](const Plan& plan) {
                    ++runs;
                    return run_with_failure(plan, profile);
                  },
                  [&] { return runs == 3; }};
  REQUIRE(task.result.invariant == planted);
  shrink(task, profile);
  CHECK(runs == 3);
  CHECK(run_with_failure(task.plan, profile).invariant == planted);

  task.late = [] { return true; };
  const std::string before = to_text(task.plan);
  shrink(task, profile);
  CHECK(runs == 3);
  CHECK(to_text(task.plan) == before);
}

TEST_CASE("another failure on the way is not taken for the one that shrinks", "[simulation][shrink]") {
  const Profile profile = small_week();
  const auto two_failures = [&](const Plan& plan) {
    RunResult result = run_with_failure(plan, profile);
    if (result.invariant.empty() && times(result, "backup") == 0) result.invariant = "I98";
    return result;
  };
  ShrinkTask task{planted_plan(), two_failures(planted_plan()), two_failures, [] { return false; }};
  REQUIRE(task.result.invariant == planted);
  shrink(task, profile);
  CHECK(task.result.invariant == planted);
  CHECK_FALSE(task.plan.without.contains("backup"));
}

TEST_CASE("a profile says which markers its runs must meet", "[simulation]") {
  const auto road = read_profile("road");
  REQUIRE(road);
  CHECK(std::ranges::find(road->meets, "answer lost one way") != road->meets.end());
  CHECK_FALSE(road->acts.contains("meets"));
}
