// How sure figures are, with real devices.
#include <map>

#include "support/world.hpp"

using namespace tern;
using namespace tern::test;

TEST_CASE("H2: a device on a stream is not silent, however long nothing happens", "[world][reports][push]") {
  World world(Seed::from_environment_or(821));
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  van.create("pump leaks");
  CHECK(world.run_until_quiet());
  must(van.sync());
  van.go_live();
  world.pass(5'000);
  REQUIRE(van.live());
  for (int minute = 0; minute < 40; ++minute) world.pass(minutes_ms(1));
  REQUIRE(van.live());
  const Json horizon = world.server.administer("report dashboard")["horizon"];
  REQUIRE(horizon["devices"].size() == 1);
  CHECK(horizon["devices"].items()[0]["operator"] == Json("desk"));
  CHECK(horizon["tickets"] == Json(1));
  must(desk.sync());
  CHECK(world.server.administer("report dashboard")["horizon"]["complete"] == Json(true));
}

TEST_CASE("H7: after a restore reports count the history that goes on, with what devices give back of the other",
          "[world][reports][restore]") {
  World world(Seed::from_environment_or(822));
  Device& van = world.add_device("van");
  const TicketId pump = van.create("pump leaks");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  world.pass(hours_ms(1));
  van.act(pump, Intent::resolve, "new seal");
  van.create("fan hums");
  CHECK(world.run_until_quiet());
  const auto figures = [&] {
    const Json report = world.server.administer("report dashboard");
    std::map<std::string, Json> out;
    for (const Json& row : report["rows"].items()) out[row["figure"].as_string()] = row["value"];
    return out;
  };
  const auto before = figures();
  CHECK(before.at("created") == Json(2));
  CHECK(before.at("resolved") == Json(1));
  world.server.restore(backup);
  world.forget_acknowledged();
  CHECK(figures().at("resolved") == Json(0));
  world.pass(3'000);
  CHECK(world.run_until_quiet());
  world.pass(3'000);
  CHECK(figures().at("created") == Json(2));
  CHECK(figures().at("resolved") == Json(1));
  CHECK(world.server.administer("verify")["findings"].size() == 0);
}
