// Devices that are set back, and servers that come back older than they were.
#include "support/world.hpp"

using namespace tern;
using namespace tern::test;

TEST_CASE("a device set back to an older state fetches its own work before it writes again", "[world][copies]") {
  World world{Seed::from_environment_or(33)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  const TicketId ticket = van.create("set back");
  CHECK(world.run_until_quiet());
  const std::string copy = van.copy_home();
  std::vector<ChangeRef> lost;
  for (int i = 0; i < 5; ++i) {
    lost.push_back(van.note(ticket, "after the copy " + std::to_string(i)));
    must(van.sync());
  }
  van.put_back(copy);
  CHECK(van.show(ticket).timeline.size() == 1);
  const ChangeRef fresh = van.note(ticket, "before the first sync");
  CHECK(world.run_until_quiet());

  CHECK(must(world.server.read(van.tenant())->int64_of("SELECT max(device_epoch) FROM device")) == 1);
  CHECK(must(world.server.read(van.tenant())->int64_of("SELECT count(*) FROM fork")) == 0);
  for (const ChangeRef& ref : lost) CHECK(van.fate(ref).outcome == Outcome::applied);
  CHECK(van.fate(fresh).outcome == Outcome::applied);
  CHECK(van.show(ticket).timeline.size() == 7);
  CHECK(desk.view(ticket) == van.view(ticket));
  CHECK(world.invariants_hold());
}

TEST_CASE("old files put back under a device that is ahead: it says so, keeps everything, and works on",
          "[world][copies]") {
  World world{Seed::from_environment_or(34)};
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("kept");
  CHECK(world.run_until_quiet());
  const ServerCopy old = world.server.copy();
  const ChangeRef acknowledged = van.note(ticket, "acknowledged and lost by the server");
  const TicketId newer = van.create("the server forgets it");
  CHECK(world.run_until_quiet());
  const ServerCopy newest = world.server.copy();
  const std::string before = van.view(ticket);
  const client::SyncStatus status = van.status();

  world.server.put_back(old);
  const auto refused = van.sync();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::server_rollback);
  CHECK_FALSE(van.status().paused.empty());
  CHECK(world.server.log_lines().find("\"device_ahead\"") != std::string::npos);
  CHECK(van.view(ticket) == before);
  CHECK(van.holds(newer));
  CHECK(van.status().cursor == status.cursor);
  CHECK(van.status().confirmed == status.confirmed);
  const ChangeRef offline = van.note(ticket, "work goes on");
  CHECK(van.status().saved_here == 1);
  CHECK_FALSE(van.sync());
  CHECK(world.place_of(van.tenant(), offline) == "nowhere");

  world.server.put_back(newest);
  CHECK(world.run_until_quiet());
  CHECK(van.fate(acknowledged).outcome == Outcome::applied);
  CHECK(van.fate(offline).outcome == Outcome::applied);
  CHECK(van.status().paused.empty());
  CHECK(world.invariants_hold());
}

