// Claims that wait for their ticket after a restore, or waited for it before one: who holds a ticket in the end.
#include <algorithm>

#include "support/world.hpp"

using namespace tern;
using namespace tern::test;

namespace {

/// A ticket that the first history made behind `older` and that `newer` has, and a claim on it by the van, which said
/// so only in the second history: the ticket was not there, and the claim is held.
struct HeldClaim {
  explicit HeldClaim(std::uint64_t seed) : world(Seed::from_environment_or(seed)) {
    CHECK(world.run_until_quiet());
    older = world.server.backup();
    ticket = shop.create("claimed in several histories");
    CHECK(world.run_until_quiet());
    newer = world.server.backup();
    for (Device* device : {&van, &desk, &shop}) world.network.cut(device->address());
    claim = van.assign(ticket, van.operator_id());
    world.pass(minutes_ms(10));
  }

  void restore(const std::string& backup) {
    world.pass(minutes_ms(10));
    world.server.restore(backup);
    world.forget_acknowledged();
  }
  void come_back(Device& device) {
    world.network.heal(device.address());
    CHECK(world.run_until_quiet());
  }

  World world;
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  Device& shop = world.add_device("shop");
  std::string older, newer;
  TicketId ticket;
  ChangeRef claim;
};

}  // namespace

TEST_CASE("a claim that only waited in a history that was given up stands in the way of what comes back later",
          "[world][restore]") {
  HeldClaim held(523);
  const bool before = GENERATE(true, false);
  INFO((before ? "theirs was confirmed before it was held" : "theirs was confirmed after it was held"));
  const ChangeRef theirs = held.desk.assign(held.ticket, held.desk.operator_id());
  if (before) held.come_back(held.desk);
  held.world.network.cut(held.desk.address());
  held.restore(held.older);
  held.come_back(held.van);
  CHECK(held.van.fate(held.claim).outcome == Outcome::held);
  if (!before) {
    held.come_back(held.shop);
    held.come_back(held.desk);
  }
  CHECK(held.desk.fate(theirs).outcome == Outcome::applied);
  held.world.network.cut(held.desk.address());

  held.restore(held.newer);
  CHECK(held.world.run_until_quiet());
  CHECK(held.van.fate(held.claim).outcome == Outcome::applied);
  held.come_back(held.shop);
  held.come_back(held.desk);
  CHECK(held.desk.fate(theirs).outcome == Outcome::overtaken);  // it had not seen the van's, which has its receipt
  CHECK(held.van.show(held.ticket).row.assignee == "van");
  CHECK(held.desk.view(held.ticket) == held.van.view(held.ticket));
  CHECK(held.world.invariants_hold());
}

TEST_CASE("what was held in one history and admitted in the next comes back as admitted", "[world][restore]") {
  HeldClaim held(524);
  held.restore(held.older);
  held.come_back(held.van);
  CHECK(held.van.fate(held.claim).outcome == Outcome::held);
  held.restore(held.newer);
  CHECK(held.world.run_until_quiet());
  CHECK(held.van.fate(held.claim).outcome == Outcome::applied);

  held.world.network.cut(held.van.address());
  held.restore(held.newer);
  held.world.change_role("van", "light");  // who may assign nothing
  held.come_back(held.van);
  CHECK(held.van.fate(held.claim).outcome == Outcome::applied);
  held.come_back(held.shop);
  held.come_back(held.desk);
  CHECK(held.desk.show(held.ticket).row.assignee == "van");
  CHECK(held.desk.view(held.ticket) == held.van.view(held.ticket));
  CHECK(held.world.invariants_hold());
}

