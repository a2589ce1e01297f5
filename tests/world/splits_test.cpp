// A split gives messages to a ticket that others hold.
#include "support/world.hpp"

using namespace tern;
using namespace tern::test;

namespace {

std::size_t times_read(Device& device, const TicketId& ticket, const std::string& text) {
  const auto timeline = device.show(ticket).timeline;
  return static_cast<std::size_t>(std::ranges::count_if(
      timeline, [&](const client::TimelineEntry& entry) { return entry.text == text && !entry.erased; }));
}

}  // namespace

TEST_CASE("whoever holds a split-off ticket reads what it was given, without holding the other one", "[world]") {
  World world{Seed::from_environment_or(821)};
  world.add_record("queue", "Field");
  Device& desk = world.add_device("desk");
  Device& ben = world.add_device("ben", {.role = "operator", .queues = {"Field"}, .scope_all = false});
  const TicketId pump = desk.create("pump and lamp");
  desk.note(pump, "the pump leaks");
  const ChangeRef given = desk.note(pump, "the lamp is dark");
  const ChangeRef secret = desk.note(pump, "nobody's business", sync::Visibility::restricted);
  desk.set(pump, Field::contact, Bytes(world.add_record("contact", "Joe").view()));
  desk.set(pump, Field::organisation, Bytes(world.add_record("organisation", "Mill").view()));
  CHECK(world.run_until_quiet());

  sync::Change create;
  create.intent = Intent::create;
  create.ticket = random_id<TicketId>(desk.environment);
  create.fields.push_back({Field::subject, {}, Bytes("lamp"), false});
  const TicketId lamp = create.ticket;
  sync::Change split;
  split.intent = Intent::split;
  split.ticket = pump;
  split.target = Bytes(lamp.view());
  split.targets = {given, secret};
  REQUIRE(desk.try_save({create, split}));
  desk.assign(lamp, ben.operator_id());
  CHECK(world.run_until_quiet());
  REQUIRE(ben.holds(lamp));
  CHECK_FALSE(ben.holds(pump));
  CHECK(ben.show(lamp).row.contact == "Joe");  // whose it is goes along
  CHECK(ben.show(lamp).organisation == "Mill");
  CHECK(times_read(ben, lamp, "the lamp is dark") == 1);
  CHECK(times_read(ben, lamp, "the pump leaks") == 0);
  CHECK(times_read(ben, lamp, "nobody's business") == 0);
  CHECK(times_read(desk, lamp, "the lamp is dark") == 1);  // it has it twice, and shows it once
  CHECK(world.invariants_hold());

  // What becomes of the message on its own ticket, the other one's holder is told, too.
  sync::Change edit;
  edit.intent = Intent::edit_message;
  edit.ticket = pump;
  edit.targets = {given};
  edit.text = "the lamp flickers";
  desk.save(edit);
  CHECK(world.run_until_quiet());
  CHECK(times_read(ben, lamp, "the lamp flickers") == 1);
  CHECK(times_read(ben, lamp, "the lamp is dark") == 0);
  world.server.administer(
      "erase", {{"change", Json::array({Json(to_uuid_text(given.device.view()) + ":" + to_hex(given.id))})}});
  CHECK(world.run_until_quiet());
  CHECK(times_read(ben, lamp, "the lamp is dark") == 0);
  CHECK(times_read(ben, lamp, "the lamp flickers") == 0);
  // I3 misses the text that is erased; nothing else is to be complained of.
  static_cast<void>(world.invariants_hold());
  for (const std::string& complaint : world.complaints()) CHECK(complaint.starts_with("I3"));
}

TEST_CASE("a split is taken back by a merge into the ticket it came from, which reads all of both, each once",
          "[world]") {
  World world{Seed::from_environment_or(824)};
  Device& desk = world.add_device("desk");
  Device& van = world.add_device("van");
  const TicketId pump = desk.create("pump and lamp");
  desk.note(pump, "the pump leaks");
  const ChangeRef given = desk.note(pump, "the lamp is dark");
  CHECK(world.run_until_quiet());
  sync::Change create;
  create.intent = Intent::create;
  create.ticket = random_id<TicketId>(desk.environment);
  create.fields.push_back({Field::subject, {}, Bytes("lamp"), false});
  const TicketId lamp = create.ticket;
  sync::Change split;
  split.intent = Intent::split;
  split.ticket = pump;
  split.target = Bytes(lamp.view());
  split.targets = {given};
  REQUIRE(desk.try_save({create, split}));
  CHECK(world.run_until_quiet());
  van.note(lamp, "a new bulb is ordered");
  CHECK(world.run_until_quiet());

  world.network.cut(van.address());
  sync::Change back;
  back.intent = Intent::merge;
  back.ticket = lamp;
  back.target = Bytes(pump.view());
  desk.save(back);
  const ChangeRef late = van.note(lamp, "the bulb is here");  // who does not know it yet goes on writing there
  CHECK(world.run_until_quiet());
  world.network.heal(van.address());
  CHECK(world.run_until_quiet());
  for (Device* device : {&desk, &van}) {
    INFO(device->name());
    CHECK(device->show(lamp).merged_into == device->show(pump).row.number);
    for (const char* text : {"the pump leaks", "the lamp is dark", "a new bulb is ordered", "the bulb is here"}) {
      INFO(text);
      CHECK(times_read(*device, pump, text) == 1);
    }
  }
  CHECK(van.fate(late).outcome == Outcome::applied);
  CHECK(world.invariants_hold());
}

