#include "desk.hpp"
#include "support/catch.hpp"

using namespace tern;
using namespace tern::test;
using sync::FieldId;

namespace {

/// Two vans of two operators that both hold one ticket.
struct Pair {
  Desk desk;
  RecordId queue = desk.add_record(sync::RecordKind::queue, "North");
  OperatorId ada = desk.add_operator("Ada", sync::Role::operator_, {queue});
  OperatorId bob = desk.add_operator("Bob", sync::Role::operator_, {queue});
  std::unique_ptr<Van> van = desk.add_van(ada);
  std::unique_ptr<Van> depot = desk.add_van(bob);
  TicketId ticket = desk.new_ticket_id();

  Pair() {
    CHECK(van->send(van->create(ticket)).outcome == Outcome::applied);
    van->pull();
    depot->pull();
    desk.environment.advance(60'000);
  }
  ~Pair() { CHECK(desk.differs_from_zero() == ""); }
};

Change with_target(Change change, ByteView target) {
  change.target = Bytes(target);
  return change;
}

}  // namespace

TEST_CASE("of two subjects set unseen the later stands and the other author is told by an amendment",
          "[ingest][amendment]") {
  Pair p;
  const Change first = p.van->set(p.ticket, FieldId::subject, "pump leaks oil");
  p.desk.environment.advance(60'000);
  const Change second = p.depot->set(p.ticket, FieldId::subject, "pump broken");
  CHECK(p.van->send(first).outcome == Outcome::applied);
  CHECK(p.depot->send(second).outcome == Outcome::applied);
  CHECK(sync::field_value(p.desk.state(p.ticket), FieldId::subject) == "pump broken");
  CHECK(p.desk.standing(first.ref) == Outcome::superseded);
  CHECK(p.desk.count("amendment") == 1);
  CHECK(p.desk.count("amendment_reader") == 2);
  CHECK(p.desk.verify().findings.empty());
}

TEST_CASE("a late earlier subject is superseded at once and amends nobody", "[ingest][amendment]") {
  Pair p;
  const Change late = p.van->set(p.ticket, FieldId::subject, "pump leaks oil");
  p.desk.environment.advance(60'000);
  CHECK(p.depot->send(p.depot->set(p.ticket, FieldId::subject, "pump broken")).outcome == Outcome::applied);
  const Told told = p.van->send(late);
  CHECK(told.outcome == Outcome::superseded);
  CHECK(told.rule == Rule::latest_wins);
  CHECK(p.desk.count("amendment") == 0);
}

TEST_CASE("nobody lowers an alarm they have not seen", "[ingest]") {
  Pair p;
  CHECK(p.van->send(p.van->set(p.ticket, FieldId::priority, "4")).outcome == Outcome::applied);
  p.desk.environment.advance(1'000);
  CHECK(p.depot->send(p.depot->set(p.ticket, FieldId::priority, "1")).outcome == Outcome::superseded);
  CHECK(sync::priority_of(p.desk.state(p.ticket)) == 4);
}

TEST_CASE("of two takes the one committed first stands and the loser watches", "[ingest]") {
  Pair p;
  const Change take = p.van->make(Intent::take, p.ticket);
  CHECK(p.depot->send(p.depot->make(Intent::take, p.ticket)).outcome == Outcome::applied);
  const Told told = p.van->send(take);
  CHECK(told.outcome == Outcome::overtaken);
  CHECK(told.rule == Rule::taken);
  CHECK(p.desk.members(p.ticket).size() == 2);
}

TEST_CASE("a status move that is not possible at its place is overtaken, at once or by an amendment",
          "[ingest][amendment]") {
  Pair p;
  const Change close = p.depot->make(Intent::close, p.ticket);
  p.desk.environment.advance(30'000);
  const Change start = p.van->make(Intent::start, p.ticket);
  CHECK(p.van->send(start).outcome == Outcome::applied);
  CHECK(p.depot->send(close).outcome == Outcome::applied);
  CHECK(p.desk.standing(start.ref) == Outcome::overtaken);  // a late fact: the receipt stays, an amendment tells
  CHECK(p.desk.count("amendment") == 1);
  p.desk.environment.advance(1'000);
  CHECK(p.van->send(p.van->make(Intent::wait, p.ticket)).outcome == Outcome::overtaken);
}

TEST_CASE("concurrent edits of the description are merged by line, and the ones before are amended",
          "[ingest][amendment]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  auto depot = desk.add_van(desk.add_operator("Bob"));
  const TicketId ticket = desk.new_ticket_id();
  Change create = van->create(ticket);
  create.text = "one\ntwo\nthree\n";
  van->send(create);
  van->pull();
  depot->pull();
  Change first = van->make(Intent::describe, ticket);
  first.base = create.text;
  first.text = "ONE\ntwo\nthree\n";
  Change second = depot->make(Intent::describe, ticket);
  second.base = create.text;
  second.text = "one\ntwo\nTHREE\n";
  CHECK(van->send(first).outcome == Outcome::applied);
  const Outcome merged = depot->send(second).outcome;
  CHECK(merged == Outcome::merged);
  CHECK(desk.state(ticket).description == "ONE\ntwo\nTHREE\n");
  CHECK(desk.differs_from_zero() == "");
  CHECK(desk.verify().findings.empty());
}

TEST_CASE("a message is edited by its author and by nobody else of that role", "[ingest]") {
  Pair p;
  const Change note = p.van->note(p.ticket, "on my way");
  CHECK(p.van->send(note).outcome == Outcome::applied);
  p.van->pull();
  p.depot->pull();
  Change edit = p.van->make(Intent::edit_message, p.ticket);
  edit.targets = {note.ref};
  edit.text = "there at noon";
  CHECK(p.van->send(edit).outcome == Outcome::applied);
  CHECK(sync::standing_text(p.desk.messages(p.ticket).front()) == "there at noon");
  Change others = p.depot->make(Intent::delete_message, p.ticket);
  others.targets = {note.ref};
  const Told told = p.depot->send(others);
  CHECK(told.outcome == Outcome::rejected);
  CHECK(told.reason == ReasonCode::not_permitted);
  CHECK_FALSE(sync::is_deleted(p.desk.messages(p.ticket).front()));
}

TEST_CASE("a report from on site is kept as it was signed: no edit, no delete, no unknown contact", "[ingest]") {
  Desk desk;
  const OperatorId boss = desk.add_operator("Boss", sync::Role::supervisor);
  auto van = desk.add_van(desk.add_operator("Ada"));
  auto office = desk.add_van(boss);
  const RecordId customer = desk.add_record(sync::RecordKind::contact, "Mill Ltd");
  const TicketId ticket = desk.new_ticket_id();
  van->send(van->create(ticket));
  Change report = van->make(Intent::on_site, ticket);
  report.visibility = sync::Visibility::open;
  report.text = "seal replaced";
  report.from_ms = 1'790'000'000'000;
  report.to_ms = 1'790'000'600'000;
  report.target = Bytes(customer.view());
  report.file_name = "Jo Miller";
  report.media_type = "image/png";
  report.signature = std::string("\x89PNG\r\n\x1a\n drawn", 14);
  CHECK(van->send(report).outcome == Outcome::applied);
  REQUIRE(desk.messages(ticket).size() == 1);
  const sync::Message before = desk.messages(ticket).front();
  CHECK(before.on_site.signature == report.signature);
  CHECK(before.on_site.contact == customer.view());

  office->pull();
  for (const Intent intent : {Intent::edit_message, Intent::delete_message}) {
    Change edit = office->make(intent, ticket);
    edit.targets = {report.ref};
    if (intent == Intent::edit_message) edit.text = "everything replaced";
    const auto refused = office->send(edit);
    CHECK(refused.outcome == Outcome::rejected);
    CHECK(refused.reason == ReasonCode::invalid);
  }
  Change other = van->make(Intent::on_site, ticket);
  other.visibility = sync::Visibility::team;
  other.text = "and again";
  other.from_ms = other.to_ms = report.to_ms;
  other.target = Bytes(16, 'x');
  CHECK(van->send(other).reason == ReasonCode::unknown_record);
  REQUIRE(desk.messages(ticket).size() == 1);
  CHECK(desk.messages(ticket).front() == before);
  CHECK(desk.differs_from_zero() == "");
  CHECK(desk.verify().findings == std::vector<std::string>{});
}

TEST_CASE("what the server has to refuse is told by its reason and blocks nothing behind it", "[ingest]") {
  Pair p;
  const TicketId unknown = p.desk.new_ticket_id();
  Change orphan = p.van->note(unknown, "for a ticket nobody knows");
  Change waits = p.van->note(p.ticket, "after something lost");
  waits.after = {random_id<ChangeId>(p.desk.environment)};
  Change after_held = p.van->note(p.ticket, "after the orphan");
  after_held.after = {orphan.ref.id};
  const Change again = p.van->create(p.ticket);
  const Change category = p.van->set(p.ticket, FieldId::category, Bytes(unknown.view()));
  Change edit = p.van->make(Intent::edit_message, p.ticket);
  edit.targets = {{p.van->id, random_id<ChangeId>(p.desk.environment)}};
  edit.text = "x";
  Change link = with_target(p.van->make(Intent::link, p.ticket), unknown.view());
  link.kind = 1;
  const Change queue = with_target(p.van->make(Intent::move_queue, p.ticket), unknown.view());
  Change mirror = with_target(p.van->make(Intent::merged_from, p.ticket), unknown.view());
  const auto told = p.van->send(
      {orphan, waits, after_held, again, category, edit, link, queue, mirror, p.van->note(p.ticket, "and on")});
  const auto is = [&](std::size_t i, Outcome outcome, ReasonCode reason) {
    CAPTURE(i);
    CHECK(told[i].outcome == outcome);
    CHECK(told[i].reason == reason);
  };
  is(0, Outcome::held, ReasonCode::parent_missing);
  is(1, Outcome::held, ReasonCode::parent_missing);
  is(2, Outcome::held, ReasonCode::parent_held);
  is(3, Outcome::rejected, ReasonCode::exists);
  is(4, Outcome::rejected, ReasonCode::unknown_record);
  is(5, Outcome::held, ReasonCode::parent_missing);
  is(6, Outcome::held, ReasonCode::ticket_unknown);
  is(7, Outcome::rejected, ReasonCode::unknown_record);
  is(8, Outcome::rejected, ReasonCode::not_permitted);
  is(9, Outcome::applied, ReasonCode::none);
  CHECK(p.van->push().fault == std::nullopt);
  CHECK(p.desk.verify().findings.empty());
}

TEST_CASE("a change of the same id has the outcome of the first, or is held when it says something else", "[ingest]") {
  Pair p;
  const Change note = p.van->note(p.ticket, "once");
  p.van->seal({note});
  const protocol::ChangeSet first = p.van->sets.back();
  CHECK(told(p.van->push()).front().outcome == Outcome::applied);
  // The same skeleton, salt and body in a set of its own: what a set signed again brings.
  p.van->resign_of = std::nullopt;
  protocol::ChangeSetHeader header = *protocol::decode_header(first.header);
  header.chain_seq = p.van->head.chain_seq + 1;
  header.prev_hash = p.van->head.hash;
  const protocol::ChangeSet twin = *protocol::seal(header, first.changes, *p.van->key);
  server::Push push;
  push.device = p.van->id;
  push.change_sets = {protocol::encode(twin)};
  const auto outcome = told(p.van->push(push)).front();
  CHECK(outcome.outcome == Outcome::applied);
  CHECK(outcome.rule == Rule::duplicate);
  p.van->head = {1, header.chain_seq, twin.hash()};
  CHECK(p.desk.messages(p.ticket).size() == 1);

  Change other = note;
  other.text = "something else";
  const Told held = p.van->send(other);
  CHECK(held.outcome == Outcome::held);
  CHECK(held.reason == ReasonCode::duplicate_content);
  CHECK(p.desk.messages(p.ticket).size() == 1);
  CHECK(p.desk.verify().findings.empty());
}

TEST_CASE("the fifty-first tag is one too many", "[ingest]") {
  Pair p;
  std::vector<Change> tags;
  for (int i = 0; i < 51; ++i) {
    Change tag = p.van->make(Intent::tag, p.ticket);
    tag.label = "tag" + std::to_string(i);
    tags.push_back(tag);
  }
  tags.push_back(tags.front());
  tags.back().ref.id = random_id<ChangeId>(p.desk.environment);
  const auto told = p.van->send(tags);
  CHECK(told[49].outcome == Outcome::applied);
  CHECK(told[50].outcome == Outcome::rejected);
  CHECK(told[50].reason == ReasonCode::limit);
  CHECK(told[51].outcome == Outcome::applied);
}

TEST_CASE("tickets are merged with a mirror on the target, cycles are refused, late facts go where they belong",
          "[ingest]") {
  Pair p;
  const OperatorId boss = p.desk.add_operator("Eve", sync::Role::supervisor);
  auto office = p.desk.add_van(boss);
  const TicketId target = p.desk.new_ticket_id();
  p.van->send(
      {p.van->create(target, "the other pump"), with_target(p.van->make(Intent::move_queue, target), p.queue.view())});
  const Change late = p.van->note(p.ticket, "written before the merge");
  p.desk.environment.advance(10'000);
  office->pull();
  CHECK(office->send(with_target(office->make(Intent::merge, p.ticket), target.view())).outcome == Outcome::applied);
  CHECK(p.desk.state(target).merged_from.size() == 1);
  CHECK(p.desk.state(p.ticket).merged_into->value == target.view());
  office->pull();
  const Told cycle = office->send(with_target(office->make(Intent::merge, target), p.ticket.view()));
  CHECK(cycle.outcome == Outcome::rejected);
  CHECK(cycle.reason == ReasonCode::cycle);
  CHECK(p.van->send(late).outcome == Outcome::applied);
  p.van->pull();
  CHECK(p.van->send(p.van->note(p.ticket, "written after it")).outcome == Outcome::redirected);
  CHECK(p.van->send(p.van->make(Intent::resolve, p.ticket)).outcome == Outcome::overtaken);
  // Whoever holds the target holds what it shows.
  CHECK(p.desk.members(p.ticket) == p.desk.members(target));
  CHECK(p.desk.verify().findings.empty());
}

TEST_CASE(
    "a merge is taken back by who may merge: each ticket is its own again, with its own readers and its own clock",
    "[ingest]") {
  Pair p;
  const OperatorId boss = p.desk.add_operator("Eve", sync::Role::supervisor);
  auto office = p.desk.add_van(boss);
  const TicketId target = p.desk.new_ticket_id();
  p.van->send(
      {p.van->create(target, "the other pump"), with_target(p.van->make(Intent::move_queue, target), p.queue.view())});
  office->pull();
  const auto readers = p.desk.members(p.ticket);
  REQUIRE(office->send(with_target(office->make(Intent::merge, p.ticket), target.view())).outcome == Outcome::applied);
  p.van->pull();
  office->pull();
  REQUIRE(p.van->send(p.van->note(p.ticket, "written meanwhile")).outcome == Outcome::redirected);
  const Told forbidden = p.van->send(with_target(p.van->make(Intent::unmerge, p.ticket), target.view()));
  CHECK(forbidden.outcome == Outcome::rejected);
  CHECK(forbidden.reason == ReasonCode::not_permitted);
  office->pull();
  CHECK(office->send(with_target(office->make(Intent::unmerge, p.ticket), target.view())).outcome == Outcome::applied);
  CHECK(p.desk.state(target).merged_from.empty());
  CHECK_FALSE(p.desk.state(p.ticket).merged_into.has_value());
  CHECK(p.desk.members(p.ticket) == readers);
  p.van->pull();
  CHECK(p.van->send(p.van->make(Intent::resolve, p.ticket)).outcome == Outcome::applied);
  CHECK(p.desk.verify().findings.empty());
}

TEST_CASE("a customer's message brings a deleted ticket back, or opens a new one that says where it comes from",
          "[ingest]") {
  Pair p;
  const RecordId contact = p.desk.add_record(sync::RecordKind::contact, "Mrs Pump");
  const OperatorId boss = p.desk.add_operator("Eve", sync::Role::supervisor);
  const auto customer = [&](const std::string& text, std::int64_t asserted) {
    Change message;
    message.intent = Intent::message;
    message.ticket = p.ticket;
    message.visibility = sync::Visibility::open;
    message.text = text;
    message.principal_kind = sync::PrincipalKind::contact;
    message.principal_id = Bytes(contact.view());
    message.asserted_ms = asserted;
    return message;
  };
  Change remove;
  remove.intent = Intent::delete_ticket;
  remove.ticket = p.ticket;
  CHECK(p.desk.act(remove, boss).outcomes.front() == Outcome::applied);
  CHECK(sync::is_deleted(p.desk.state(p.ticket)));
  p.desk.act(customer("written before", p.desk.environment.wall_ms() - 5'000));
  CHECK_FALSE(sync::is_deleted(p.desk.state(p.ticket)));
  p.desk.environment.advance(1'000);
  CHECK(p.desk.act(remove, boss).outcomes.front() == Outcome::applied);
  p.desk.environment.advance(1'000);
  const auto tickets = p.desk.count("ticket");
  p.desk.act(customer("written after", 0));
  CHECK(sync::is_deleted(p.desk.state(p.ticket)));
  CHECK(p.desk.count("ticket") == tickets + 1);
  CHECK(p.desk.verify().findings.empty());
}
