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
  return server::sla_ticket(server::folded_changes(ledger), server::SlaNames(records)).events;
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

TEST_CASE("rules look at the channel that a ticket came by, and for whom it is", "[ingest][sla]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  const RecordId contact = desk.add_record(sync::RecordKind::contact, "Kim");
  const auto looked_at = [&](const std::vector<sync::FieldSetting>& more) {
    const TicketId ticket = desk.new_ticket_id();
    Change create = van->create(ticket);
    create.fields.insert(create.fields.end(), more.begin(), more.end());
    REQUIRE(van->send(create).outcome == Outcome::applied);
    const auto events = events_on(desk, ticket);
    return events.at(0).attributes;
  };
  CHECK(looked_at({}).channel == "desk");
  CHECK(looked_at({}).audience == "internal");
  CHECK(looked_at({{sync::FieldId::contact, {}, Bytes(contact.view()), false}}).audience == "customer");
  CHECK(looked_at({{sync::FieldId::external_ref, "conversation", "viber:a:7", false}}).channel == "viber");
  CHECK(looked_at({{sync::FieldId::external_ref, "conversation", "viber:7", false},
                   {sync::FieldId::external_ref, "channel", "telegram", false}})
            .channel == "telegram");
  const TicketId ticket = desk.new_ticket_id();
  Change create = van->create(ticket);
  create.principal_kind = sync::PrincipalKind::contact;
  create.principal_id = Bytes(contact.view());
  desk.act(create);
  CHECK(events_on(desk, ticket).at(0).attributes.channel == "portal");
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

TEST_CASE("a report from on site says when they came, and answers the customer who reads it", "[ingest][sla]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  const TicketId ticket = desk.new_ticket_id();
  van->send(van->create(ticket));
  van->pull();
  desk.environment.advance(5 * hour_ms);
  Change report = van->make(Intent::on_site, ticket);
  report.visibility = sync::Visibility::open;
  report.text = "seal replaced";
  report.to_ms = report.wall_ms - hour_ms;
  report.from_ms = report.wall_ms - 2 * hour_ms;
  REQUIRE(van->send(report).outcome == Outcome::applied);
  const auto events = events_on(desk, ticket);
  REQUIRE(kinds_of(events) ==
          std::vector{sla::EventKind::create, sla::EventKind::arrival, sla::EventKind::agent_message});
  CHECK(events[1].at == events[2].at - 2 * 3600);
  REQUIRE(events[1].offline);  // a claim: it may have been any time since the ticket was made
  CHECK(events[1].offline->lower_bound == events[0].at);
  CHECK(events[1].offline->received == events[2].received());
}

TEST_CASE("a ticket that another was merged into waits as long as the older of the two", "[ingest][sla]") {
  Desk desk;
  auto office = desk.add_van(desk.add_operator("Boss", sync::Role::supervisor), true);
  const RecordId contact = desk.add_record(sync::RecordKind::contact, "Kim");
  const TicketId first = desk.new_ticket_id(), second = desk.new_ticket_id();
  const auto create = [&](const TicketId& ticket) {
    Change change = office->create(ticket);
    change.fields.push_back({sync::FieldId::contact, {}, Bytes(contact.view()), false});
    REQUIRE(office->send(change).outcome == Outcome::applied);
    return desk.environment.wall_ms() / 1000;
  };
  const sla::Instant asked = create(first);
  desk.environment.advance(hour_ms);
  create(second);
  office->pull();
  const bool answered = GENERATE(false, true);
  if (answered) {
    office->send(office->note(first, "on our way", sync::Visibility::open));
    office->pull();
  }
  desk.environment.advance(hour_ms);
  Change merge = office->make(Intent::merge, first);
  merge.target = Bytes(second.view());
  REQUIRE(office->send(merge).outcome == Outcome::applied);
  auto reader = must(desk.tenant->reader());
  const auto read = must(server::read_sla_ticket(reader.db(), desk.tenant->number(), second, server::SlaNames({})));
  REQUIRE(read.events.back().kind == sla::EventKind::merged_in);
  CHECK(read.events.back().clock_start == (answered ? std::nullopt : std::optional(asked)));
  const auto source = must(server::read_sla_ticket(reader.db(), desk.tenant->number(), first, server::SlaNames({})));
  CHECK(source.events.back().kind == sla::EventKind::withdrawn);
  CHECK(source.merged_into == second);

  office->pull();
  Change undo = office->make(Intent::unmerge, first);
  undo.target = Bytes(second.view());
  REQUIRE(office->send(undo).outcome == Outcome::applied);
  auto after = must(desk.tenant->reader());
  const auto alone = must(server::read_sla_ticket(after.db(), desk.tenant->number(), second, server::SlaNames({})));
  CHECK(alone.events.back().kind == sla::EventKind::create);
  const auto back = must(server::read_sla_ticket(after.db(), desk.tenant->number(), first, server::SlaNames({})));
  CHECK(back.events.back().kind == sla::EventKind::restored);
  CHECK_FALSE(back.merged_into.has_value());
}

TEST_CASE("K22: who wrote what a split gave away waits on the new ticket, from the split on or since they wrote",
          "[ingest][sla]") {
  Desk desk;
  auto office = desk.add_van(desk.add_operator("Boss", sync::Role::supervisor), true);
  const RecordId contact = desk.add_record(sync::RecordKind::contact, "Kim");
  const TicketId pump = desk.new_ticket_id();
  office->send(office->create(pump));
  desk.environment.advance(hour_ms);
  const auto say = [&](const std::string& text, sync::PrincipalKind by) {
    Change message;
    message.intent = Intent::message;
    message.ticket = pump;
    message.visibility = sync::Visibility::open;
    message.text = text;
    message.principal_kind = by;
    message.principal_id = Bytes(contact.view());
    desk.act(message);
    desk.environment.advance(hour_ms);
    return desk.messages(pump).back().stamp;
  };
  const sync::Stamp asked = say("the lamp is dark, too", sync::PrincipalKind::contact);
  office->pull();
  const Change noted = office->note(pump, "and the fan hums");
  office->send(noted);
  const sync::Stamp note = desk.messages(pump).back().stamp;
  REQUIRE(note.ref() != asked.ref());
  desk.environment.advance(hour_ms);
  const auto split_off = [&](const sync::ChangeRef& message, std::uint32_t kind) {
    const TicketId other = desk.new_ticket_id();
    office->pull();
    office->send(office->create(other));
    Change split = office->make(Intent::split, pump);
    split.target = Bytes(other.view());
    split.targets = {message};
    split.kind = kind;
    REQUIRE(office->send(split).outcome == Outcome::applied);
    return events_on(desk, other).at(0);
  };
  const std::uint32_t inherits = GENERATE(0U, 1U);
  const sla::Event lamp = split_off(asked.ref(), inherits);
  CHECK(lamp.opening == sla::Opening::by_customer);
  CHECK(lamp.at == desk.environment.wall_ms() / 1000);
  CHECK(lamp.clock_start == (inherits == 1 ? std::optional(asked.order_ms / 1000) : std::nullopt));
  const sla::Event fan = split_off(note.ref(), inherits);  // nobody's but a colleague's
  CHECK(fan.opening == (inherits == 1 ? sla::Opening::by_customer : sla::Opening::internal));
  CHECK(fan.clock_start == (inherits == 1 ? std::optional(note.order_ms / 1000) : std::nullopt));
  CHECK(desk.verify().good());
}

TEST_CASE("K3: the record of a phone call answers the customer if the call was answered", "[ingest][sla]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  const TicketId ticket = desk.new_ticket_id();
  Change create = van->create(ticket);
  const RecordId contact = desk.add_record(sync::RecordKind::contact, "Kim");
  create.fields.push_back({sync::FieldId::contact, {}, Bytes(contact.view()), false});
  van->send(create);
  const auto record = [&](sync::TimeEntryKind kind) {
    desk.environment.advance(hour_ms);
    van->pull();
    Change entry = van->make(Intent::log_time, ticket);
    entry.number = 5;
    entry.kind = static_cast<std::uint32_t>(kind);
    REQUIRE(van->send(entry).outcome == Outcome::applied);
    return events_on(desk, ticket);
  };
  CHECK(record(sync::TimeEntryKind::work).size() == 1);
  const auto missed = record(sync::TimeEntryKind::call_unanswered);
  REQUIRE(missed.size() == 2);
  CHECK(missed.back().kind == sla::EventKind::call);
  CHECK_FALSE(sla::answers_customer(missed.back()));
  CHECK(desk.state(ticket).first_response_ms == 0);
  const auto answered = record(sync::TimeEntryKind::call);
  REQUIRE(answered.size() == 3);
  CHECK(sla::answers_customer(answered.back()));
  CHECK(answered.back().at == desk.environment.wall_ms() / 1000);
  CHECK(desk.state(ticket).first_response_ms == desk.environment.wall_ms());
  REQUIRE(desk.state(ticket).time_entries.size() == 3);
  CHECK(desk.state(ticket).time_entries.back().kind == sync::TimeEntryKind::call);
  Change unknown = van->make(Intent::log_time, ticket);
  unknown.number = 5;
  unknown.kind = 3;
  const auto refused = sync::validate_change(unknown);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().field == "kind");
  CHECK(desk.differs_from_zero() == "");
  CHECK(desk.verify().good());
}
