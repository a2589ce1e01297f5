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

TEST_CASE("a planned fault strikes where the plan says, and the run holds", "[simulation][systematic]") {
  Plan plan;
  plan.profile = "directed/script";
  plan.seed = 1;
  const Profile profile = must(read_profile(plan.profile));
  for (const std::string machine : {"server", "device-1"}) {
    plan.fault = PlannedFault{machine, "once", 0};
    Markers counted = run(plan, profile).markers;
    CHECK(counted["disk error"] == 0);
    REQUIRE(counted[marker_changing_calls] > 20);
    CHECK(counted[marker_calls] > counted[marker_changing_calls]);
    for (const std::string kind : {"once", "ever", "power"}) {
      plan.fault = PlannedFault{machine, kind, counted[marker_changing_calls] / 2};
      RunResult result = run(plan, profile);
      INFO(to_text(plan) << "\n" << result.what);
      CHECK(result.invariant.empty());
      CHECK(result.markers[kind == "power" ? (machine == "server" ? "server lost power" : "device lost power")
                                           : "disk error"] > 0);
    }
  }
  plan.fault = PlannedFault{"device-7", "once", 1};
  CHECK(run(plan, profile).invariant == "must");
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

  plan.fault = PlannedFault{"server", "power", 17};
  CHECK(to_text(plan).ends_with(" --fault server:power:17"));
  const Plan struck = must(plan_from({"--fault", "server:power:17"}));
  CHECK(struck.fault->nth == 17);
  CHECK_FALSE(plan_from({"--fault", "server:sometimes:17"}));
  CHECK_FALSE(plan_from({"--fault", "server:power"}));
}
