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
