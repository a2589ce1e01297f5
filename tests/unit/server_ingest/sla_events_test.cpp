// A ticket's ledger in the words of the SLA clock.
#include "desk/sla_events.hpp"

#include "desk.hpp"
#include "support/catch.hpp"
#include "support/must.hpp"
#include "tern/sla/clock.hpp"

using namespace tern;
using namespace tern::test;

namespace {

constexpr std::int64_t hour_ms = 3'600'000;

std::vector<sla::Event> events_on(Desk& desk, const TicketId& ticket) {
  auto reader = must(desk.tenant->reader());
  const auto ledger = must(server::read_ticket(reader.db(), desk.tenant->number(), ticket));
  std::vector<sync::Record> records;
  for (const auto kind : {sync::RecordKind::operator_, sync::RecordKind::contact, sync::RecordKind::category})
    for (const sync::Record& record : desk.tenant->records(kind)) records.push_back(record);
  return server::sla_events(server::folded_changes(ledger), server::SlaNames(records));
}

std::vector<sla::EventKind> kinds_of(const std::vector<sla::Event>& events) {
  std::vector<sla::EventKind> out;
  for (const sla::Event& event : events) out.push_back(event.kind);
  return out;
}

}  // namespace

TEST_CASE("the SLA clock reads moves, messages and what rules look at out of the ledger", "[ingest][sla]") {
  using sla::EventKind;
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  const TicketId ticket = desk.new_ticket_id();
  Change create = van->create(ticket);
  const RecordId contact = desk.add_record(sync::RecordKind::contact, "Kim");
  create.fields.push_back({sync::FieldId::contact, {}, Bytes(contact.view()), false});
  REQUIRE(van->send(create).outcome == Outcome::applied);
  van->pull();
  const sla::Instant created = desk.environment.wall_ms() / 1000;

  desk.environment.advance(hour_ms);
  van->seal({van->note(ticket, "we come at noon", sync::Visibility::open)});
  const sla::Instant answered = desk.environment.wall_ms() / 1000;
  desk.environment.advance(3 * hour_ms);
  van->sync();
  const sla::Instant received = desk.environment.wall_ms() / 1000;
  REQUIRE(van->send(van->set(ticket, sync::FieldId::priority, "4")).outcome == Outcome::applied);
  REQUIRE(van->send(van->note(ticket, "for colleagues")).outcome == Outcome::applied);
  REQUIRE(van->send(van->make(Intent::start, ticket)).outcome == Outcome::applied);
  Change resolve = van->make(Intent::resolve, ticket);
  resolve.text = "seal replaced";
  REQUIRE(van->send(resolve).outcome == Outcome::applied);

  const auto events = events_on(desk, ticket);
  CHECK(kinds_of(events) == std::vector<EventKind>{EventKind::create, EventKind::agent_message, EventKind::attributes,
                                                   EventKind::status, EventKind::agent_message, EventKind::status});
  CHECK(events[0].at == created);
  CHECK(events[0].opening == sla::Opening::by_customer);
  CHECK(events[1].at == answered);
  REQUIRE(events[1].offline);
  CHECK(events[1].offline->received == received);
  CHECK(events[1].offline->attested());
  CHECK(events[2].attributes.priority == 4);
  CHECK(events[3].status == sync::Status::in_progress);
  CHECK(events[5].status == sync::Status::resolved);

  sla::Calendar always;
  always.id = "24/7";
  always.always = true;
  sla::Calendars calendars;
  REQUIRE(calendars.add(always));
  sla::RuleBook book;
  book.rules = sla::default_rules("24/7", {});
  const sla::RuleBooks books({book});
  const auto clock = sla::clock_at({events, books, calendars}, received + 60);
  REQUIRE(clock.cycles.size() == 2);
  CHECK(clock.cycles[0].state == sla::CycleState::met);
  CHECK(clock.cycles[0].elapsed == 3600);
  CHECK(clock.cycles[0].verdict == sla::Verdict::proven_met);  // 24 h at priority normal
}

TEST_CASE("a task without a customer owes nobody a response", "[ingest][sla]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  const TicketId ticket = desk.new_ticket_id();
  van->send(van->create(ticket));
  CHECK(events_on(desk, ticket).at(0).opening == sla::Opening::internal);
  CHECK(events_on(desk, desk.new_ticket_id()).empty());
}

TEST_CASE("a category stands in the rules with what is above it", "[ingest][sla]") {
  sync::Record hardware, printer;
  hardware.kind = printer.kind = sync::RecordKind::category;
  hardware.id.bytes.fill(1);
  printer.id.bytes.fill(2);
  hardware.name = "hardware";
  printer.name = "printer";
  printer.attributes["parent"] = "hardware";
  hardware.attributes["parent"] = "printer";  // a circle ends
  const server::SlaNames names({hardware, printer});
  CHECK(names.category_path(printer.id.view()).ends_with("hardware/printer"));
  CHECK(names.category_path({}).empty());
}
