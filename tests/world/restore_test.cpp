// A server that comes back older than its devices: what they hold receipts for returns, once, as what it was.
#include <algorithm>
#include <filesystem>

#include "outbox/outbox.hpp"
#include "support/world.hpp"
#include "support/world_intruder.hpp"
#include "tern/protocol/receipt.hpp"

using namespace tern;
using namespace tern::test;

namespace {

std::int64_t count(World& world, const std::string& sql) {
  return must(world.server.read(world.server.first_tenant())->int64_of(sql)).value_or(0);
}

/// What the device was told of a change.
v1::ChangeOutcome told(Device& device, const ChangeRef& ref) {
  const auto outbox =
      must(client::Outbox::open(device.home() + "/outbox.db", device.keys().data_key.view(), {}, sqlite::Role::reader));
  const auto own = must(outbox->find(ref));
  REQUIRE(own);
  v1::ChangeOutcome outcome;
  REQUIRE(outcome.ParseFromString(own->outcome));
  return outcome;
}

bool shows(Device& device, const TicketId& ticket, const std::string& text) {
  return std::ranges::any_of(device.show(ticket).timeline, [&](const auto& entry) { return entry.text == text; });
}

/// Van lets in the one change that is held.
void release_held(World& world) {
  const Json rows = world.server.administer("held list")["rows"];
  REQUIRE(rows.size() == 1);
  world.server.administer("held release", {{"change", rows.items()[0]["change"]}, {"by", Json("van@example.org")}});
  CHECK(world.run_until_quiet());
}

constexpr const char* too_late = "of one who may no longer";

}  // namespace

