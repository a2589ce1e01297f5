// What the simulator once found, and a run of each profile that found nothing.
#include "simulation/shrink.hpp"

using namespace tern;
using namespace tern::test;

TEST_CASE("what a simulated run once found stays found", "[simulation][regressions]") {
  for (const std::string& file : regression_files()) {
    const Plan plan = must(read_regression(file));
    const RunResult result = run(plan, must(read_profile(plan.profile)));
    INFO(file << ": " << to_text(plan) << "\n" << result.what);
    CHECK(result.invariant.empty());
  }
}

TEST_CASE("one seed of each profile holds, and leaves the same trace twice", "[simulation]") {
  for (const std::string& name : profile_names()) {
    Plan plan;
    plan.profile = name;
    plan.seed = 20'260'701;
    const Profile profile = must(read_profile(name));
    const RunResult first = run(plan, profile), second = run(plan, profile);
    INFO(to_text(plan) << "\n" << first.what);
    CHECK(first.invariant.empty());
    CHECK(first.trace == second.trace);
    CHECK(first.changes > 50);
  }
}

TEST_CASE("a plan is text and back", "[simulation]") {
  Plan plan;
  plan.profile = "disk";
  plan.seed = 17;
  plan.without = {"clock", "network"};
  plan.keep({0, 1, 2, 7, 9, 10});
  CHECK(to_text(plan) == "--profile disk --seed 17 --without clock,network --events 0-2,7,9-10");
  const Plan read =
      must(plan_from({"--profile", "disk", "--seed", "17", "--without", "clock,network", "--events", "0-2,7,9-10"}));
  CHECK(to_text(read) == to_text(plan));
  CHECK(read.happens(2));
  CHECK_FALSE(read.happens(3));
  CHECK_FALSE(plan_from({"--seed", "x"}));
}
