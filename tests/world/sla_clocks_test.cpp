// Deadlines on their way from the server's clocks to people's screens, and what may come between.
#include "desk/sla_rows.hpp"
#include "support/world_agent.hpp"
#include "tern/sync/sla_clock.hpp"

using namespace tern;
using namespace tern::test;

namespace {

/// Every hour is working time, since a tenant without rules promises around the clock.
struct Workshop {
  World world;
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");

  explicit Workshop(std::uint64_t seed) : world(Seed::from_environment_or(seed)) {}

  void promise(const char* resolution) {
    const auto known = world.server.administer("sla rule list")["rows"].size();
    world.server.administer(known == 0 ? "sla rule add" : "sla rule set",
                            {{"name", Json("All")}, {"resolution", Json(resolution)}});
    world.pass(3'000);  // ticks look at the clocks
  }
  std::int64_t server_now_s() { return world.server.environment.wall_ms() / 1000; }

  /// What the server would tell of each ticket.
  std::map<TicketId, sync::SlaClock> promised() {
    std::map<TicketId, sync::SlaClock> out;
    const auto db = world.server.read(world.server.first_tenant());
    auto rows = must(db->query("SELECT ticket_id, told FROM sla_clock"));
    while (must(rows.step())) out[rows.id<TicketId>(0)] = must(sync::decode_sla_clock(rows.blob(1)));
    return out;
  }
  /// Both show what the server promises, of every ticket that it holds.
  void check_shown() {
    const auto all = promised();
    REQUIRE_FALSE(all.empty());
    for (Device* device : {&van, &desk}) {
      for (const auto& [ticket, clock] : all) {
        INFO(device->name() << " " << to_hex(ticket));
        const client::TicketView view = device->show(ticket);
        REQUIRE(view.sla.size() == clock.cycles.size());
        for (std::size_t i = 0; i < view.sla.size(); ++i) {
          CHECK(view.sla[i].metric == sync::sla_metric_name(clock.cycles[i].metric));
          CHECK(view.sla[i].due_ms.value_or(0) == clock.cycles[i].due.value_or(0) * 1000);
          CHECK(view.sla[i].paused == clock.cycles[i].remaining.has_value());
        }
      }
    }
  }
};

}  // namespace

TEST_CASE("a device counts its deadlines down offline, and hears of other rules with its next exchange",
          "[world][sla]") {
  Workshop shop(801);
  const TicketId pump = shop.desk.create("pump leaks");
  must(shop.desk.sync());
  const std::int64_t made_s = shop.server_now_s();
  must(shop.van.sync());
  const auto due = shop.van.show(pump).sla.at(0).due_ms;
  REQUIRE(due);
  CHECK(std::abs(*due / 1000 - (made_s + 48 * 3600)) <= 60);
  const std::int64_t synced_ms = shop.van.show(pump).sla_as_of_ms;

  shop.world.pass(days_ms(1) + hours_ms(13));
  CHECK(shop.van.show(pump).sla[0].colour == "yellow");
  shop.world.pass(hours_ms(12));
  const auto late = shop.van.show(pump);
  CHECK(late.sla[0].colour == "red");
  CHECK(late.sla[0].due_ms == due);
  CHECK(late.sla_as_of_ms == synced_ms);  // all the while nobody was asked
  shop.van.environment.set_wall(0);       // somebody set its clock
  CHECK(shop.van.show(pump).sla[0].colour == "red");

  const TicketId fan = shop.desk.create("fan hums");
  must(shop.desk.sync());
  must(shop.van.sync());
  shop.promise("3h");
  const auto before = shop.van.show(fan).sla.at(0).due_ms;
  must(shop.van.sync());
  CHECK(shop.van.show(fan).sla.at(0).due_ms < before);
  must(shop.desk.sync());
  shop.check_shown();
  CHECK(shop.world.invariants_hold());
}

TEST_CASE("a device on a stream hears of a clock that no commit changed", "[world][sla][push]") {
  Workshop shop(802);
  const TicketId pump = shop.desk.create("pump leaks");
  CHECK(shop.world.run_until_quiet());
  shop.promise("10h");
  must(shop.van.sync());
  shop.van.go_live();
  shop.world.pass(5'000);
  REQUIRE(shop.van.live());
  const auto before = shop.van.show(pump).sla.at(0).due_ms;
  shop.promise("2h");
  shop.world.pass(5'000);
  const auto after = shop.van.show(pump).sla.at(0).due_ms;
  REQUIRE(after);
  CHECK(*before - *after == hours_ms(8));
  CHECK(shop.van.live());
  must(shop.desk.sync());
  shop.check_shown();
}

TEST_CASE("after a restore devices show the clocks of the history that goes on", "[world][sla][restore]") {
  Workshop shop(803);
  const TicketId pump = shop.desk.create("pump leaks");
  CHECK(shop.world.run_until_quiet());
  const std::string backup = shop.world.server.backup();
  shop.promise("3h");
  CHECK(shop.world.run_until_quiet());
  const auto lost = shop.van.show(pump).sla.at(0).due_ms;
  shop.world.server.restore(backup);
  shop.world.forget_acknowledged();
  shop.world.pass(3'000);
  CHECK(shop.world.run_until_quiet());
  CHECK(shop.van.show(pump).sla.at(0).due_ms > lost);  // the rule is gone with the history that had it
  shop.check_shown();
}

TEST_CASE("whatever agents do, devices come to show the clocks that the server keeps", "[world][sla]") {
  Workshop shop(804);
  const Shop choice{{shop.van.operator_id(), shop.desk.operator_id()},
                    {shop.world.add_record("queue", "Field")},
                    {shop.world.add_record("category", "Pumps")}};
  Agent ann(shop.van, choice, shop.world.seed.child("ann")), bob(shop.desk, choice, shop.world.seed.child("bob"));
  const char* rules[] = {"3h", "2d", "45m"};
  for (int round = 0; round < 12; ++round) {
    for (int i = 0; i < 5; ++i) {
      ann.work();
      bob.work();
    }
    must((round % 2 == 0 ? shop.van : shop.desk).sync());
    if (round % 4 == 3) shop.promise(rules[round / 4]);
    if (round == 5) shop.van.crash();
    if (round == 7) shop.desk.delete_replica();
    shop.world.pass(hours_ms(1));
  }
  CHECK(shop.world.run_until_quiet());
  shop.world.pass(3'000);
  CHECK(shop.world.run_until_quiet());
  shop.check_shown();
  CHECK(shop.world.invariants_hold());
}
