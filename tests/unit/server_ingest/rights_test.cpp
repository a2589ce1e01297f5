#include <algorithm>

#include "desk.hpp"
#include "support/catch.hpp"

using namespace tern;
using namespace tern::test;
using sync::FieldId;

TEST_CASE("of five hundred changes made offline the third is forbidden: 499 land and one is explained",
          "[ingest][rights]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  const TicketId ticket = desk.new_ticket_id();
  std::vector<Change> changes{van->create(ticket)};
  for (int i = 1; i < 500; ++i) changes.push_back(van->note(ticket, "note " + std::to_string(i)));
  changes[2] = van->make(Intent::delete_ticket, ticket);
  std::vector<Told> told;
  for (std::size_t at = 0; at < changes.size(); at += 100) {
    desk.environment.advance(1'000);
    van->seal(
        {changes.begin() + static_cast<std::ptrdiff_t>(at), changes.begin() + static_cast<std::ptrdiff_t>(at + 100)});
  }
  const auto answer = van->push();
  REQUIRE_FALSE(answer.fault);
  told = test::told(answer);
  REQUIRE(told.size() == 500);
  int landed = 0;
  for (const Told& one : told) landed += one.outcome == Outcome::applied ? 1 : 0;
  CHECK(landed == 499);
  CHECK(told[2].outcome == Outcome::rejected);
  CHECK(told[2].reason == ReasonCode::not_permitted);
  CHECK(desk.differs_from_zero() == "");
  CHECK(desk.verify().findings.empty());
}

TEST_CASE("what its author could rightly think allowed is held when a fact, rejected when a claim",
          "[ingest][rights]") {
  Desk desk;
  const OperatorId ada = desk.add_operator("Ada");
  auto van = desk.add_van(ada);
  const TicketId ticket = desk.new_ticket_id();
  van->send(van->create(ticket));
  van->pull();
  const Change reply = van->note(ticket, "done, bye", sync::Visibility::open);
  const Change take = van->make(Intent::take, ticket);
  desk.change_operator(ada, sync::Role::light);
  const auto told = van->send({reply, take, van->note(ticket, "still allowed")});
  CHECK(told[0].outcome == Outcome::held);
  CHECK(told[0].reason == ReasonCode::not_permitted);
  CHECK(told[1].outcome == Outcome::rejected);
  CHECK(told[2].outcome == Outcome::applied);

  van->pull();  // now they know
  const Told later = van->send(van->note(ticket, "again", sync::Visibility::open));
  CHECK(later.outcome == Outcome::rejected);
  CHECK(desk.verify().findings.empty());
}

TEST_CASE("the queue as it was on the author's screen counts, too", "[ingest][rights]") {
  Desk desk;
  const RecordId north = desk.add_record(sync::RecordKind::queue, "North");
  const RecordId south = desk.add_record(sync::RecordKind::queue, "South");
  const OperatorId boss = desk.add_operator("Eve", sync::Role::supervisor);
  const OperatorId bob = desk.add_operator("Bob", sync::Role::operator_, {north});
  auto creator = desk.add_van(boss, true);
  auto van = desk.add_van(bob);
  const TicketId ticket = desk.new_ticket_id();
  Change queue = creator->make(Intent::move_queue, ticket);
  queue.target = Bytes(north.view());
  creator->send({creator->create(ticket), queue});
  creator->pull();
  van->pull();
  const Change note = van->note(ticket, "seen in my queue");
  queue = creator->make(Intent::move_queue, ticket);
  queue.target = Bytes(south.view());
  CHECK(creator->send(queue).outcome == Outcome::applied);
  CHECK(van->send(note).outcome == Outcome::held);
  van->pull();
  CHECK(van->send(van->note(ticket, "no longer mine")).outcome == Outcome::rejected);
}

TEST_CASE("a supervisor releases what is held at its own time, what waited for it comes along, both are told",
          "[ingest][rights][release]") {
  Desk desk;
  const OperatorId ada = desk.add_operator("Ada");
  const OperatorId boss = desk.add_operator("Eve", sync::Role::supervisor);
  auto van = desk.add_van(ada);
  auto office = desk.add_van(boss);
  const TicketId ticket = desk.new_ticket_id();
  van->send(van->create(ticket));
  van->pull();
  Change reply = van->note(ticket, "done at ten", sync::Visibility::open);
  Change priority = van->set(ticket, FieldId::priority, "3");
  priority.after = {reply.ref.id};
  const std::int64_t made = reply.wall_ms;
  desk.environment.advance(600'000);
  reply.before_ms = priority.before_ms = 600'000;
  desk.change_operator(ada, sync::Role::light);
  const auto held = van->send({reply, priority});
  CHECK(held[0].outcome == Outcome::held);
  CHECK(held[1].reason == ReasonCode::parent_held);
  REQUIRE(desk.messages(ticket).size() == 1);  // for colleagues
  CHECK(desk.messages(ticket).front().visibility == sync::Visibility::team);

  office->pull();
  Change release = office->make(Intent::release, ticket);
  release.targets = {reply.ref};
  const Told told = office->send(release);
  CHECK(told.outcome == Outcome::applied);
  CHECK(told.rule == Rule::release);
  const auto after = desk.messages(ticket);
  REQUIRE(after.size() == 2);
  const auto sent = std::ranges::find(after, sync::Visibility::open, &sync::Message::visibility);
  REQUIRE(sent != after.end());
  CHECK(sent->stamp.author == ada);
  CHECK(sent->stamp.order_ms == made);
  CHECK(sync::priority_of(desk.state(ticket)) == 3);
  CHECK(desk.standing(reply.ref) == Outcome::applied);
  CHECK(desk.standing(priority.ref) == Outcome::applied);
  CHECK(desk.count("amendment") == 1);
  CHECK(desk.count("amendment_reader") == 2);

  const Told twice = office->send([&] {
    Change again = office->make(Intent::release, ticket);
    again.targets = {reply.ref};
    return again;
  }());
  CHECK(twice.outcome == Outcome::rejected);
  CHECK(twice.reason == ReasonCode::exists);
  const Told others = van->send([&] {
    Change by_light = van->make(Intent::release, ticket);
    by_light.targets = {reply.ref};
    return by_light;
  }());
  CHECK(others.reason == ReasonCode::not_permitted);
  CHECK(desk.differs_from_zero() == "");
  CHECK(desk.verify().findings == std::vector<std::string>{});
}

TEST_CASE("a held create is released with everything that waited for its ticket", "[ingest][rights][release]") {
  Desk desk;
  const OperatorId ada = desk.add_operator("Ada");
  const OperatorId boss = desk.add_operator("Eve", sync::Role::supervisor);
  auto van = desk.add_van(ada);
  const TicketId ticket = desk.new_ticket_id();
  Change create = van->create(ticket);
  create.text = "made offline";
  Change describe = van->make(Intent::describe, ticket);
  describe.base = "made offline";
  describe.text = "made offline, twice";
  describe.after = {create.ref.id};
  desk.change_operator(ada, sync::Role::light);
  const auto held = van->send({create, van->note(ticket, "a note"), describe});
  for (const Told& one : held) CHECK(one.outcome == Outcome::held);
  CHECK(desk.count("ticket") == 0);
  Change release;
  release.intent = Intent::release;
  release.ticket = ticket;
  release.targets = {create.ref};
  CHECK(desk.act(release, boss).outcomes.front() == Outcome::applied);
  const sync::TicketState state = desk.state(ticket);
  CHECK(state.number == "T-2023-0001");
  CHECK(state.description == "made offline, twice");
  CHECK(desk.messages(ticket).size() == 1);
  CHECK(desk.differs_from_zero() == "");
  CHECK(desk.verify().findings == std::vector<std::string>{});
}

TEST_CASE("records are no device's to write, nor an operator's", "[ingest][rights]") {
  Desk desk;
  const OperatorId ada = desk.add_operator("Ada");
  auto van = desk.add_van(ada);
  sync::Record record;
  record.kind = sync::RecordKind::queue;
  record.id = random_id<RecordId>(desk.environment);
  record.name = "Mine";
  Change change = van->make(Intent::record, TicketId{});
  change.record_kind = 2;
  change.record = sync::encode_record(record);
  CHECK(van->send(change).reason == ReasonCode::not_permitted);
  Change acted = change;
  acted.ref = {};
  CHECK(desk.act(acted, ada).outcomes.front() == Outcome::rejected);
  CHECK_FALSE(desk.tenant->find_record(sync::RecordKind::queue, record.id));
}
