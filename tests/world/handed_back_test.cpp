// What a restore lost of those who do not come back: devices hand back what they hold of it, and the server says it
// again once, when its administrator says so.
#include <algorithm>

#include "support/world.hpp"
#include "support/world_intruder.hpp"
#include "tern/sync/ticket_state.hpp"

using namespace tern;
using namespace tern::test;

namespace {

std::int64_t rows_of(World& world, const std::string& sql) {
  return must(world.server.read(world.server.first_tenant())->int64_of(sql)).value_or(0);
}

std::int64_t times_shown(Device& device, const TicketId& ticket, const std::string& text) {
  return std::ranges::count_if(device.show(ticket).timeline, [&](const auto& entry) { return entry.text == text; });
}

sync::Change of_customer(const RecordId& contact, const TicketId& ticket, Intent intent) {
  sync::Change change;
  change.intent = intent;
  change.ticket = ticket;
  change.principal_kind = sync::PrincipalKind::contact;
  change.principal_id = Bytes(contact.view());
  return change;
}

void write_as_customer(World& world, const RecordId& contact, const TicketId& ticket, const std::string& text) {
  sync::Change message = of_customer(contact, ticket, Intent::message);
  message.visibility = sync::Visibility::open;
  message.text = text;
  world.server.act(world.server.first_tenant(), std::move(message));
}

TicketId create_as_customer(World& world, const RecordId& contact, const std::string& subject) {
  const auto ticket = random_id<TicketId>(world.server.environment);
  sync::Change create = of_customer(contact, ticket, Intent::create);
  create.fields.push_back({Field::subject, {}, subject, false});
  create.text = "as the customer described it";
  world.server.act(world.server.first_tenant(), std::move(create));
  return ticket;
}

void give_up(World& world, Device& device) {
  device.gone = true;
  for (SavedWork& work : world.saved_work)
    if (work.device == device.identity().device) work.may_be_lost = true;
}

/// A minute later; everybody has heard of it.
void restore(World& world, const std::string& backup) {
  world.pass(minutes_ms(1));
  world.server.restore(backup);
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());
}

std::int64_t handed_back_waiting(World& world) {
  return static_cast<std::int64_t>(world.server.administer("handed-back list")["rows"].size());
}

Json take_handed_back(World& world) {
  return world.server.administer("handed-back take");
}

}  // namespace