TEST_CASE("a claim keeps the order of its first commit, a fact its time, a ticket its number, whoever comes back first",
          "[world][restore]") {
  World world{Seed::from_environment_or(501)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  const TicketId ticket = van.create("claimed twice");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();

  const TicketId made = desk.create("made after the backup");
  const ChangeRef first = desk.act(ticket, Intent::take);
  const ChangeRef fact = desk.set(ticket, Field::subject, "said by the desk");
  must(desk.sync());
  world.pass(minutes_ms(10));
  const ChangeRef second = van.act(ticket, Intent::take);  // before it has heard of the first
  must(van.sync());
  CHECK(van.fate(second).outcome == Outcome::overtaken);
  CHECK(desk.fate(first).outcome == Outcome::applied);
  must(desk.sync());
  const std::string number = desk.show(made).row.number;
  const auto id = desk.show(made).row.integer_id;
  const v1::ChangeOutcome before = told(desk, fact);
  const ChangeRef on_theirs = van.note(made, "the van, on a ticket that the desk made");
  must(van.sync());
  CHECK(van.fate(on_theirs).outcome == Outcome::applied);
  const auto numbers = [&] {
    return std::pair(count(world, "SELECT integer_id FROM message WHERE change_id = x'" + to_hex(on_theirs.id) + "'"),
                     count(world, "SELECT message_id FROM ticket WHERE ticket_id = x'" + to_hex(made) + "'"));
  };
  const auto numbers_before = numbers();
  world.pass(hours_ms(5));

  world.server.restore(backup);
  world.forget_acknowledged();
  must(van.sync());
  CHECK(van.fate(second).outcome == Outcome::overtaken);  // what overtook it is not back yet
  CHECK(van.fate(on_theirs).outcome == Outcome::held);    // nor is the ticket
  must(desk.sync());
  CHECK(world.run_until_quiet());

  CHECK(desk.fate(first).outcome == Outcome::applied);
  CHECK(van.fate(second).outcome == Outcome::overtaken);
  CHECK(desk.show(ticket).row.assignee == "desk");
  CHECK(van.show(ticket).row.assignee == "desk");
  const v1::ChangeOutcome after = told(desk, fact);
  CHECK(after.effective_ms() == before.effective_ms());
  CHECK(after.lo_ms() == before.lo_ms());
  CHECK(after.hi_ms() == before.hi_ms());
  CHECK(desk.show(made).row.number == number);
  CHECK(desk.show(made).row.integer_id == id);
  CHECK(numbers() == numbers_before);            // of the note and of the description
  REQUIRE(van.show(made).timeline.size() == 2);  // the van's note took effect once its ticket was there
  CHECK(van.show(made).timeline.back().text == "the van, on a ticket that the desk made");
  CHECK(count(world, "SELECT count(*) FROM old_receipt") == 3);
  CHECK(desk.view(ticket) == van.view(ticket));
  CHECK(desk.view(made) == van.view(made));
  CHECK(world.invariants_hold());

  const TicketId next = van.create("the next one");
  CHECK(world.run_until_quiet());
  CHECK(van.show(next).row.integer_id > 10'000);  // a whole block further on
  CHECK(count(world, "SELECT max(message_id) FROM ticket") > 1'000'000);
}

TEST_CASE("claims that come back before their ticket does are what they were, in their order of then",
          "[world][restore]") {
  World world{Seed::from_environment_or(508)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  Device& shop = world.add_device("shop");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();

  const TicketId taken = shop.create("taken twice");
  const TicketId handed = shop.create("handed on");
  CHECK(world.run_until_quiet());
  const ChangeRef first = desk.act(taken, Intent::take);
  must(desk.sync());
  const ChangeRef late = van.act(taken, Intent::take);  // before it has heard of the first
  must(van.sync());
  CHECK(van.fate(late).outcome == Outcome::overtaken);
  const ChangeRef given = van.assign(handed, van.operator_id());
  CHECK(world.run_until_quiet());
  const ChangeRef handed_on = desk.assign(handed, shop.operator_id());  // having seen it
  CHECK(world.run_until_quiet());
  CHECK(van.show(handed).row.assignee == "shop");
  world.pass(hours_ms(5));

  world.server.restore(backup);
  world.forget_acknowledged();
  must(van.sync());
  must(van.sync());
  CHECK(van.fate(late).outcome == Outcome::held);
  SECTION("whoever was second comes back last") {}
  SECTION("whoever was second comes back before the ticket") {
    must(desk.sync());
    must(desk.sync());
    CHECK(desk.fate(handed_on).outcome == Outcome::held);
  }
  SECTION("another restore comes in between") {
    const std::string held = world.server.backup();
    world.server.restore(held);
    world.forget_acknowledged();
  }
  must(shop.sync());
  CHECK(world.run_until_quiet());
  CHECK(desk.fate(first).standing.outcome == Outcome::applied);
  CHECK(van.fate(late).standing.outcome == Outcome::overtaken);
  CHECK(van.fate(given).standing.outcome == Outcome::applied);
  CHECK(desk.fate(handed_on).standing.outcome == Outcome::applied);
  CHECK(van.show(taken).row.assignee == "desk");
  CHECK(van.show(handed).row.assignee == "shop");
  CHECK(desk.view(taken) == van.view(taken));
  CHECK(desk.view(handed) == van.view(handed));
  CHECK(world.invariants_hold());  // and an export proves it
}

TEST_CASE("what a restore leaves held again is shown nowhere until it is let in again", "[world][restore]") {
  const bool ticket_is_kept = GENERATE(true, false);
  INFO((ticket_is_kept ? "the backup has the ticket" : "the ticket comes back, after what is held"));
  World world{Seed::from_environment_or(509)};
  const RecordId field = world.add_record("queue", "Field"), office = world.add_record("queue", "Office");
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  Device& ben = world.add_device("ben", {.role = "operator", .queues = {"Field"}, .scope_all = false});
  CHECK(world.run_until_quiet());
  std::string backup = world.server.backup();
  const TicketId ticket = desk.create("moved away");
  desk.move_to(ticket, field);
  CHECK(world.run_until_quiet());
  if (ticket_is_kept) backup = world.server.backup();

  const ChangeRef note = ben.note(ticket, too_late);
  desk.move_to(ticket, office);
  must(desk.sync());
  CHECK(world.run_until_quiet());
  REQUIRE(ben.fate(note).outcome == Outcome::held);
  release_held(world);
  REQUIRE(shows(van, ticket, too_late));
  REQUIRE(shows(desk, ticket, too_late));

  world.server.restore(backup);
  world.forget_acknowledged();
  must(ben.sync());
  must(van.sync());
  CHECK(world.run_until_quiet());
  CHECK(ben.fate(note).outcome == Outcome::held);
  for (Device* device : {&van, &desk}) {
    INFO(device->name());
    CHECK_FALSE(shows(*device, ticket, too_late));
  }
  CHECK(world.invariants_hold());
  release_held(world);
  for (Device* device : {&van, &desk}) {
    INFO(device->name());
    CHECK(shows(*device, ticket, too_late));
  }
  CHECK(world.invariants_hold());
}

TEST_CASE("who was away for two restores hears of what the first one left held", "[world][restore]") {
  World world{Seed::from_environment_or(512)};
  const RecordId field = world.add_record("queue", "Field"), office = world.add_record("queue", "Office");
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  Device& ben = world.add_device("ben", {.role = "operator", .queues = {"Field"}, .scope_all = false});
  const TicketId ticket = desk.create("moved away");
  desk.move_to(ticket, field);
  CHECK(world.run_until_quiet());
  const std::string first = world.server.backup();
  const ChangeRef note = ben.note(ticket, too_late);
  desk.move_to(ticket, office);
  must(desk.sync());
  CHECK(world.run_until_quiet());
  release_held(world);
  REQUIRE(shows(desk, ticket, too_late));

  world.server.restore(first);
  world.forget_acknowledged();
  must(van.sync());
  must(ben.sync());
  must(ben.sync());
  REQUIRE(ben.fate(note).outcome == Outcome::held);
  const std::string second = world.server.backup();
  world.server.restore(second);
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());
  CHECK(ben.fate(note).outcome == Outcome::held);
  for (Device* device : {&van, &desk}) {
    INFO(device->name());
    CHECK_FALSE(shows(*device, ticket, too_late));
  }
  CHECK(desk.view(ticket) == van.view(ticket));
  CHECK(world.invariants_hold());
}

TEST_CASE("what comes back without a receipt before its ticket does is held, and shown by nobody", "[world][restore]") {
  World world{Seed::from_environment_or(510)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  const TicketId ticket = desk.create("made after the backup");
  CHECK(world.run_until_quiet());
  const ChangeRef note = van.note(ticket, "its receipt is lost");
  const std::string before_receipt = van.copy_home();
  CHECK(world.run_until_quiet());
  REQUIRE(desk.show(ticket).timeline.size() == 2);

  van.put_back(before_receipt);
  world.server.restore(backup);
  world.forget_acknowledged();
  must(van.sync());
  must(desk.sync());
  CHECK(world.run_until_quiet());
  CHECK(van.fate(note).outcome == Outcome::held);  // nobody proves that it ever was admitted
  CHECK(desk.show(ticket).timeline.size() == 1);
  CHECK(desk.view(ticket) == van.view(ticket));
  CHECK(world.invariants_hold());
}

TEST_CASE("receipts of an epoch that the server never heard of prove what they say", "[world][restore]") {
  World world{Seed::from_environment_or(511)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  const TicketId old = desk.create("in the backup");
  desk.tag(old, "cold");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  desk.note(old, "of the first epoch");
  CHECK(world.run_until_quiet());
  world.server.restore(backup);
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());

  const TicketId made = desk.create("made in the second");
  CHECK(world.run_until_quiet());
  const ChangeRef take = van.act(made, Intent::take);
  const ChangeRef note = van.note(made, "on it");
  sync::Change untag;
  untag.ticket = old;
  untag.intent = Intent::untag;
  untag.label = "cold";
  const ChangeRef untagged = van.save(std::move(untag));
  CHECK(world.run_until_quiet());
  const std::string number = desk.show(made).row.number;
  const v1::ChangeOutcome before = told(van, note);
  const std::size_t before_restore = desk.show(made).timeline.size();
  world.pass(hours_ms(5));

  world.server.restore(backup);  // which is older than the second epoch
  world.forget_acknowledged();
  must(van.sync());
  must(van.sync());
  must(desk.sync());
  CHECK(world.run_until_quiet());
  CHECK(van.fate(take).standing.outcome == Outcome::applied);
  CHECK(van.fate(note).standing.outcome == Outcome::applied);
  CHECK(van.fate(untagged).outcome == Outcome::applied);
  CHECK(told(van, note).effective_ms() == before.effective_ms());
  CHECK(desk.show(made).row.number == number);
  CHECK(desk.show(made).row.assignee == "van");
  CHECK(desk.show(made).timeline.size() == before_restore);
  CHECK(count(world, "SELECT count(DISTINCT epoch) FROM old_receipt") == 2);
  CHECK(desk.view(made) == van.view(made));
  CHECK(desk.view(old) == van.view(old));
  CHECK(world.invariants_hold());  // and an export proves it
}

TEST_CASE("what was seen before a restore counts as seen after it", "[world][restore]") {
  World world{Seed::from_environment_or(502)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  const TicketId ticket = van.create("seen");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  desk.set(ticket, Field::priority, "4");
  must(desk.sync());
  must(van.sync());
  REQUIRE(van.show(ticket).row.priority == "urgent");
  const ChangeRef lowered = van.set(ticket, Field::priority, "2");  // having seen it raised
  must(van.sync());
  must(van.sync());
  CHECK(van.show(ticket).row.priority == "normal");

  world.server.restore(backup);
  world.forget_acknowledged();
  must(desk.sync());
  must(van.sync());
  CHECK(world.run_until_quiet());
  CHECK(van.fate(lowered).outcome == Outcome::applied);
  CHECK(van.show(ticket).row.priority == "normal");
  CHECK(desk.view(ticket) == van.view(ticket));
  CHECK(world.invariants_hold());
}

TEST_CASE("a receipt that proves nothing gains nothing", "[world][restore][security]") {
  World world{Seed::from_environment_or(503)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  const TicketId ticket = van.create("lied about");
  CHECK(world.run_until_quiet());
  const ChangeRef early = van.note(ticket, "kept");
  must(van.sync());
  const std::string backup = world.server.backup();
  van.note(ticket, "lost");
  must(van.sync());
  desk.note(ticket, "of another device");
  must(desk.sync());
  std::vector<Bytes> lists;
  for (Device* device : {&van, &desk}) {
    const auto outbox = must(
        client::Outbox::open(device->home() + "/outbox.db", device->keys().data_key.view(), {}, sqlite::Role::reader));
    auto rows = must(outbox->database().query("SELECT wire FROM receipt_list ORDER BY id"));
    while (must(rows.step())) lists.emplace_back(rows.blob(0));
  }
  REQUIRE(lists.size() >= 4);
  world.server.restore(backup);
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());
  CHECK(van.fate(early).outcome == Outcome::applied);
  const std::int64_t proven = count(world, "SELECT count(*) FROM old_receipt");
  CHECK(proven == 2);

  Intruder intruder(world, van);
  must(intruder.begin_session());
  const std::int64_t now = world.server.environment.wall_ms();
  v1::ExchangeRequest request;
  auto header = intruder.next_header();
  request.add_change_sets(intruder.seal(header, {intruder.note(ticket, "back-dated")}));
  // Of other sets, of another device, invented, damaged: none of them is about this one.
  for (const Bytes& list : lists) request.add_old_receipts(list);
  auto invented = must(protocol::decode_receipt_list(lists.front()));
  const auto set = must(protocol::decode_change_set(request.change_sets(0)));
  const auto real = must(protocol::decode_receipt(invented.receipts.front()));
  invented.receipts = {protocol::encode(protocol::make_receipt(header.device_epoch, header.chain_seq, real.leaf_index,
                                                               set.hash(), real.leaf.commit_seq, 1000, real.outcomes))};
  request.add_old_receipts(protocol::encode(invented));
  request.add_old_receipts("no list at all");
  const auto answer = must(intruder.exchange(request));
  REQUIRE_FALSE(answer.has_error());
  const auto receipts = must(protocol::decode_receipt_list(answer.receipts()));
  v1::SetOutcomes outcomes;
  REQUIRE(outcomes.ParseFromString(must(protocol::decode_receipt(receipts.receipts.front())).outcomes));
  CHECK(outcomes.outcomes(0).effective_ms() >= now - minutes_ms(60));
  CHECK(count(world, "SELECT count(*) FROM old_receipt") == proven);

  v1::ExchangeRequest many;
  for (int i = 0; i < 65; ++i) many.add_old_receipts("x");
  const auto refused = intruder.exchange(many);
  CHECK_FALSE((refused && !refused->has_error()));
}

TEST_CASE("what waits for something and never had been admitted is a person's to release, after a restore too",
          "[world][restore][security]") {
  World world{Seed::from_environment_or(505)};
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("waited on");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  world.server.restore(backup);
  CHECK(world.run_until_quiet());

  Intruder intruder(world, van);
  must(intruder.begin_session());
  sync::Change parent = intruder.note(ticket, "comes later");
  parent.ref.id.bytes.fill(7);
  sync::Change child = intruder.note(ticket, "names it");
  child.after = {parent.ref.id};
  const auto answer = must(intruder.push(intruder.seal(intruder.next_header(), {child, parent})));
  INFO(answer.error().code() << " " << answer.error().message());
  REQUIRE_FALSE(answer.has_error());
  CHECK(count(world, "SELECT count(*) FROM change WHERE standing = 6") == 1);
}

TEST_CASE("what was erased comes back before its ticket does: the ticket is what its changes say", "[world][restore]") {
  World world{Seed::from_environment_or(512)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  const TicketId ticket = desk.create("made after the backup");
  CHECK(world.run_until_quiet());
  const ChangeRef note = van.note(ticket, "of which nothing may stay");
  CHECK(world.run_until_quiet());
  const std::string ref = to_uuid_text(note.device.view()) + ":" + to_hex(note.id);
  world.server.administer("erase", {{"change", Json::array({Json(ref)})}});
  for (SavedWork& work : world.saved_work)
    if (work.ref == note) work.erased = true;
  CHECK(world.run_until_quiet());
  world.pass(hours_ms(1));

  world.server.restore(backup);
  world.forget_acknowledged();
  must(van.sync());
  REQUIRE(count(world, "SELECT count(*) FROM erasure") == 1);
  REQUIRE(count(world, "SELECT count(*) FROM ticket") == 0);
  CHECK(world.run_until_quiet());
  REQUIRE(desk.holds(ticket));
  CHECK(desk.view(ticket) == van.view(ticket));
  CHECK(world.invariants_hold());
}

TEST_CASE("a device enrolled after the backup comes back by its certificate, unless its key ended meanwhile",
          "[world][restore][security]") {
  World world{Seed::from_environment_or(504)};
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("before");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  Device& late = world.add_device("late", {.person = "van"});
  Device& stolen = world.add_device("stolen", {.person = "van"});
  const ChangeRef work = late.note(ticket, "by a device that the backup does not know");
  const TicketId made = late.create("made on it");
  must(late.sync());
  stolen.note(ticket, "by one that is stolen");
  must(stolen.sync());
  const std::string number = late.show(made).row.number;
  world.server.administer("device revoke", {{"device", Json("stolen")}});

  world.server.restore(backup);
  world.forget_acknowledged();
  stolen.gone = true;
  const auto refused = stolen.sync();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::login_refused);
  must(late.sync());
  CHECK(world.run_until_quiet());
  CHECK(late.fate(work).outcome == Outcome::applied);
  CHECK(late.show(made).row.number == number);
  CHECK(van.show(ticket).timeline.size() == 2);
  CHECK(count(world, "SELECT count(*) FROM device WHERE purpose = 0") == 2);
  stolen.close();
  CHECK(world.invariants_hold());
}

TEST_CASE("a copy that lost its step into the new epoch takes it again, and nobody is asked over and over",
          "[world][restore]") {
  World world{Seed::from_environment_or(507)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  const TicketId ticket = van.create("pump");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  const ChangeRef note = van.note(ticket, "after the backup");
  desk.set(ticket, Field::subject, "pump leaks");
  CHECK(world.run_until_quiet());
  van.close();
  const std::string kept = van.home() + "-replica.db";
  std::filesystem::copy_file(van.home() + "/replica.db", kept);
  van.open();
  world.server.restore(backup);
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());
  desk.note(ticket, "after the restore");
  must(desk.sync());

  van.close();
  std::filesystem::copy_file(kept, van.home() + "/replica.db", std::filesystem::copy_options::overwrite_existing);
  van.open();
  const auto requests = world.network.seen().requests;
  must(van.sync());
  CHECK(world.network.seen().requests - requests < 10);
  CHECK(van.up_to_date());
  CHECK(van.fate(note).outcome == Outcome::applied);
  CHECK(van.view(ticket) == desk.view(ticket));
  CHECK(world.run_until_quiet());
  CHECK(world.invariants_hold());
}
