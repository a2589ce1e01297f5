#include "desk.hpp"
#include "support/catch.hpp"

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