TEST_CASE("what the server itself and a lost device did comes back from a colleague's copy, once", "[world][restore]") {
  World world{Seed::from_environment_or(551)};
  const RecordId ann = world.add_record("contact", "Ann");
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  Device& lost = world.add_device("lost");
  const TicketId ticket = van.create("pump");
  van.tag(ticket, "old");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();

  const std::string asked = "it leaks again", answered = "we come tomorrow", noted = "seal is gone";
  write_as_customer(world, ann, ticket, asked);
  const TicketId asked_for = create_as_customer(world, ann, "boiler");
  must(lost.sync());
  lost.reply(ticket, answered);
  lost.tag(ticket, "seal");
  lost.set(ticket, Field::priority, "4");
  lost.act(ticket, Intent::take);
  lost.act(ticket, Intent::start);
  const ChangeRef note = lost.note(asked_for, noted);
  const TicketId made = lost.create("found on site", "what was there");
  CHECK(world.run_until_quiet());
  sync::Change edit;
  edit.ticket = asked_for;
  edit.intent = Intent::edit_message;
  edit.targets = {note};
  edit.text = noted + ", and the ring";
  lost.save(std::move(edit));
  CHECK(world.run_until_quiet());
  desk.note(made, "the desk, on the lost one's ticket");
  CHECK(world.run_until_quiet());
  const std::string number = van.show(asked_for).row.number, other = van.show(made).row.number;
  give_up(world, lost);
  lost.close();
  world.server.administer("device revoke", {{"device", Json("lost")}});
  world.pass(hours_ms(1));

  world.server.restore(backup);
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());
  CHECK(rows_of(world, "SELECT count(*) FROM ticket") == 1);
  CHECK(handed_back_waiting(world) >= 9);
  const Json report = world.server.administer("recovery");
  CHECK(report["handed_back"].as_integer() == handed_back_waiting(world));
  CHECK(report["handed_back_takeable"].as_integer() == handed_back_waiting(world));
  CHECK_FALSE(desk.attention().empty());  // its note waits for the ticket

  const Json taken = take_handed_back(world);
  CHECK(taken["refused"].as_integer() == 0);
  CHECK(taken["changes"].as_integer() >= 9);
  CHECK(taken["left"].as_integer() == 0);
  CHECK(world.run_until_quiet());
  for (Device* device : {&van, &desk}) {
    INFO(device->name());
    CHECK(times_shown(*device, ticket, asked) == 1);
    CHECK(times_shown(*device, ticket, answered) == 1);
    CHECK(device->show(ticket).row.priority == "urgent");
    CHECK(device->show(ticket).row.status == "in_progress");
    CHECK(device->show(ticket).row.assignee == "lost");
    REQUIRE(device->holds(asked_for));
    CHECK(device->show(asked_for).row.number == number);
    CHECK(device->show(asked_for).row.subject == "boiler");
    CHECK(times_shown(*device, asked_for, noted + ", and the ring") == 1);
    REQUIRE(device->holds(made));
    CHECK(device->show(made).row.number == other);
    CHECK(times_shown(*device, made, "the desk, on the lost one's ticket") == 1);
  }
  CHECK(desk.view(ticket) == van.view(ticket));
  CHECK(desk.view(asked_for) == van.view(asked_for));
  CHECK(desk.view(made) == van.view(made));
  CHECK(rows_of(world,
                "SELECT count(*) FROM change WHERE device_id = (SELECT device_id FROM device WHERE name = 'lost')") ==
        0);
  CHECK(world.invariants_hold());  // and an export proves it
  CHECK(take_handed_back(world)["changes"].as_integer() == 0);

  SECTION("another restore of the same backup: it is handed back once more, and counts once") {
    restore(world, backup);
    CHECK(take_handed_back(world)["refused"].as_integer() == 0);
  }
  SECTION("a restore of a backup that has it") {
    const std::string later = world.server.backup();
    restore(world, later);
    CHECK(take_handed_back(world)["changes"].as_integer() == 0);
  }
  SECTION("the lost device is found, and hands in its work after all") {
    lost.open();
    CHECK_FALSE(lost.sync());
    const auto deposited = world.server.administer("quarantine list")["rows"].size();
    CHECK(deposited > 0);
    world.server.administer("quarantine release", {{"device", Json("lost")}});
    lost.close();
  }
  CHECK(world.run_until_quiet());
  for (Device* device : {&van, &desk}) {
    INFO(device->name());
    CHECK(times_shown(*device, ticket, asked) == 1);
    CHECK(times_shown(*device, ticket, answered) == 1);
    CHECK(times_shown(*device, asked_for, noted + ", and the ring") == 1);
    CHECK(device->show(asked_for).row.number == number);
  }
  CHECK(desk.view(ticket) == van.view(ticket));
  CHECK(desk.view(asked_for) == van.view(asked_for));
  CHECK(world.invariants_hold());
}

TEST_CASE("whose key is good is waited for: it sends its own work, and nothing is there twice", "[world][restore]") {
  World world{Seed::from_environment_or(552)};
  Device& van = world.add_device("van");
  Device& shop = world.add_device("shop");
  const TicketId ticket = van.create("pump");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  const ChangeRef note = shop.note(ticket, "from the shop");
  const TicketId made = shop.create("made by the shop");
  CHECK(world.run_until_quiet());
  const std::string number = van.show(made).row.number;

  world.network.cut(shop.address());
  world.server.restore(backup);
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());
  CHECK(handed_back_waiting(world) == 2);
  const Json row = world.server.administer("handed-back list")["rows"].items()[0];
  CHECK(row["comes_itself"].as_bool());
  CHECK(row["from"].as_string() == "van");
  CHECK(take_handed_back(world)["changes"].as_integer() == 0);
  CHECK(world.place_of(van.tenant(), note) == "nowhere");

  world.network.heal(shop.address());
  CHECK(world.run_until_quiet());
  CHECK(handed_back_waiting(world) == 0);
  CHECK(take_handed_back(world)["changes"].as_integer() == 0);
  CHECK(shop.fate(note).outcome == Outcome::applied);
  CHECK(times_shown(van, ticket, "from the shop") == 1);
  CHECK(van.show(made).row.number == number);
  CHECK(shop.view(ticket) == van.view(ticket));
  CHECK(world.invariants_hold());
}

