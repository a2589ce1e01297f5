// Backups of one history restored under another, several times: epochs that do not know of each other.
#include <set>

#include "support/world.hpp"

using namespace tern;
using namespace tern::test;

namespace {

void restore_and_settle(World& world, const std::string& backup) {
  world.pass(minutes_ms(1));  // server time may stand ahead of the clock after each
  world.server.restore(backup);
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());
}

}  // namespace

TEST_CASE("restores of backups of several histories give no number twice", "[world][restore]") {
  World world{Seed::from_environment_or(521)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  van.create("in every backup");
  CHECK(world.run_until_quiet());
  const std::string trunk = world.server.backup();
  restore_and_settle(world, trunk);
  restore_and_settle(world, trunk);
  const std::string branch = world.server.backup();  // which does not know of the first of the two

  restore_and_settle(world, branch);
  world.network.cut(desk.address());
  const TicketId first = van.create("of the third epoch");
  CHECK(world.run_until_quiet());
  const std::string number = van.show(first).row.number;
  const auto id = van.show(first).row.integer_id;

  world.network.cut(van.address());
  world.network.heal(desk.address());
  restore_and_settle(world, trunk);
  const TicketId second = desk.create("of the fourth epoch");
  CHECK(world.run_until_quiet());
  INFO(desk.status().paused);
  CHECK(desk.up_to_date());
  CHECK(desk.show(second).row.number != number);
  CHECK(desk.show(second).row.integer_id != id);

  world.network.heal(van.address());
  CHECK(world.run_until_quiet());
  CHECK(desk.show(first).row.number == number);
  CHECK(desk.show(first).row.integer_id == id);
  CHECK(world.invariants_hold());
}

TEST_CASE("restores give no number twice where a year began between them", "[world][restore]") {
  World world{Seed::from_environment_or(522)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  van.create("of the old year");
  CHECK(world.run_until_quiet());
  const std::string old_year = world.server.backup();
  std::set<std::string> given;
  const auto create = [&](Device& device) {
    const TicketId ticket = device.create("another one");
    CHECK(world.run_until_quiet());
    const std::string number = device.show(ticket).row.number;
    INFO(number);
    CHECK(number.starts_with("T-2024-"));
    CHECK(given.insert(number).second);
  };
  restore_and_settle(world, old_year);
  world.pass(days_ms(60));
  create(van);
  const std::string new_year = world.server.backup();
  world.network.cut(desk.address());
  restore_and_settle(world, old_year);
  for (int i = 0; i < 3; ++i) create(van);
  world.network.cut(van.address());
  world.network.heal(desk.address());
  restore_and_settle(world, new_year);  // van holds the numbers of the restore before, and is not here to say so
  for (int i = 0; i < 3; ++i) create(desk);
  world.network.heal(van.address());
  CHECK(world.run_until_quiet());
  for (const client::ListRow& row : desk.list()) given.erase(row.number);
  CHECK(given.empty());
  CHECK(world.invariants_hold());
}

TEST_CASE("a device enrolled after a restore comes back when a backup from before that restore is restored",
          "[world][restore]") {
  World world{Seed::from_environment_or(524)};
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("in every backup");
  CHECK(world.run_until_quiet());
  const std::string trunk = world.server.backup();
  const bool two_epochs_on = GENERATE(false, true);
  restore_and_settle(world, trunk);
  if (two_epochs_on) restore_and_settle(world, world.server.backup());
  Device& late = world.add_device("late", {.person = "van"});
  const ChangeRef note = late.note(ticket, "of an epoch that the backup knows nothing of");
  const TicketId made = late.create("made in it");
  CHECK(world.run_until_quiet());
  const std::string number = late.show(made).row.number;

  const ChangeRef offline = late.note(ticket, "not sent yet");
  restore_and_settle(world, trunk);
  INFO(late.status().paused);
  CHECK(late.up_to_date());
  for (const ChangeRef& ref : {note, offline}) CHECK(late.fate(ref).outcome == Outcome::applied);
  CHECK(late.show(made).row.number == number);
  CHECK(van.view(made) == late.view(made));
  CHECK(van.show(ticket).timeline.size() == 3);
  CHECK(world.invariants_hold());
}

TEST_CASE("a device whose fork was healed comes back when a backup from before its enrolment is restored",
          "[world][restore][copies]") {
  World world{Seed::from_environment_or(525)};
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("in every backup");
  CHECK(world.run_until_quiet());
  const std::string trunk = world.server.backup();
  Device& late = world.add_device("late", {.person = "van"});
  const ChangeRef note = late.note(ticket, "under the first certificate");
  CHECK(world.run_until_quiet());
  Device& twin = world.clone(late, "twin");
  const ChangeRef by_twin = twin.note(ticket, "the twin's");
  world.pass(minutes_ms(1));
  twin.note(ticket, "by now the one before is sealed");
  const ChangeRef by_late = late.note(ticket, "the owner's");
  must(late.sync());
  must(twin.sync());
  const ChangeRef healed = twin.note(ticket, "under the second certificate");
  must(twin.sync());
  REQUIRE(twin.fate(healed).outcome == Outcome::applied);
  const ChangeRef offline = twin.note(ticket, "not sent yet");
  world.network.cut(late.address());
  restore_and_settle(world, trunk);
  INFO(twin.status().paused);
  CHECK(twin.up_to_date());
  for (const ChangeRef& ref : {note, by_twin, healed, offline}) CHECK(twin.fate(ref).outcome == Outcome::applied);
  static_cast<void>(by_late);
  const auto row = [&](const std::string& column) {
    return must(world.server.read(van.tenant())
                    ->int64_of("SELECT " + column + " FROM device WHERE device_id = $1", twin.identity().device));
  };
  CHECK(row("device_epoch") == 3);
  CHECK(row("forked_ms") == 0);  // nobody's fork: it was let in again

  world.network.heal(late.address());  // which never heard of the second certificate
  CHECK(world.run_until_quiet());
  CHECK(late.fate(by_late).outcome == Outcome::applied);
  CHECK(row("device_epoch") == 4);
  CHECK(row("forked_ms") != 0);
  CHECK(world.invariants_hold());
}
