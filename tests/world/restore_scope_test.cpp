// After a restore: what a device holds is what is in its scope now.
#include <algorithm>

#include "support/world.hpp"

using namespace tern;
using namespace tern::test;

TEST_CASE("after a restore a device drops what came into its scope meanwhile, and gets what had left it",
          "[world][restore]") {
  World world{Seed::from_environment_or(508)};
  const RecordId field = world.add_record("queue", "Field"), office = world.add_record("queue", "Office");
  Device& desk = world.add_device("desk");
  Device& ben = world.add_device("ben", {.role = "operator", .queues = {"Field"}, .scope_all = false});
  const TicketId outside = desk.create("outside"), inside = desk.create("inside");
  desk.move_to(outside, field);
  desk.move_to(inside, office);
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  world.server.administer("operator set",
                          {{"operator", Json("ben@example.org")}, {"queue", Json::array({Json("Office")})}});
  CHECK(world.run_until_quiet());
  REQUIRE_FALSE(ben.holds(outside));
  REQUIRE(ben.holds(inside));
  const ChangeRef unsent = ben.note(inside, "written while it was his");

  world.server.restore(backup);  // nobody brings back what the office had set
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());
  CHECK(ben.holds(outside));
  CHECK_FALSE(ben.holds(inside));
  CHECK(world.place_of(ben.tenant(), unsent) == "ledger");
  CHECK(ben.view(outside) == desk.view(outside));
  CHECK(world.invariants_hold());
}

TEST_CASE("a ticket that the restored server does not know stays until it is back, and leaves who does not hold it now",
          "[world][restore]") {
  World world{Seed::from_environment_or(509)};
  const RecordId field = world.add_record("queue", "Field");
  Device& desk = world.add_device("desk");
  Device& ben = world.add_device("ben", {.role = "operator", .queues = {"Field"}, .scope_all = false});
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  const TicketId made = desk.create("made after the backup");
  desk.move_to(made, field);
  must(desk.sync());
  must(ben.sync());
  REQUIRE(ben.holds(made));
  desk.act(made, Intent::take);
  must(desk.sync());

  world.server.restore(backup);
  world.forget_acknowledged();
  must(ben.sync());
  CHECK(ben.holds(made));  // it may be nowhere else
  SECTION("told by its next exchange") {
    must(desk.sync());
    must(ben.sync());
  }
  SECTION("told by a push") {
    ben.go_live();
    world.pass(1'000);
    REQUIRE(ben.live());
    desk.move_to(desk.create("another one"), field);  // nobody tells ben of a ticket that was never his
    must(desk.sync());
    world.pass(10'000);
  }
  CHECK_FALSE(ben.holds(made));
  CHECK(desk.show(made).row.assignee == "desk");
  CHECK(world.run_until_quiet());
  CHECK(world.invariants_hold());
}

TEST_CASE("after a restore restricted notes are shown to those who may read them now, and to nobody else",
          "[world][restore][security]") {
  World world{Seed::from_environment_or(511)};
  Device& desk = world.add_device("desk");
  Device& ben = world.add_device("ben", {.role = "operator"});
  Device& may = world.add_device("may", {.role = "supervisor"});
  const TicketId ticket = desk.create("confidential");
  desk.note(ticket, "for supervisors", sync::Visibility::restricted);
  CHECK(world.run_until_quiet());
  const auto notes = [&](Device& device) {
    return std::ranges::count_if(device.show(ticket).timeline,
                                 [](const auto& entry) { return entry.text == "for supervisors"; });
  };
  const std::string backup = world.server.backup();
  world.change_role("ben", "supervisor");
  world.change_role("may", "operator");
  CHECK(world.run_until_quiet());
  REQUIRE(notes(ben) == 1);
  REQUIRE(notes(may) == 0);
  const ChangeRef unsent = ben.note(ticket, "not sent yet");

  world.server.restore(backup);
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());
  CHECK(notes(ben) == 0);
  CHECK(notes(may) == 1);
  CHECK(world.place_of(ben.tenant(), unsent) == "ledger");
  CHECK(world.invariants_hold());
}

TEST_CASE("after a restore records are those of the new history, in whichever commits they changed",
          "[world][restore]") {
  World world{Seed::from_environment_or(510)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  const TicketId ticket = van.create("hers");
  van.act(ticket, Intent::take);
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  const auto rename = [&](const std::string& name) {
    world.server.administer("operator set", {{"operator", Json("van@example.org")}, {"name", Json(name)}});
    CHECK(world.run_until_quiet());
    return desk.show(ticket).row.assignee;
  };
  for (const char* name : {"one", "two", "three"}) CHECK(rename(name) == name);

  world.server.restore(backup);
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());
  CHECK(desk.show(ticket).row.assignee == "van");
  CHECK(rename("after the restore") == "after the restore");
  CHECK(world.invariants_hold());
}

TEST_CASE("who saw what a restore lost and the roles of now refuse shows it no longer, and its author has it still",
          "[world][restore]") {
  World world{Seed::from_environment_or(534)};
  Device& desk = world.add_device("desk");
  Device& van = world.add_device("van", {.role = "light"});
  const TicketId pump = desk.create("pump");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  world.change_role("van", "supervisor");
  CHECK(world.run_until_quiet());

  // The van never hears what became of it, so that it has no proof of it afterwards.
  world.network.on_answer = [&](const std::string& address, const client::HttpRequest& request,
                                client::HttpAnswer& answer) {
    if (address == van.address() && request.target == "/sync/v1/exchange") answer = {.status = 503};
  };
  const TicketId lamp = van.create("lamp", "no light in the hall");
  const ChangeRef said = van.reply(pump, "I am on my way");
  static_cast<void>(van.sync());
  REQUIRE(world.place_of(van.tenant(), said) == "ledger");
  must(desk.sync());
  const auto shows = [&](Device& device) {
    const auto lines = device.show(pump).timeline;
    return std::ranges::any_of(lines, [](const auto& entry) { return entry.text == "I am on my way"; });
  };
  REQUIRE(shows(desk));
  REQUIRE(desk.holds(lamp));

  world.server.restore(backup);
  world.forget_acknowledged();
  world.network.on_answer = nullptr;
  CHECK(world.run_until_quiet());
  REQUIRE(van.fate(said).outcome == Outcome::rejected);
  CHECK(van.needs_attention(said));
  for (Device* device : {&desk, &van}) {
    INFO(device->name());
    CHECK_FALSE(shows(*device));
    CHECK_FALSE(device->holds(lamp));
  }
  CHECK(world.invariants_hold());
}