TEST_CASE(
    "a backup restored under devices that are ahead: under the new epoch they send their work again, and nothing is "
    "lost",
    "[world][copies]") {
  World world{Seed::from_environment_or(35)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  const TicketId ticket = van.create("restored");
  van.set(ticket, Field::subject, "pump");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  const ChangeRef by_van = van.note(ticket, "van, after the backup");
  CHECK(world.run_until_quiet());
  const ChangeRef by_desk = desk.set(ticket, Field::subject, "pump, seen by the desk");
  const TicketId newer = desk.create("made after the backup");
  desk.set(newer, Field::priority, "4");
  CHECK(world.run_until_quiet());
  const ChangeRef seen_before = van.set(ticket, Field::subject, "pump, seen across the restore");
  const std::string number = van.show(newer).row.number;

  world.server.restore(backup);
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());
  for (Device* device : {&van, &desk}) {
    INFO(device->name());
    CHECK(device->status().paused.empty());
    CHECK(device->status().saved_here == 0);
    REQUIRE(device->holds(newer));
    CHECK(device->show(newer).row.priority == "urgent");
    CHECK(device->show(ticket).row.subject == "pump, seen across the restore");
  }
  for (const ChangeRef& ref : {by_van, by_desk, seen_before}) CHECK(world.place_of(van.tenant(), ref) == "ledger");
  CHECK(van.fate(by_van).outcome == Outcome::applied);
  CHECK(van.fate(seen_before).outcome == Outcome::applied);
  CHECK(desk.view(newer) == van.view(newer));
  CHECK(desk.view(ticket) == van.view(ticket));

  const TicketId next = van.create("the next one");
  CHECK(world.run_until_quiet());
  CHECK(desk.show(next).row.integer_id > 10'000);  // no number is given twice
  CHECK(desk.show(next).row.number != number);
  CHECK(world.invariants_hold());
}

TEST_CASE("a backup made before the last restore, restored again, is followed like any other", "[world][copies]") {
  World world{Seed::from_environment_or(36)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  const TicketId ticket = van.create("restored twice");
  CHECK(world.run_until_quiet());
  const std::string first = world.server.backup();
  const ChangeRef between = van.note(ticket, "between the backups");
  CHECK(world.run_until_quiet());
  const std::string second = world.server.backup();
  const ChangeRef after = desk.note(ticket, "after both");
  CHECK(world.run_until_quiet());

  const std::string orders[][2] = {{first, first}, {first, second}, {second, first}};
  for (const auto& order : orders) {
    std::vector<ChangeRef> said;
    for (const std::string& backup : order) {
      world.server.restore(backup);
      world.forget_acknowledged();
      said.push_back(van.note(ticket, "van in epoch " + std::to_string(said.size())));
      CHECK(world.run_until_quiet());
      said.push_back(desk.note(ticket, "desk in epoch " + std::to_string(said.size())));
      CHECK(world.run_until_quiet());
    }
    said.insert(said.end(), {between, after});
    for (Device* device : {&van, &desk}) {
      INFO(device->name());
      CHECK(device->status().paused.empty());
      CHECK(device->status().saved_here == 0);
    }
    for (const ChangeRef& ref : said) CHECK(world.place_of(van.tenant(), ref) == "ledger");
    CHECK(desk.view(ticket) == van.view(ticket));
  }
  CHECK(world.invariants_hold());
}

TEST_CASE("a restore right after another one, of an older backup, is followed by who followed the first",
          "[world][copies][restore]") {
  World world{Seed::from_environment_or(47)};
  Device& van = world.add_device("van");
  Device& asleep = world.add_device("asleep");
  const TicketId ticket = van.create("restored twice at once");
  CHECK(world.run_until_quiet());
  const std::string older = world.server.backup();
  world.pass(hours_ms(1));
  // A wrong clock was served for a while: server time of the newer backup is an hour ahead.
  const bool ahead = GENERATE(false, true);
  INFO((ahead ? "server time of the newer backup is ahead" : "both backups have the time of day"));
  if (ahead) {
    world.server.environment.set_wall(world.server.environment.wall_ms() + hours_ms(1));
    world.server.administer("clock accept", {});
  }
  const ChangeRef between = van.note(ticket, "between the backups");
  CHECK(world.run_until_quiet());
  const std::string newer = world.server.backup();
  if (ahead) world.server.environment.set_wall(world.server.environment.wall_ms() - hours_ms(1));
  world.network.cut(asleep.address());

  world.server.restore(newer);
  world.forget_acknowledged();
  must(van.sync());
  world.server.restore(older);
  world.forget_acknowledged();
  const ChangeRef after = van.note(ticket, "after both");
  const auto followed = van.sync();
  INFO((followed ? "" : followed.error().message));
  REQUIRE(followed);
  world.network.heal(asleep.address());
  CHECK(world.run_until_quiet());
  for (Device* device : {&van, &asleep}) {
    INFO(device->name() + ": " + device->status().paused);
    CHECK(device->status().paused.empty());
    CHECK(device->status().saved_here == 0);
  }
  for (const ChangeRef& ref : {between, after}) CHECK(world.place_of(van.tenant(), ref) == "ledger");
  CHECK(asleep.view(ticket) == van.view(ticket));
  CHECK(world.invariants_hold());
}

TEST_CASE("what a device has to tell waits behind what was not dismissed yet, and is not said twice",
          "[world][copies]") {
  World world{Seed::from_environment_or(362)};
  Device& van = world.add_device("van");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  world.add_device("tablet", {.person = "van"});
  must(van.sync());
  const std::string enrolled = van.status().notice;
  REQUIRE(enrolled.find("\"tablet\"") != std::string::npos);
  const auto told_after_a_restore = [&] {
    world.server.restore(backup);
    world.forget_acknowledged();
    van.create("a ticket");
    must(van.sync());
    return van.status().notice;
  };
  const std::string both = told_after_a_restore();
  CHECK(both.find(enrolled + " The server was restored") == 0);
  CHECK(told_after_a_restore() == both);
  must(van.client().commands().dismiss_notice());
  CHECK(van.status().notice.empty());
  CHECK(told_after_a_restore().find("The server was restored") == 0);
}

TEST_CASE("a backup made after a restore that was given up again is followed, and the server of then is not",
          "[world][copies][security]") {
  World world{Seed::from_environment_or(361)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  Device& shed = world.add_device("shed");
  const TicketId ticket = van.create("restored on two branches");
  CHECK(world.run_until_quiet());
  world.network.cut(shed.address());  // hears of none of it before the end
  const std::string trunk = world.server.backup();
  std::vector<ChangeRef> said;
  const auto restore = [&](const std::string& backup) {
    world.server.restore(backup);
    world.forget_acknowledged();
    said.push_back(van.note(ticket, "van after restore " + std::to_string(said.size())));
    CHECK(world.run_until_quiet());
    said.push_back(desk.note(ticket, "desk after restore " + std::to_string(said.size())));
    CHECK(world.run_until_quiet());
  };
  restore(trunk);
  const std::string branch = world.server.backup();
  const ServerCopy then = world.server.copy();
  restore(trunk);
  // Files put back are no restore: who is ahead of them does not go back, on whichever branch they lie.
  const auto is_refused = [&](const ServerCopy& old) {
    const ServerCopy newest = world.server.copy();
    world.server.put_back(old);
    const auto refused = van.sync();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::server_rollback);
    world.server.put_back(newest);
    CHECK(world.run_until_quiet());
  };
  is_refused(then);
  const ServerCopy given_up = world.server.copy();

  restore(branch);
  is_refused(then);
  is_refused(given_up);
  world.network.heal(shed.address());
  said.push_back(shed.note(ticket, "shed after all"));
  CHECK(world.run_until_quiet());
  for (Device* device : {&van, &desk, &shed}) {
    INFO(device->name());
    CHECK(device->status().paused.empty());
    CHECK(device->status().saved_here == 0);
  }
  for (const ChangeRef& ref : said) CHECK(world.place_of(van.tenant(), ref) == "ledger");
  CHECK(desk.view(ticket) == van.view(ticket));
  CHECK(shed.view(ticket) == van.view(ticket));
  CHECK(world.invariants_hold());
}

TEST_CASE(
    "after a restore that lost a colleague's work for good, who saw it keeps it, goes on writing, and sees what others "
    "write",
    "[world][copies]") {
  World world{Seed::from_environment_or(38)};
  Device& van = world.add_device("van");
  Device& office = world.add_device("office");
  Device& lost = world.add_device("lost");
  const TicketId ticket = van.create("shared");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  for (int i = 0; i < 40; ++i) {
    lost.note(ticket, "lost " + std::to_string(i));
    must(lost.sync());
  }
  lost.set(ticket, Field::subject, "shared, said the lost one");
  must(lost.sync());
  must(van.sync());
  CHECK(van.show(ticket).timeline.size() == 42);
  lost.gone = true;
  lost.close();

  world.server.restore(backup);
  world.forget_acknowledged();
  for (int trip = 0; trip < 2; ++trip) {
    const ChangeRef by_van = van.note(ticket, "van goes on " + std::to_string(trip));
    const ChangeRef by_office = office.set(ticket, Field::priority, trip == 0 ? "3" : "4");
    CHECK(world.run_until_quiet());
    CHECK(van.status().paused.empty());
    CHECK(van.status().saved_here == 0);
    CHECK(van.fate(by_van).outcome == Outcome::applied);
    CHECK(office.fate(by_office).outcome == Outcome::applied);
    CHECK(van.show(ticket).row.priority == (trip == 0 ? "high" : "urgent"));
    CHECK(office.show(ticket).row.priority == van.show(ticket).row.priority);
  }
  // What only this device still knows is still there.
  std::size_t of_the_lost = 0;
  for (const client::TimelineEntry& entry : van.show(ticket).timeline)
    if (entry.text.starts_with("lost ")) ++of_the_lost;
  CHECK(of_the_lost == 40);
}

TEST_CASE("a device keeps confirmed work for as long as the server says that backups are kept", "[world][copies]") {
  World world{Seed::from_environment_or(41)};
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("kept");
  const ChangeRef said = van.note(ticket, "as long as a backup that lacks it");
  CHECK(world.run_until_quiet());
  const auto back_up = [&](const std::string& name, std::int64_t keep_days) {
    const Json to(world.folder.file(name));
    if (keep_days == 0) world.server.administer("backup", {{"to", to}});
    if (keep_days != 0) world.server.administer("backup", {{"to", to}, {"keep", Json(keep_days)}});
    van.note(ticket, name);
    CHECK(world.run_until_quiet());
  };
  const auto holds = [&] {
    for (const client::HistoryEntry& entry : van.history())
      if (entry.change == said) return true;
    return false;
  };
  back_up("first", 90);
  CHECK(world.server.administer("status")["rows"].items()[0]["backups_kept_days"].as_integer() == 90);
  world.pass(60 * 86'400'000LL);
  back_up("second", 0);
  CHECK(holds());
  world.pass(31 * 86'400'000LL);
  back_up("third", 0);
  CHECK_FALSE(holds());
}