TEST_CASE("what was said again in a history that was given up is not said again beside what its author had signed",
          "[world][restore]") {
  World world{Seed::from_environment_or(556)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  Device& lost = world.add_device("lost");
  const TicketId ticket = van.create("pump");
  CHECK(world.run_until_quiet());
  const std::string before = world.server.backup();
  const std::string answered = "we come tomorrow";
  lost.reply(ticket, answered);
  CHECK(world.run_until_quiet());
  const std::string as_signed = world.server.backup();
  give_up(world, lost);
  lost.close();
  world.server.administer("device revoke", {{"device", Json("lost")}});
  world.pass(hours_ms(1));
  world.network.cut(desk.address());  // which goes on showing it as its author said it
  world.server.restore(before);
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());
  CHECK(take_handed_back(world)["changes"].as_integer() == 1);
  CHECK(world.run_until_quiet());
  CHECK(times_shown(van, ticket, answered) == 1);

  world.pass(minutes_ms(1));
  std::int64_t taken = 0;
  SECTION("in a backup that has it as it was signed") {
    world.server.restore(as_signed);
  }
  SECTION("handed back both ways") {
    world.server.restore(before);
    taken = 1;
  }
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());
  world.network.heal(desk.address());
  CHECK(world.run_until_quiet());
  CHECK(handed_back_waiting(world) == taken);
  CHECK(take_handed_back(world)["changes"].as_integer() == taken);
  CHECK(rows_of(world, "SELECT count(*) FROM handed_back WHERE said_seq = 0") == 0);
  CHECK(world.run_until_quiet());
  for (Device* device : {&van, &desk}) {
    INFO(device->name());
    CHECK(times_shown(*device, ticket, answered) == 1);
  }
  CHECK(desk.view(ticket) == van.view(ticket));
  CHECK(world.invariants_hold());
}

TEST_CASE(
    "what waited for an administrator is handed back once more when the same backup is restored before he took it",
    "[world][restore]") {
  World world{Seed::from_environment_or(558)};
  const RecordId ann = world.add_record("contact", "Ann");
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  const TicketId ticket = van.create("pump");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  const std::string asked = "it leaks again";
  write_as_customer(world, ann, ticket, asked);
  const TicketId asked_for = create_as_customer(world, ann, "boiler");
  CHECK(world.run_until_quiet());
  for (int i = 0; i < 3; ++i) {
    restore(world, backup);
    CHECK(handed_back_waiting(world) == 2);
  }
  CHECK(take_handed_back(world)["changes"].as_integer() == 2);
  CHECK(world.run_until_quiet());
  for (Device* device : {&van, &desk}) {
    INFO(device->name());
    CHECK(times_shown(*device, ticket, asked) == 1);
    CHECK(device->show(asked_for).row.subject == "boiler");
  }
  CHECK(desk.view(ticket) == van.view(ticket));
  CHECK(world.invariants_hold());
}