TEST_CASE("whoever holds the target of merges reads what was written to their sources, in the order of time",
          "[world]") {
  World world{Seed::from_environment_or(822)};
  world.add_record("queue", "Field");
  Device& desk = world.add_device("desk");
  Device& ben = world.add_device("ben", {.role = "operator", .queues = {"Field"}, .scope_all = false});
  const TicketId lamp = desk.create("lamp"), pump = desk.create("pump"), valve = desk.create("valve");
  desk.note(valve, "the valve sticks");
  const ChangeRef first = desk.note(pump, "the pump leaks");
  const ChangeRef erased = desk.note(pump, "a name that is erased");
  desk.note(pump, "nobody's business", sync::Visibility::restricted);
  desk.note(lamp, "the lamp is dark");
  desk.assign(lamp, ben.operator_id());
  CHECK(world.run_until_quiet());
  world.server.administer(
      "erase", {{"change", Json::array({Json(to_uuid_text(erased.device.view()) + ":" + to_hex(erased.id))})}});
  CHECK(world.run_until_quiet());
  REQUIRE(ben.holds(lamp));
  REQUIRE_FALSE(ben.holds(pump));

  const auto merge = [&](const TicketId& source, const TicketId& target) {
    sync::Change change;
    change.intent = Intent::merge;
    change.ticket = source;
    change.target = Bytes(target.view());
    desk.save(change);
  };
  merge(valve, pump);
  CHECK(world.run_until_quiet());
  merge(pump, lamp);
  CHECK(world.run_until_quiet());
  const auto texts_of = [&](Device& device) {
    std::vector<std::string> texts;
    for (const client::TimelineEntry& entry : device.show(lamp).timeline)
      if (entry.what == "message") texts.push_back(entry.erased ? "erased" : entry.text);
    return texts;
  };
  using Texts = std::vector<std::string>;
  CHECK(texts_of(ben) == Texts{"the valve sticks", "the pump leaks", "erased", "the lamp is dark"});

  // What becomes of them later, and what is written to the sources afterwards.
  sync::Change edit;
  edit.intent = Intent::edit_message;
  edit.ticket = pump;
  edit.targets = {first};
  edit.text = "the pump drips";
  desk.save(edit);
  desk.note(valve, "written to the merged one");
  CHECK(world.run_until_quiet());
  CHECK(times_read(ben, lamp, "written to the merged one") == 1);
  CHECK(texts_of(desk) != texts_of(ben));  // the desk reads the restricted note, too

  // Whoever gets the target later gets the sources with it; whoever loses it loses them.
  Device& cleo = world.add_device("cleo", {.role = "operator", .queues = {}, .scope_all = false});
  CHECK(world.run_until_quiet());
  REQUIRE_FALSE(cleo.holds(lamp));
  const Texts before = texts_of(ben);
  desk.assign(lamp, cleo.operator_id());
  CHECK(world.run_until_quiet());
  CHECK(texts_of(cleo) == before);
  for (const TicketId& ticket : {lamp, pump, valve}) {
    CHECK(cleo.holds(ticket));
    CHECK_FALSE(ben.holds(ticket));
  }
  // I3 misses the text that is erased; nothing else is to be complained of.
  static_cast<void>(world.invariants_hold());
  for (const std::string& complaint : world.complaints()) CHECK(complaint.starts_with("I3"));
}

TEST_CASE("a merge that two take back offline is taken back once, and its source is read by those who hold it alone",
          "[world][conflict]") {
  World world{Seed::from_environment_or(823)};
  world.add_record("queue", "Field");
  Device& desk = world.add_device("desk");
  Device& depot = world.add_device("depot");
  Device& ben = world.add_device("ben", {.role = "operator", .queues = {"Field"}, .scope_all = false});
  const TicketId lamp = desk.create("lamp"), pump = desk.create("pump");
  desk.note(pump, "the pump leaks");
  desk.assign(lamp, ben.operator_id());
  CHECK(world.run_until_quiet());
  const auto to_lamp = [&](Device& device, Intent intent) {
    sync::Change change;
    change.intent = intent;
    change.ticket = pump;
    change.target = Bytes(lamp.view());
    return device.save(change);
  };
  to_lamp(desk, Intent::merge);
  CHECK(world.run_until_quiet());
  REQUIRE(ben.holds(pump));
  REQUIRE(times_read(ben, lamp, "the pump leaks") == 1);
  ben.note(pump, "seen on the way");
  CHECK(world.run_until_quiet());

  world.network.cut();
  const ChangeRef first = to_lamp(desk, Intent::unmerge), second = to_lamp(depot, Intent::unmerge);
  CHECK(desk.show(pump).merged_into.empty());
  desk.set(pump, Field::subject, "pump leaks");
  world.network.heal();
  CHECK(world.run_until_quiet());
  CHECK(desk.fate(first).standing.outcome == Outcome::applied);
  CHECK(depot.fate(second).standing.outcome == Outcome::applied);
  CHECK(desk.view(pump) == depot.view(pump));
  CHECK(depot.show(pump).row.subject == "pump leaks");
  CHECK(times_read(depot, pump, "seen on the way") == 1);
  CHECK(times_read(desk, lamp, "the pump leaks") == 0);
  CHECK_FALSE(ben.holds(pump));
  CHECK(times_read(ben, lamp, "the pump leaks") == 0);
  CHECK(world.invariants_hold());

  to_lamp(depot, Intent::merge);
  CHECK(world.run_until_quiet());
  CHECK(times_read(ben, lamp, "the pump leaks") == 1);
  CHECK(world.invariants_hold());
}
