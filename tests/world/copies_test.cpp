// Devices and servers that exist twice, or come back older than they were.
#include "outbox/outbox.hpp"
#include "support/world_intruder.hpp"

using namespace tern;
using namespace tern::test;

namespace {

std::int64_t device_epoch_on_server(World& world, Device& device) {
  return must(world.server.read(device.tenant())
                  ->int64_of("SELECT device_epoch FROM device WHERE device_id = $1", device.identity().device))
      .value_or(0);
}

bool frozen(World& world, Device& device) {
  return must(world.server.read(device.tenant())
                  ->int64_of("SELECT key_state FROM device WHERE device_id = $1", device.identity().device)) ==
         static_cast<std::int64_t>(protocol::KeyState::frozen);
}

}  // namespace

TEST_CASE("a cloned device: the first fork heals, the second freezes the key, and nobody's work is lost",
          "[world][copies]") {
  World world{Seed::from_environment_or(31)};
  Device& owner = world.add_device("owner");
  Device& desk = world.add_device("desk");
  const TicketId ticket = owner.create("cloned");
  CHECK(world.run_until_quiet());
  Device& other = world.clone(owner, "clone");

  const ChangeRef theirs = other.note(ticket, "the clone's first");
  world.pass(minutes_ms(1));
  other.note(ticket, "by now the one before is sealed");
  const ChangeRef first = owner.note(ticket, "the owner's first");
  must(owner.sync());
  must(other.sync());
  CHECK(other.identity().device == owner.identity().device);
  CHECK(device_epoch_on_server(world, owner) == 2);
  CHECK_FALSE(frozen(world, owner));
  const auto told = [&] { return to_text(world.server.administer("status")["problems"]); };
  CHECK(told().find("World: 1 device(s) exist twice and go on") != std::string::npos);
  CHECK(world.place_of(owner.tenant(), first) == "ledger");
  CHECK(world.place_of(owner.tenant(), theirs) == "ledger");
  CHECK(other.fate(theirs).outcome == Outcome::applied);
  CHECK(world.invariants_hold());

  const ChangeRef second = owner.note(ticket, "the owner's second");
  const auto refused = owner.sync();
  REQUIRE_FALSE(refused);
  CHECK(frozen(world, owner));
  CHECK(told().find("World: 1 device(s) exist twice and are frozen") != std::string::npos);
  CHECK(told().find("go on under") == std::string::npos);
  CHECK_FALSE(owner.status().paused.empty());
  CHECK(world.place_of(owner.tenant(), second) == "quarantine");
  const ChangeRef last = other.note(ticket, "the clone's last");
  CHECK_FALSE(other.sync());
  CHECK(world.place_of(owner.tenant(), last) == "quarantine");
  CHECK(owner.show(ticket).timeline.back().text == "the owner's second");  // both work on offline
  CHECK(device_epoch_on_server(world, owner) == 2);

  must(desk.sync());
  CHECK(desk.show(ticket).timeline.size() == 4);  // create, and what came before the freeze
  Device& fresh = world.add_device("fresh", {.person = "owner"});
  const ChangeRef again = fresh.note(ticket, "under a new key");
  must(fresh.sync());
  CHECK(fresh.fate(again).outcome == Outcome::applied);
  CHECK(world.invariants_hold());
}

TEST_CASE("a clone that sealed one set while the owner pushed three: the fork heals, and all four are there",
          "[world][copies]") {
  World world{Seed::from_environment_or(37)};
  Device& owner = world.add_device("owner");
  Device& desk = world.add_device("desk");
  const TicketId ticket = owner.create("cloned");
  CHECK(world.run_until_quiet());
  Device& other = world.clone(owner, "clone");
  const ChangeRef sealed = other.note(ticket, "sealed by the clone");
  world.pass(minutes_ms(1));
  const ChangeRef open = other.note(ticket, "not sealed yet");
  for (int i = 0; i < 3; ++i) {
    owner.note(ticket, "the owner's " + std::to_string(i));
    must(owner.sync());
  }
  must(other.sync());
  CHECK(device_epoch_on_server(world, owner) == 2);
  CHECK(other.fate(sealed).outcome == Outcome::applied);
  CHECK(other.fate(open).outcome == Outcome::applied);
  must(desk.sync());
  CHECK(desk.show(ticket).timeline.size() == 6);
  CHECK(world.invariants_hold());
}

