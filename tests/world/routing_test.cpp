// Routing on the server while devices take and assign what they see: the rules of claims decide (docs/routing.md).
#include "support/world.hpp"

using namespace tern;
using namespace tern::test;

namespace {

/// A queue of two people with a device each, and one who gives tickets to others.
struct RoutedWorld {
  explicit RoutedWorld(std::uint64_t seed) : world(Seed::from_environment_or(seed)) {
    tech = world.add_record("queue", "Tech");
    ann = &world.add_device("ann", {.role = "operator", .queues = {"Tech"}, .scope_all = false});
    ben = &world.add_device("ben", {.role = "operator", .queues = {"Tech"}, .scope_all = false});
    desk = &world.add_device("desk");
  }
  void give_out(bool on = true) {
    world.server.administer("queue set", {{"name", Json("Tech")}, {"strategy", Json(on ? "least_open" : "none")}});
  }
  /// In the queue, and on everybody's device.
  TicketId waiting() {
    const TicketId ticket = desk->create("pump leaks");
    desk->move_to(ticket, tech);
    CHECK(world.run_until_quiet());
    REQUIRE(ben->holds(ticket));
    return ticket;
  }
  std::string holder(const TicketId& ticket) { return desk->show(ticket).row.assignee; }

  World world;
  RecordId tech;
  Device *ann = nullptr, *ben = nullptr, *desk = nullptr;
};

}  // namespace

TEST_CASE("who took a ticket offline, after routing had given it away, is told and watches it", "[world][routing]") {
  RoutedWorld shop(941);
  const TicketId ticket = shop.waiting();
  const ChangeRef take = shop.ben->act(ticket, Intent::take);
  const ChangeRef note = shop.ben->note(ticket, "the seal is worn");
  shop.give_out();
  shop.world.pass(minutes_ms(1));
  CHECK(shop.world.run_until_quiet());
  CHECK(shop.holder(ticket) == "ann");
  const client::HistoryEntry fate = shop.ben->fate(take);
  CHECK(fate.outcome == Outcome::overtaken);
  CHECK(fate.rule == Rule::taken);
  CHECK(fate.sentence.find("ann") != std::string::npos);
  CHECK(shop.ben->fate(note).outcome == Outcome::applied);
  CHECK(shop.ben->show(ticket).watchers == std::vector<std::string>{"ben"});
  CHECK(shop.world.invariants_hold());
}

TEST_CASE("a take that came first, or an assignment, is left alone by routing", "[world][routing]") {
  RoutedWorld shop(942);
  const TicketId taken = shop.waiting(), given = shop.waiting();
  shop.ben->act(taken, Intent::take);
  shop.desk->assign(given, shop.ben->operator_id());
  must(shop.ben->sync());
  must(shop.desk->sync());
  shop.give_out();
  shop.world.pass(minutes_ms(2));
  CHECK(shop.world.run_until_quiet());
  CHECK(shop.holder(taken) == "ben");
  CHECK(shop.holder(given) == "ben");
  CHECK(shop.world.invariants_hold());
}

TEST_CASE("an assignment that had not seen what routing did is overtaken, one that had stands", "[world][routing]") {
  RoutedWorld shop(943);
  const TicketId ticket = shop.waiting();
  const ChangeRef blind = shop.desk->assign(ticket, shop.ben->operator_id());
  shop.give_out();
  shop.world.pass(minutes_ms(1));
  CHECK(shop.world.run_until_quiet());
  CHECK(shop.desk->fate(blind).outcome == Outcome::overtaken);
  CHECK(shop.desk->fate(blind).rule == Rule::claim_stands);
  CHECK(shop.holder(ticket) == "ann");
  const ChangeRef seen = shop.desk->assign(ticket, shop.ben->operator_id());
  CHECK(shop.world.run_until_quiet());
  CHECK(shop.desk->fate(seen).outcome == Outcome::applied);
  shop.world.pass(minutes_ms(3));
  CHECK(shop.world.run_until_quiet());
  CHECK(shop.holder(ticket) == "ben");
  CHECK(shop.world.invariants_hold());
}

TEST_CASE("for an hour after a restore nothing is routed, so that takes come back first", "[world][routing]") {
  RoutedWorld shop(944);
  shop.give_out();
  shop.world.server.administer("operator set", {{"operator", Json("ann")}, {"status", Json("away")}});
  const std::string backup = shop.world.server.backup();
  const TicketId ticket = shop.desk->create("made after the backup");
  shop.desk->move_to(ticket, shop.tech);
  CHECK(shop.world.run_until_quiet());
  CHECK(shop.holder(ticket) == "ben");
  shop.world.server.restore(backup);
  shop.world.server.administer("operator set", {{"operator", Json("ann")}, {"status", Json("online")}});
  must(shop.desk->sync());
  const TicketId other = shop.desk->create("made after the restore");
  shop.desk->move_to(other, shop.tech);
  must(shop.desk->sync());
  shop.world.pass(minutes_ms(50));
  must(shop.desk->sync());
  CHECK(shop.holder(other).empty());
  shop.world.pass(minutes_ms(15));
  CHECK(shop.world.run_until_quiet());
  CHECK_FALSE(shop.holder(other).empty());
  CHECK_FALSE(shop.holder(ticket).empty());
  CHECK(shop.world.invariants_hold());
}
