#include "desk.hpp"
#include "support/catch.hpp"
#include "support/must.hpp"

using namespace tern;
using namespace tern::test;

TEST_CASE("a ticket made on a device gets its number, its id and its state", "[ingest]") {
  Desk desk;
  const auto queue = desk.add_record(sync::RecordKind::queue, "North");
  auto van = desk.add_van(desk.add_operator("Ada", sync::Role::operator_, {queue}));
  const TicketId ticket = desk.new_ticket_id();
  Change create = van->create(ticket);
  create.text = "since this morning";
  create.provisional_number = "T-2023-xab-1";
  const auto outcomes = van->send({create, van->make(Intent::take, ticket), van->note(ticket, "on my way")});
  REQUIRE(outcomes.size() == 3);
  CHECK(outcomes[0].outcome == Outcome::applied);
  CHECK(outcomes[0].number == "T-2023-0001");
  CHECK(outcomes[0].integer_id == 1);
  CHECK(outcomes[1].outcome == Outcome::applied);
  CHECK(outcomes[2].outcome == Outcome::applied);

  const sync::TicketState state = desk.state(ticket);
  CHECK(state.number == "T-2023-0001");
  CHECK(state.aliases == std::vector<std::string>{"T-2023-xab-1"});
  CHECK(sync::assignee_of(state) == van->operator_id);
  CHECK(state.description == "since this morning");
  CHECK(desk.messages(ticket).size() == 1);
  CHECK(desk.members(ticket) == std::vector{van->operator_id});
  CHECK(desk.differs_from_zero().empty());
}

TEST_CASE("work of a device that lacks a required field is taken: nothing is lost for a setting", "[ingest]") {
  Desk desk;
  const auto write = [&](const sync::Record& record) {
    Change change;
    change.intent = Intent::record;
    change.record_kind = static_cast<std::uint32_t>(record.kind);
    change.record = sync::encode_record(record);
    REQUIRE(desk.act(change).outcomes.front() == Outcome::applied);
  };
  sync::Record meters;
  meters.kind = sync::RecordKind::category;
  meters.id = random_id<RecordId>(desk.environment);
  meters.name = "Meters";
  meters.attributes = {{"required", "type,contact"}};
  write(meters);
  sync::Record field;
  field.kind = sync::RecordKind::custom_field;
  field.id = random_id<RecordId>(desk.environment);
  field.name = "meter_no";
  field.attributes = {{"type", "number"}, {"required", "1"}};
  write(field);
  auto van = desk.add_van(desk.add_operator("Ada"));
  const TicketId ticket = desk.new_ticket_id();
  Change create = van->create(ticket);
  create.fields.push_back({sync::FieldId::category, {}, Bytes(meters.id.view()), false});
  const auto outcomes = van->send({create, van->make(Intent::resolve, ticket)});
  REQUIRE(outcomes.size() == 2);
  CHECK(outcomes[0].outcome == Outcome::applied);
  CHECK(outcomes[1].outcome == Outcome::applied);
  CHECK(sync::status_view(desk.state(ticket)).status == sync::Status::resolved);
}

TEST_CASE("a batch of more tickets than are kept in memory is one batch", "[ingest]") {
  Desk desk;
  const auto van = desk.add_van(desk.add_operator("Ada"));
  std::vector<TicketId> tickets(600);
  for (TicketId& ticket : tickets) ticket = desk.new_ticket_id();
  const auto seal_each = [&](auto make) {
    std::vector<Change> changes;
    for (const TicketId& ticket : tickets) {
      changes.push_back(make(ticket));
      if (changes.size() == 100) van->seal(std::exchange(changes, {}));
    }
  };
  seal_each([&](const TicketId& ticket) { return van->create(ticket); });
  seal_each([&](const TicketId& ticket) { return van->set(ticket, sync::FieldId::subject, "changed at once"); });
  server::Push push = van->pushable();
  push.own_folds = true;
  const auto commits = desk.tenant->commit_seq();
  const server::PushAnswer answer = van->push(std::move(push));
  CHECK_FALSE(answer.fault);
  CHECK(answer.receipts.size() == 12);
  for (const Told& one : told(answer)) CHECK(one.outcome == Outcome::applied);
  CHECK(desk.tenant->commit_seq() == commits + 12);
  for (const server::OwnFold& fold : answer.own_folds) {
    const sync::TicketState state = desk.state(fold.ticket);
    const bool once = fold.version == state.version && fold.base == 0;  // kept in memory between its two changes
    CHECK((once || fold.version < state.version));
  }
  CHECK(desk.state(tickets.front()).version == commits + 7);
  CHECK(desk.state(tickets.back()).version == commits + 12);
  CHECK(desk.verify().findings == std::vector<std::string>{});
}

TEST_CASE("changes of the server are as many sets as they have bytes for", "[ingest]") {
  Desk desk;
  std::vector<server::ServerChange> changes(1);
  const TicketId ticket = desk.new_ticket_id();
  changes[0].change.intent = Intent::create;
  changes[0].change.ticket = ticket;
  changes[0].change.fields.push_back({sync::FieldId::subject, {}, Bytes("pump leaks"), false});
  for (int i = 0; i < 40; ++i) {
    server::ServerChange& note = changes.emplace_back();
    note.change.intent = Intent::message;
    note.change.ticket = ticket;
    note.change.visibility = sync::Visibility::team;
    note.change.text = std::string(60'000, 'x');
  }
  const std::uint64_t before = desk.tenant->commit_seq();
  const auto done = must(server::commit_server(*desk.tenant, std::move(changes)));
  CHECK(desk.tenant->commit_seq() == before + 3);
  CHECK(done.outcomes == std::vector<Outcome>(41, Outcome::applied));
  CHECK(desk.messages(ticket).size() == 40);
  CHECK(desk.differs_from_zero().empty());
}