TEST_CASE("claims of several devices that waited for their ticket stand in their order of then, whoever has which id",
          "[world][restore]") {
  const bool van_first = GENERATE(true, false);
  INFO("first claimed by " << (van_first ? "the van" : "the desk"));
  World world{Seed::from_environment_or(511)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  Device& shop = world.add_device("shop");
  Device& first = van_first ? van : desk;
  Device& second = van_first ? desk : van;
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  const TicketId ticket = shop.create("handed on");
  CHECK(world.run_until_quiet());
  const ChangeRef given = first.assign(ticket, first.operator_id());
  CHECK(world.run_until_quiet());
  const ChangeRef handed_on = second.assign(ticket, second.operator_id());  // having seen it
  CHECK(world.run_until_quiet());
  world.pass(hours_ms(1));

  world.server.restore(backup);
  world.forget_acknowledged();
  world.network.cut(shop.address());
  for (Device* device : {&first, &second}) {
    must(device->sync());
    must(device->sync());
  }
  CHECK(first.fate(given).outcome == Outcome::held);
  CHECK(second.fate(handed_on).outcome == Outcome::held);
  world.network.heal(shop.address());
  CHECK(world.run_until_quiet());
  CHECK(first.fate(given).standing.outcome == Outcome::applied);
  CHECK(second.fate(handed_on).standing.outcome == Outcome::applied);
  CHECK(first.show(ticket).row.assignee == second.name());
  CHECK(world.invariants_hold());  // the server's state is the fold of its ledger, and an export proves it
}

TEST_CASE("a merge that was taken back stays taken back over a restore to before either of the two",
          "[world][restore]") {
  World world{Seed::from_environment_or(824)};
  Device& desk = world.add_device("desk");
  Device& van = world.add_device("van");
  const TicketId lamp = desk.create("lamp"), pump = desk.create("pump");
  CHECK(world.run_until_quiet());
  const std::string unmerged = world.server.backup();
  const auto to_lamp = [&](Intent intent) {
    sync::Change change;
    change.intent = intent;
    change.ticket = pump;
    change.target = Bytes(lamp.view());
    const ChangeRef made = desk.save(change);
    CHECK(world.run_until_quiet());
    return made;
  };
  to_lamp(Intent::merge);
  const std::string merged = world.server.backup();
  van.note(pump, "written while it was merged");
  CHECK(world.run_until_quiet());
  const ChangeRef undo = to_lamp(Intent::unmerge);
  van.set(pump, Field::subject, "pump leaks");
  CHECK(world.run_until_quiet());

  const bool before_the_merge = GENERATE(true, false);
  INFO((before_the_merge ? "to before the merge" : "to before its undo"));
  world.pass(minutes_ms(10));
  world.network.cut(van.address());  // what comes back before the undo would meet the merge
  world.server.restore(before_the_merge ? unmerged : merged);
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());
  world.network.heal();
  CHECK(world.run_until_quiet());
  CHECK(desk.fate(undo).outcome == Outcome::applied);
  for (Device* device : {&desk, &van}) {
    CHECK(device->show(pump).merged_into.empty());
    CHECK(device->show(pump).row.subject == "pump leaks");
  }
  CHECK(desk.view(pump) == van.view(pump));
  CHECK(desk.view(lamp) == van.view(lamp));
  CHECK(world.invariants_hold());
}

TEST_CASE("who saw an edit that comes back behind a merge shows the message as it is", "[world][restore]") {
  World world{Seed::from_environment_or(533)};
  Device& desk = world.add_device("desk");
  Device& van = world.add_device("van");
  Device& shed = world.add_device("shed");
  const TicketId lamp = desk.create("lamp"), pump = desk.create("pump");
  CHECK(world.run_until_quiet());
  const ChangeRef note = van.note(pump, "as it was written");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();

  const auto restore = [&] {
    world.pass(minutes_ms(5));
    world.server.restore(backup);
    world.forget_acknowledged();
  };

  // Merged in the first history, edited in the second, which does not hear of the merge.
  for (Device* device : {&desk, &van}) world.network.cut(device->address());
  sync::Change merge;
  merge.intent = Intent::merge;
  merge.ticket = pump;
  merge.target = Bytes(lamp.view());
  shed.save(merge);
  CHECK(world.run_until_quiet());
  world.network.cut(shed.address());
  restore();
  world.network.heal(desk.address());
  world.network.heal(van.address());
  sync::Change edit;
  edit.intent = Intent::edit_message;
  edit.ticket = pump;
  edit.targets = {note};
  edit.text = "as it was edited";
  const ChangeRef edited = van.save(edit);
  CHECK(world.run_until_quiet());
  const auto shows = [&](Device& device, const std::string& text) {
    const auto lines = device.show(pump).timeline;
    return std::ranges::any_of(lines, [&](const auto& entry) { return entry.text == text; });
  };
  REQUIRE(shows(desk, "as it was edited"));

  world.network.cut(van.address());
  restore();
  world.network.heal(shed.address());
  CHECK(world.run_until_quiet());
  world.network.heal(van.address());
  CHECK(world.run_until_quiet());
  REQUIRE(van.fate(edited).outcome == Outcome::overtaken);
  for (Device* device : {&desk, &van, &shed}) {
    INFO(device->name());
    CHECK(shows(*device, "as it was written"));
  }
  CHECK(world.invariants_hold());
}
