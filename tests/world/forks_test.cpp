// Devices that exist twice: a fork heals once, and nobody's work is lost.
#include "support/world_history.hpp"

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

struct Forked {
  Device* other = nullptr;
  ChangeRef by_owner, by_other;
};

/// A copy of the owner's home and the owner have both sealed a set of the same number, and have both synced.
Forked fork(World& world, Device& owner, const TicketId& ticket) {
  Forked out{&world.clone(owner, "clone"), {}, {}};
  out.by_other = out.other->note(ticket, "the clone's");
  world.pass(minutes_ms(1));
  out.other->note(ticket, "by now the one before is sealed");
  out.by_owner = owner.note(ticket, "the owner's");
  must(owner.sync());
  must(out.other->sync());
  return out;
}

}  // namespace

TEST_CASE("a cloned device: the first fork heals, the second freezes the key, and nobody's work is lost",
          "[world][copies]") {
  World world{Seed::from_environment_or(31)};
  Device& owner = world.add_device("owner");
  Device& desk = world.add_device("desk");
  const TicketId ticket = owner.create("cloned");
  CHECK(world.run_until_quiet());
  const auto [other_copy, first, theirs] = fork(world, owner, ticket);
  Device& other = *other_copy;
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
    CHECK_FALSE(twin.needs_attention(draft));  // it is its own as well
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

  fork(world, owner, ticket);
  CHECK(told(tablet).find("Your device \"owner\" exists twice") == 0);
  owner.note(ticket, "once more");
  CHECK_FALSE(owner.sync());
  CHECK(told(tablet).find("exists twice and was frozen") != std::string::npos);
  CHECK(told(desk).empty());
  world.pass(8 * 86'400'000LL);
  CHECK(world.server.administer("status")["rows"].items()[0]["devices_new"].as_integer() == 0);
}

TEST_CASE("an export proves the work of a device epoch that is over by its own certificate", "[world][history]") {
  World world{Seed::from_environment_or(813)};
  Device& owner = world.add_device("owner");
  const TicketId ticket = owner.create("cloned");
  CHECK(world.run_until_quiet());
  fork(world, owner, ticket);
  CHECK(world.run_until_quiet());
  auto lines = export_history(world);
  REQUIRE(prove(lines));
  std::size_t earlier = 0;
  for (const std::string& line : lines)
    if (line.find("\"earlier\":[") != std::string::npos) ++earlier;
  CHECK(earlier == 1);
}