TEST_CASE("what waited for an administrator is handed back once more when a backup from before it came is restored",
          "[world][restore]") {
  World world{Seed::from_environment_or(559)};
  const RecordId ann = world.add_record("contact", "Ann");
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("pump"), other = van.create("door"), still = van.create("valve");
  CHECK(world.run_until_quiet());
  const std::string before = world.server.backup();
  for (int i = 0; i < 10; ++i) {
    van.note(other, "on site " + std::to_string(i));
    CHECK(world.run_until_quiet());
  }
  const std::string asked = "it leaks again";
  write_as_customer(world, ann, ticket, asked);
  write_as_customer(world, ann, still, asked);
  CHECK(world.run_until_quiet());
  world.pass(minutes_ms(1));
  world.server.restore(before);
  world.forget_acknowledged();
  world.add_record("category", "Pumps");
  const std::string after = world.server.backup();
  CHECK(world.run_until_quiet());
  CHECK(handed_back_waiting(world) == 2);
  van.note(ticket, "looked at it");
  CHECK(world.run_until_quiet());

  restore(world, after);
  CHECK(handed_back_waiting(world) == 2);
  CHECK(take_handed_back(world)["changes"].as_integer() == 2);
  CHECK(world.run_until_quiet());
  CHECK(times_shown(van, ticket, asked) == 1);
  CHECK(times_shown(van, still, asked) == 1);
  CHECK(times_shown(van, ticket, "looked at it") == 1);
  CHECK(world.invariants_hold());
}

TEST_CASE("what waited is handed back once more, also where the history that is given up had as many commits by then",
          "[world][restore]") {
  World world{Seed::from_environment_or(560)};
  const RecordId ann = world.add_record("contact", "Ann");
  Device& van = world.add_device("van");
  Device& office = world.add_device("office");
  const TicketId ticket = van.create("pump"), moved = van.create("door"), other = office.create("stock");
  CHECK(world.run_until_quiet());
  const std::string before = world.server.backup();
  const std::string asked = "it leaks again";
  write_as_customer(world, ann, ticket, asked);
  write_as_customer(world, ann, moved, asked);
  must(van.sync());
  world.network.cut(van.address());
  world.pass(minutes_ms(1));
  world.server.restore(before);
  world.forget_acknowledged();
  office.note(moved, "came by");
  must(office.sync());
  for (int i = 0; i < 10; ++i) {
    office.note(other, "counted " + std::to_string(i));
    must(office.sync());
  }
  const std::string after = world.server.backup();
  world.network.heal(van.address());
  CHECK(world.run_until_quiet());
  CHECK(handed_back_waiting(world) == 2);

  restore(world, after);
  CHECK(handed_back_waiting(world) == 2);
  CHECK(take_handed_back(world)["changes"].as_integer() == 2);
  CHECK(world.run_until_quiet());
  for (Device* device : {&van, &office}) {
    INFO(device->name());
    CHECK(times_shown(*device, ticket, asked) == 1);
    CHECK(times_shown(*device, moved, asked) == 1);
  }
  CHECK(world.invariants_hold());
}

TEST_CASE(
    "what a customer wrote on a branch of which the server never heard is handed back, below what it kept of others",
    "[world][restore]") {
  World world{Seed::from_environment_or(562)};
  const RecordId ann = world.add_record("contact", "Ann");
  Device& van = world.add_device("van");
  Device& office = world.add_device("office");
  const TicketId ticket = van.create("pump"), other = office.create("stock");
  CHECK(world.run_until_quiet());
  const std::string trunk = world.server.backup();
  restore(world, trunk);
  for (int i = 0; i < 10; ++i) write_as_customer(world, ann, other, "where is part " + std::to_string(i));
  CHECK(world.run_until_quiet());
  const std::string first_branch = world.server.backup();
  restore(world, trunk);
  const std::string asked = "it leaks again";
  write_as_customer(world, ann, ticket, asked);
  CHECK(world.run_until_quiet());

  // Its second branch began at the trunk, too, with fewer commits than this one has.
  restore(world, first_branch);
  CHECK(handed_back_waiting(world) == 1);
  CHECK(take_handed_back(world)["changes"].as_integer() == 1);
  CHECK(world.run_until_quiet());
  for (Device* device : {&van, &office}) {
    INFO(device->name());
    CHECK(times_shown(*device, ticket, asked) == 1);
  }
  CHECK(world.invariants_hold());
}

