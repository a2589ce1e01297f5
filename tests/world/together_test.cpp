// Several people, one ticket: what each sees in the end.
#include "support/world.hpp"

using namespace tern;
using namespace tern::test;

TEST_CASE("a ticket edited on two offline devices ends up equal everywhere", "[world][conflict]") {
  World world{Seed::from_environment_or(7)};
  Device& van = world.add_device("van");
  Device& depot = world.add_device("depot");
  const TicketId ticket = van.create("pump");
  CHECK(world.run_until_quiet());

  world.network.cut();
  const ChangeRef first = van.set(ticket, Field::subject, "pump leaks");
  world.pass(minutes_ms(5));
  const ChangeRef second = depot.set(ticket, Field::subject, "pump broken");
  depot.set(ticket, Field::priority, "4");
  van.note(ticket, "at the site");
  CHECK(van.show(ticket).row.subject == "pump leaks");
  CHECK(depot.show(ticket).row.subject == "pump broken");
  world.network.heal();
  CHECK(world.run_until_quiet());

  CHECK(van.view(ticket) == depot.view(ticket));
  CHECK(van.show(ticket).row.subject == "pump broken");
  CHECK(van.fate(first).standing.outcome == Outcome::superseded);
  CHECK(van.needs_attention(first));
  CHECK(depot.fate(second).standing.outcome != Outcome::superseded);
  CHECK(world.invariants_hold());
}