TEST_CASE("thief and owner push by turns for ten rounds: at most one new device epoch, and nobody's work is lost",
          "[world][copies][security][scenario-10]") {
  World world{Seed::from_environment_or(32)};
  Device& owner = world.add_device("owner");
  const TicketId ticket = owner.create("stolen");
  CHECK(world.run_until_quiet());
  Device& thief = world.clone(owner, "thief");
  std::vector<ChangeRef> work;
  for (int round = 0; round < 10; ++round) {
    for (Device* device : {&owner, &thief}) {
      work.push_back(device->note(ticket, device->name() + " " + std::to_string(round)));
      device->begin_round();
      world.pass(minutes_ms(10));
    }
  }
  CHECK(device_epoch_on_server(world, owner) <= 2);
  for (const ChangeRef& ref : work) CHECK(world.place_of(owner.tenant(), ref) != "nowhere");
  CHECK(world.invariants_hold());
}

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

  CHECK(device_epoch_on_server(world, van) == 1);  // no fork
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

TEST_CASE("two copies of a device seal the same draft apart: it counts once, and is erased wherever it stands",
          "[world][copies]") {
  World world{Seed::from_environment_or(37)};
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("a ticket");
  CHECK(world.run_until_quiet());
  const ChangeRef draft = van.note(ticket, "written before the copy was made");
  const std::string copy = van.copy_home();
  CHECK(world.run_until_quiet());
  CHECK(van.fate(draft).outcome == Outcome::applied);
  world.pass(60'000);

  SECTION("it counts as what the first one came to") {
    Device& twin = world.clone(van, "twin");
    twin.put_back(copy);
    const ChangeRef own = twin.note(ticket, "by the twin");
    CHECK(world.run_until_quiet());
    CHECK(twin.fate(draft).outcome == Outcome::applied);
    CHECK(world.place_of(van.tenant(), own) == "ledger");
  }
  SECTION("erased meanwhile: the copy comes to rest, and nobody holds the text") {
    const std::string name = to_uuid_text(draft.device.view()) + ":" + to_hex(draft.id);
    world.server.administer("erase", {{"change", Json::array({Json(name)})}});
    for (SavedWork& work : world.saved_work)
      if (work.ref == draft) work.erased = true;
    van.put_back(copy);
    CHECK(world.run_until_quiet());
    CHECK(van.status().paused.empty());
    CHECK(van.status().saved_here == 0);
    for (const client::HistoryEntry& entry : van.history())
      CHECK(entry.text.find("written before") == std::string::npos);
  }
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
    CHECK(office.show(ticket).timeline.back().what.size() > 0);
  }
  // What only this device still knows is still there.
  std::size_t of_the_lost = 0;
  for (const client::TimelineEntry& entry : van.show(ticket).timeline)
    if (entry.text.starts_with("lost ")) ++of_the_lost;
  CHECK(of_the_lost == 40);
}