TEST_CASE("what waited of a branch that was left is handed back once more, though no record leads there any more",
          "[world][restore]") {
  World world{Seed::from_environment_or(563)};
  const RecordId ann = world.add_record("contact", "Ann");
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("pump"), other = van.create("stock");
  CHECK(world.run_until_quiet());
  const std::string older = world.server.backup();
  for (int i = 0; i < 3; ++i) write_as_customer(world, ann, other, "where is part " + std::to_string(i));
  CHECK(world.run_until_quiet());
  const std::string trunk = world.server.backup();
  restore(world, trunk);
  for (int i = 3; i < 13; ++i) write_as_customer(world, ann, other, "where is part " + std::to_string(i));
  CHECK(world.run_until_quiet());
  const std::string branch = world.server.backup();

  restore(world, older);
  const std::string asked = "it leaks again";
  write_as_customer(world, ann, ticket, asked);
  CHECK(world.run_until_quiet());
  restore(world, branch);
  CHECK(handed_back_waiting(world) == 1);
  restore(world, branch);
  CHECK(handed_back_waiting(world) == 1);
  CHECK(take_handed_back(world)["changes"].as_integer() == 1);
  CHECK(world.run_until_quiet());
  CHECK(times_shown(van, ticket, asked) == 1);
  CHECK(world.invariants_hold());
}