TEST_CASE("`seen` of 2^63 is answered as a server that is behind, and changes nothing",
          "[world][security][scenario-13]") {
  World world{Seed::from_environment_or(36)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  const TicketId ticket = van.create("far ahead");
  CHECK(world.run_until_quiet());
  const auto before = world.server.tenant(van.tenant()).commit_seq();

  Intruder intruder(world, van);
  must(intruder.begin_session());
  sync::Change change = intruder.note(ticket, "from the future");
  change.seen_seq = std::uint64_t{1} << 63;
  const auto by_change = must(intruder.push(intruder.seal(intruder.next_header(), {change})));
  INFO(by_change.error().message());
  CHECK(by_change.error().code() == "SERVER_BEHIND");
  CHECK(by_change.error().retry() == "LATER");
  auto header = intruder.next_header();
  header.anchor_hash = must(must(client::Outbox::open(van.home() + "/outbox.db", intruder.keys.data_key.view(), {},
                                                      sqlite::Role::reader))
                                ->anchor())
                           .hash;
  header.seen_seq = std::uint64_t{1} << 63;
  const auto by_header = must(intruder.push(intruder.seal(header, {intruder.note(ticket, "another one")})));
  CHECK(by_header.error().code() == "SERVER_BEHIND");
  CHECK(world.server.tenant(van.tenant()).commit_seq() == before);

  const ChangeRef honest = van.note(ticket, "and the device works on");
  CHECK(world.run_until_quiet());
  CHECK(van.fate(honest).outcome == Outcome::applied);
  CHECK(desk.view(ticket) == van.view(ticket));
  CHECK(world.invariants_hold());
}

TEST_CASE("the copy that goes on after a fork lists what the other one landed, and says what is not its own",
          "[world][copies]") {
  World world{Seed::from_environment_or(39)};
  Device& owner = world.add_device("owner");
  Device& desk = world.add_device("desk");
  const TicketId ticket = owner.create("cloned");
  CHECK(world.run_until_quiet());
  Device& thief = world.clone(owner, "thief");
  const ChangeRef mine = owner.note(ticket, "the owner's, sealed");
  world.pass(minutes_ms(1));
  const ChangeRef open = owner.note(ticket, "the owner's, open");
  const ChangeRef note = thief.note(ticket, "the thief's note");
  must(thief.sync());
  const ChangeRef subject = thief.set(ticket, Field::subject, "the thief's subject");
  must(thief.sync());
  must(owner.sync());
  CHECK(device_epoch_on_server(world, owner) == 2);

  const auto listed = owner.attention();
  REQUIRE(listed.size() == 2);
  CHECK(listed[0].change == subject);
  CHECK(listed[0].intent == "set");
  CHECK(listed[1].change == note);
  CHECK(listed[1].ticket == ticket);
  CHECK(listed[1].subject == "the thief's subject");
  CHECK(listed[1].sentence.find("not by this copy of it") != std::string::npos);
  CHECK(owner.status().needs_attention == 2);
  for (const ChangeRef& own : {mine, open}) CHECK_FALSE(owner.needs_attention(own));

  client::Commands& commands = owner.client().commands();
  const client::FollowedUp said = must(commands.follow_up(note, "not-mine", "ask me"));
  REQUIRE(said.saved.size() == 1);
  CHECK_FALSE(owner.needs_attention(note));
  must(commands.dismiss(subject));
  CHECK(owner.attention().empty());
  CHECK(owner.status().needs_attention == 0);
  must(owner.sync());
  must(desk.sync());
  const client::TimelineEntry last = desk.show(ticket).timeline.back();
  CHECK(last.visibility == "team");
  CHECK(last.text.starts_with("Not mine: "));
  CHECK(last.text.ends_with("under my device's key by another copy of it. ask me"));
  CHECK(owner.attention().empty());  // what was dealt with is not fetched again
  CHECK(world.invariants_hold());
}

TEST_CASE("a new device, one that exists twice and a frozen one are told on its user's other devices",
          "[world][copies]") {
  World world{Seed::from_environment_or(40)};
  Device& tablet = world.add_device("tablet", {.person = "owner"});
  Device& desk = world.add_device("desk");
  CHECK(world.run_until_quiet());
  const auto told = [](Device& device) {
    must(device.sync());
    return device.status().notice;
  };
  CHECK(told(tablet).empty());
  Device& owner = world.add_device("owner");
  CHECK(told(tablet).find("A new device of yours was enrolled: \"owner\"") == 0);
  CHECK(world.server.administer("status")["rows"].items()[0]["devices_new"].as_integer() == 3);
  must(tablet.client().commands().dismiss_notice());
  CHECK(told(tablet).empty());
  const TicketId ticket = owner.create("cloned");
  must(owner.sync());
  CHECK(told(owner).empty());  // of itself, and of those that were there before it

  Device& other = world.clone(owner, "clone");
  other.note(ticket, "the clone's");
  world.pass(minutes_ms(1));
  other.note(ticket, "by now the one before is sealed");
  owner.note(ticket, "the owner's");
  must(owner.sync());
  must(other.sync());
  CHECK(told(tablet).find("Your device \"owner\" exists twice") == 0);
  owner.note(ticket, "once more");
  CHECK_FALSE(owner.sync());
  CHECK(told(tablet).find("exists twice and was frozen") != std::string::npos);
  CHECK(told(desk).empty());
  world.pass(8 * 86'400'000LL);
  CHECK(world.server.administer("status")["rows"].items()[0]["devices_new"].as_integer() == 0);
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