TEST_CASE("a ticket that shows more than goes into one request is handed back in parts", "[world][restore]") {
  World world{Seed::from_environment_or(561)};
  const RecordId ann = world.add_record("contact", "Ann");
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("pump");
  CHECK(world.run_until_quiet());
  const std::string before = world.server.backup();
  const int messages = 16;
  for (int i = 0; i < messages; ++i)
    write_as_customer(world, ann, ticket, std::to_string(i) + std::string(64'000, static_cast<char>('a' + i)));
  CHECK(world.run_until_quiet());
  restore(world, before);
  CHECK(handed_back_waiting(world) == messages);
  CHECK(take_handed_back(world)["changes"].as_integer() == messages);
  CHECK(world.run_until_quiet());
  for (int i = 0; i < messages; ++i)
    CHECK(times_shown(van, ticket, std::to_string(i) + std::string(64'000, static_cast<char>('a' + i))) == 1);
  CHECK(world.invariants_hold());
}

TEST_CASE("what a lost copy of a device did under its name comes back from the other one, once its key ended",
          "[world][restore][copies]") {
  World world{Seed::from_environment_or(557)};
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("pump");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  Device& twin = world.clone(van, "twin");
  const ChangeRef sealed = van.note(ticket, "sealed by the van");
  world.pass(minutes_ms(1));
  van.note(ticket, "the van's second");
  const std::string theirs = "the twin's";
  const ChangeRef by_twin = twin.note(ticket, theirs);
  must(twin.sync());
  must(van.sync());
  REQUIRE(rows_of(world, "SELECT max(device_epoch) FROM device") == 2);
  REQUIRE(times_shown(van, ticket, theirs) == 1);
  give_up(world, twin);
  twin.close();

  restore(world, backup);
  CHECK(van.fate(sealed).outcome == Outcome::applied);
  CHECK(world.place_of(van.tenant(), by_twin) == "nowhere");
  REQUIRE(handed_back_waiting(world) == 1);  // nothing of what came by itself
  CHECK(world.server.administer("handed-back list")["rows"].items()[0]["comes_itself"].as_bool());
  CHECK(take_handed_back(world)["changes"].as_integer() == 0);  // the twin may bring it

  SECTION("the twin is back before anybody gave it up") {
    twin.gone = false;
    twin.open();
    must(twin.sync());
    CHECK(world.place_of(van.tenant(), by_twin) == "ledger");
    CHECK(handed_back_waiting(world) == 0);
  }
  world.server.administer("device revoke", {{"device", Json("van")}});
  take_handed_back(world);
  CHECK(handed_back_waiting(world) == 0);
  SECTION("the twin is found later, and hands in its work") {
    twin.open();
    CHECK_FALSE(twin.sync());
    CHECK(world.place_of(van.tenant(), by_twin) == "quarantine");
    world.server.administer("quarantine release", {{"device", Json("van")}});
  }
  Device& fresh = world.add_device("fresh", {.person = "van"});
  must(fresh.sync());
  CHECK(times_shown(fresh, ticket, theirs) == 1);
  CHECK(times_shown(fresh, ticket, "sealed by the van") == 1);
  CHECK(times_shown(fresh, ticket, "the van's second") == 1);
}

TEST_CASE("what was erased does not come back from anybody's copy", "[world][restore][security]") {
  World world{Seed::from_environment_or(553)};
  const RecordId ann = world.add_record("contact", "Ann");
  Device& van = world.add_device("van");
  const TicketId first = van.create("erased before the restore"), second = van.create("erased after it");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  const std::string secret = "a word that has to go";
  write_as_customer(world, ann, first, secret);
  van.note(second, "kept");
  write_as_customer(world, ann, second, secret);
  CHECK(world.run_until_quiet());
  const ServerCopy newest = world.server.copy();
  world.network.cut(van.address());
  world.server.administer("erase", {{"ticket", Json(van.show(first).row.number)}});
  world.server.restore(backup);
  world.forget_acknowledged();
  world.network.heal(van.address());
  must(van.sync());
  must(van.sync());
  CHECK(handed_back_waiting(world) == 1);  // of the second
  world.server.administer("erase", {{"ticket", Json(van.show(second).row.number)}});
  for (SavedWork& work : world.saved_work)
    if (work.ticket == first || work.ticket == second) work.erased = true;
  CHECK(handed_back_waiting(world) == 0);
  CHECK(take_handed_back(world)["changes"].as_integer() == 0);
  CHECK(world.run_until_quiet());
  CHECK(rows_of(world, "SELECT count(*) FROM handed_back WHERE instr(body, 'a word that has') > 0") == 0);
}

TEST_CASE("what was handed back of a person goes with them, and does not come a second time",
          "[world][restore][security][person]") {
  World world{Seed::from_environment_or(557)};
  const RecordId ann = world.add_record("contact", "Ann Nightingale");
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("pump"), other = van.create("lamp");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  write_as_customer(world, ann, ticket, "a word that has to go");
  write_as_customer(world, world.add_record("contact", "Joe"), other, "a word that stays");
  CHECK(world.run_until_quiet());
  world.network.cut(van.address());
  world.server.restore(backup);
  world.forget_acknowledged();
  world.network.heal(van.address());
  must(van.sync());
  must(van.sync());
  CHECK(handed_back_waiting(world) == 2);
  const Json erased =
      world.server.administer("person erase", {{"contact", Json("Ann Nightingale")}, {"open_tickets", Json(true)}});
  CHECK(erased["texts"].as_integer() == 1);
  const auto rows_with = [&](const char* word) {
    return rows_of(world, std::string("SELECT count(*) FROM handed_back WHERE instr(body, '") + word + "') > 0");
  };
  CHECK(rows_with("word that has") == 0);
  CHECK(rows_with("word that stays") == 1);
  CHECK(world.run_until_quiet());
  CHECK(handed_back_waiting(world) == 1);
  CHECK(rows_with("word that has") == 0);
}

TEST_CASE("what was erased as the server said it again comes back neither from a copy nor from its author",
          "[world][restore][security]") {
  World world{Seed::from_environment_or(555)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  Device& lost = world.add_device("lost");
  const TicketId ticket = van.create("pump");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  const std::string secret = "a word that has to go";
  lost.reply(ticket, secret);
  CHECK(world.run_until_quiet());
  world.network.cut(desk.address());  // it keeps showing it
  give_up(world, lost);
  world.server.administer("device revoke", {{"device", Json("lost")}});
  world.pass(hours_ms(1));
  world.server.restore(backup);
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());
  CHECK(handed_back_waiting(world) == 1);
  const std::string while_it_waited = world.server.backup();
  CHECK(take_handed_back(world)["changes"].as_integer() == 1);
  CHECK(world.run_until_quiet());
  world.server.administer("erase", {{"ticket", Json(van.show(ticket).row.number)}});
  for (SavedWork& work : world.saved_work)
    if (work.ticket == ticket) work.erased = true;
  CHECK(world.run_until_quiet());
  const auto rows_with_secret = [&] {
    return rows_of(world, "SELECT count(*) FROM handed_back WHERE instr(body, 'a word that has') > 0") +
           rows_of(world, "SELECT count(*) FROM quarantine WHERE instr(wire, 'a word that has') > 0");
  };
  CHECK(rows_with_secret() == 0);

  world.pass(minutes_ms(1));
  SECTION("after a restore of the backup that has none of it") {
    world.server.restore(backup);
  }
  SECTION("after a restore of the backup in which it waits") {
    world.server.restore(while_it_waited);
  }
  world.forget_acknowledged();
  CHECK(rows_with_secret() == 0);
  world.network.heal(desk.address());
  CHECK(world.run_until_quiet());
  CHECK(handed_back_waiting(world) == 0);
  CHECK_FALSE(lost.sync());
  CHECK(rows_of(world, "SELECT count(*) FROM quarantine") > 0);
  CHECK(rows_with_secret() == 0);
}

TEST_CASE("a device that makes up what it hands back gains no number, no foreign name and no present",
          "[world][restore]["
          "security]") {
  World world{Seed::from_environment_or(554)};
  Device& van = world.add_device("van");
  Device& shop = world.add_device("shop");
  const TicketId ticket = van.create("pump");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  van.note(ticket, "given up");
  CHECK(world.run_until_quiet());
  const EpochId given_up = world.epoch_of(van);
  const auto made_up = [&](const EpochId& epoch, const DeviceId& author, std::uint64_t commit_seq) {
    sync::TicketState state;
    state.id = random_id<TicketId>(world.server.environment);
    state.version = commit_seq;
    state.integer_id = 4'000'000'000ULL;
    state.number = "T-2026-99999999";
    sync::Stamp stamp;
    stamp.kind = 0;
    stamp.order_ms = world.server.environment.wall_ms();
    stamp.origin.device = author;
    stamp.origin.device_epoch = stamp.origin.chain_seq = 1;
    stamp.change = random_id<ChangeId>(world.server.environment);
    stamp.commit_seq = commit_seq;
    state.created = stamp;
    state.fields[{Field::subject, {}}].heads.push_back({stamp, Bytes("made up"), false});
    v1::HandedBack handed;
    handed.set_epoch(Bytes(epoch.view()));
    handed.mutable_patch()->set_state(sync::encode_state(state));
    return handed;
  };
  const DeviceId server = world.server.tenant(van.tenant()).keys().sealing_device;
  const auto hand_back = [&](const v1::HandedBack& handed) {
    Intruder intruder(world, van);
    must(intruder.begin_session());
    v1::ExchangeRequest request;
    *request.add_handed_back() = handed;
    request.add_handed_back()->mutable_patch()->set_state("nonsense");
    CHECK(must(intruder.exchange(request)).handed_back() == 2);
  };
  hand_back(made_up(given_up, server, 1'000));  // before any restore
  CHECK(handed_back_waiting(world) == 0);
  world.server.restore(backup);
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());

  hand_back(made_up(world.epoch_of(van), server, 1'000));  // of the history that goes on
  hand_back(made_up(given_up, server, 1));                 // of what was kept
  CHECK(handed_back_waiting(world) == 0);
  hand_back(made_up(given_up, van.identity().device, 1'000));   // its own: signed, while its key is good
  hand_back(made_up(given_up, shop.identity().device, 1'000));  // whose key is good, too
  CHECK(handed_back_waiting(world) == 2);
  CHECK(take_handed_back(world)["changes"].as_integer() == 0);
  hand_back(made_up(given_up, server, 1'000));
  CHECK(take_handed_back(world)["changes"].as_integer() == 1);
  CHECK(world.run_until_quiet());
  const TicketId next = van.create("the next one");
  CHECK(world.run_until_quiet());
  CHECK(van.show(next).row.integer_id < 100'000);
  CHECK(van.show(next).row.number.size() < std::string("T-2026-99999999").size());
  CHECK(rows_of(world, "SELECT count(*) FROM ticket WHERE number = 'T-2026-99999999'") == 0);
  CHECK(world.invariants_hold());
}
