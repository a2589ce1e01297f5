// Tickets are given to people by the server's own changes (docs/routing.md).
#include "desk.hpp"
#include "desk/operator_loads.hpp"
#include "ingest/route.hpp"
#include "support/catch.hpp"
#include "support/must.hpp"
#include "support/older_schema.hpp"
#include "support/persist.hpp"

namespace tern::test {
namespace {

using Attributes = std::map<std::string, std::string>;

/// A queue that gives tickets out, and two people in it.
struct RoutedDesk {
  RoutedDesk() {
    tech = desk.add_record(sync::RecordKind::queue, "Tech");
    say(sync::RecordKind::queue, tech, {{"strategy", "least_open"}});
    ann = desk.add_operator("Ann", sync::Role::operator_, {tech});
    bob = desk.add_operator("Bob", sync::Role::operator_, {tech});
    kim = desk.add_record(sync::RecordKind::contact, "Kim");
  }

  /// An empty text takes it away.
  void say(sync::RecordKind kind, const RecordId& id, const Attributes& attributes) {
    auto record = desk.tenant->find_record(kind, id);
    REQUIRE(record);
    for (const auto& [name, value] : attributes) {
      record->attributes[name] = value;
      if (value.empty()) record->attributes.erase(name);
    }
    Change change;
    change.intent = Intent::record;
    change.record_kind = static_cast<std::uint32_t>(kind);
    change.record = sync::encode_record(*record);
    REQUIRE(desk.act(change).outcomes.front() == Outcome::applied);
  }
  void say_of(const OperatorId& who, const Attributes& attributes) {
    say(sync::RecordKind::operator_, RecordId::or_zero(who.view()), attributes);
  }
  static Change on(const TicketId& ticket, Intent intent) {
    Change out;
    out.intent = intent;
    out.ticket = ticket;
    out.seen_now = true;
    return out;
  }
  void act(const TicketId& ticket, Intent intent, Bytes target = {}) {
    Change change = on(ticket, intent);
    change.target = std::move(target);
    REQUIRE(desk.act(change).outcomes.front() == Outcome::applied);
  }
  void set(const TicketId& ticket, sync::FieldId field, Bytes value) {
    Change change = on(ticket, Intent::set);
    change.fields.push_back({field, {}, std::move(value), false});
    REQUIRE(desk.act(change).outcomes.front() == Outcome::applied);
  }
  /// Made in a queue, in one commit; a zero queue: in none.
  TicketId ask(const RecordId& queue, std::vector<std::pair<sync::FieldId, Bytes>> fields = {}) {
    const TicketId ticket = desk.new_ticket_id();
    Change create = on(ticket, Intent::create);
    create.fields.push_back({sync::FieldId::subject, {}, Bytes("pump leaks"), false});
    create.fields.push_back({sync::FieldId::contact, {}, Bytes(kim.view()), false});
    for (auto& [field, value] : fields) {
      std::erase_if(create.fields, [&](const auto& one) { return one.field == field; });
      create.fields.push_back({field, {}, std::move(value), false});
    }
    std::vector<server::ServerChange> changes;
    changes.push_back({create, {}});
    if (!queue.is_zero()) {
      changes.push_back({on(ticket, Intent::move_queue), {}});
      changes.back().change.target = Bytes(queue.view());
    }
    const auto done = must(server::commit_server(*desk.tenant, std::move(changes)));
    for (const Outcome outcome : done.outcomes) CHECK(outcome == Outcome::applied);
    return ticket;
  }
  TicketId ask() { return ask(tech); }
  std::string holder(const TicketId& ticket) {
    const auto who = sync::assignee_of(desk.state(ticket));
    if (!who) return "nobody";
    return desk.tenant->find_record(sync::RecordKind::operator_, RecordId::or_zero(who->view()))->name;
  }
  std::vector<server::RouteDecision> decisions(const TicketId& ticket) {
    std::vector<server::RouteDecision> out;
    auto reader = must(desk.tenant->reader());
    for (const auto& change : must(server::read_ticket(reader.db(), desk.tenant->number(), ticket)))
      if (server::is_routing(change.placed.change)) {
        const auto decision = server::route_from_text(change.placed.change.reason);
        REQUIRE(decision);
        out.push_back(*decision);
      }
    return out;
  }
  std::string moment(const TicketId& ticket) {
    const auto all = decisions(ticket);
    return all.empty() ? "" : std::string(server::route_moment_name(all.back().moment));
  }
  server::RouteRule rule(const TicketId& ticket) {
    const auto all = decisions(ticket);
    REQUIRE_FALSE(all.empty());
    return all.back().rule;
  }
  std::size_t drain() {
    return must(persist_job(*desk.tenant, [&] { return server::drain_waiting(*desk.tenant); }));
  }
  void pass(std::int64_t ms) { desk.environment.advance(ms); }
  server::OperatorLoad load(const OperatorId& who) {
    auto reader = must(desk.tenant->reader());
    return must(persist([&] { return server::read_load(reader.db(), desk.tenant->number(), who); }));
  }
  std::string found() {
    std::string out;
    for (const std::string& finding : desk.verify().findings) out += finding + "\n";
    return out;
  }

  Desk desk;
  RecordId tech, kim;
  OperatorId ann, bob;
};

// ---- again, out of the ledger ----

/// The operator's record as it was.
sync::Record person_then(sqlite::Database& db, std::int64_t tenant, std::uint64_t number, std::uint64_t seq) {
  auto rows =
      must(db.query("SELECT data FROM record_history WHERE tenant_id = $1 AND kind = $2 AND version <= $3 ORDER "
                    "BY version DESC",
                    tenant, sync::RecordKind::operator_, seq));
  while (must(rows.step())) {
    const sync::Record record = must(sync::decode_record(rows.blob(0)));
    if (record.integer_id == number) return record;
  }
  FAIL("there is no operator " << number);
  return {};
}

/// What everybody held before that place of the ledger, by folding all tickets up to it.
server::OperatorLoads loads_then(sqlite::Database& db, std::int64_t tenant, std::uint64_t seq, std::uint32_t index) {
  server::OperatorLoads out;
  std::vector<TicketId> all;
  auto rows = must(db.query("SELECT ticket_id FROM ticket WHERE tenant_id = $1", tenant));
  while (must(rows.step())) all.push_back(rows.id<TicketId>(0));
  for (const TicketId& id : all) {
    std::vector<sync::PlacedChange> before;
    for (const auto& change : must(server::read_ticket(db, tenant, id)))
      if (change.commit_seq < seq || (change.commit_seq == seq && change.index < index))
        before.push_back(change.placed);
    const auto folded = sync::fold_from_zero(before);
    for (const sync::PlacedChange& placed : before)
      if (const auto given = server::assigned_to(placed)) out[*given].add({0, 0, placed.stamp.commit_seq});
    const auto holder = sync::assignee_of(folded.state);
    const auto status = sync::class_of(folded.state);
    if (holder && folded.state.created && (status == sync::StatusClass::todo || status == sync::StatusClass::work))
      out[*holder].add({1, sync::priority_of(folded.state) == 4 ? 1 : 0, 0});
  }
  return out;
}

}  // namespace

TEST_CASE("a ticket that is made in a queue that gives them out is given to who has the least to do",
          "[ingest][routing]") {
  RoutedDesk d;
  const TicketId first = d.ask(), second = d.ask(), third = d.ask();
  CHECK(d.holder(first) == "Ann");  // both have nothing: by number
  CHECK(d.holder(second) == "Bob");
  CHECK(d.holder(third) == "Ann");  // as much each: Bob was given one last
  CHECK(d.moment(third) == "created");
  CHECK(d.rule(third) == server::RouteRule::least_open);
  d.act(first, Intent::resolve);
  d.act(third, Intent::hold);
  CHECK(d.load(d.ann).tickets == 0);
  CHECK(d.holder(d.ask()) == "Ann");
  CHECK(d.found() == "");
  // Who made it part of no such queue is asked nothing.
  const RecordId quiet = d.desk.add_record(sync::RecordKind::queue, "Quiet");
  CHECK(d.holder(d.ask(quiet)) == "nobody");
  CHECK(d.holder(d.ask(RecordId())) == "nobody");
  CHECK(d.drain() == 0);
  d.say(sync::RecordKind::queue, d.tech, {{"strategy", ""}});
  const TicketId off = d.ask();
  CHECK(d.drain() == 0);
  CHECK(d.holder(off) == "nobody");
}

TEST_CASE("whoever was named or took the ticket in the same commit keeps it", "[ingest][routing]") {
  RoutedDesk d;
  const auto van = d.desk.add_van(d.bob);
  const TicketId taken = d.desk.new_ticket_id();
  Change move = van->make(Intent::move_queue, taken), take = van->make(Intent::take, taken);
  move.target = Bytes(d.tech.view());
  for (const Told& told : van->send({van->create(taken), move, take})) CHECK(told.outcome == Outcome::applied);
  CHECK(d.holder(taken) == "Bob");
  CHECK(d.decisions(taken).empty());
  const TicketId made = d.desk.new_ticket_id();
  Change other_move = van->make(Intent::move_queue, made);
  other_move.target = Bytes(d.tech.view());
  van->send({van->create(made), other_move});
  CHECK(d.holder(made) == "Ann");
  CHECK(d.found() == "");
}

TEST_CASE("a ticket is looked at again when it comes to the queue, gets a category, or is reopened",
          "[ingest][routing]") {
  RoutedDesk d;
  const TicketId moved = d.ask(RecordId());
  d.act(moved, Intent::move_queue, Bytes(d.tech.view()));
  CHECK(d.holder(moved) == "Ann");
  CHECK(d.moment(moved) == "moved");

  const RecordId pumps = d.desk.add_record(sync::RecordKind::category, "Pumps");
  d.say(sync::RecordKind::category, pumps, {{"default_agent", "Bob"}});
  const TicketId filed = d.ask(RecordId());
  d.set(filed, sync::FieldId::category, Bytes(pumps.view()));
  CHECK(d.holder(filed) == "Bob");  // in no queue at all
  CHECK(d.moment(filed) == "category");
  CHECK(d.rule(filed) == server::RouteRule::default_agent);
  d.say_of(d.bob, {{"status", "away"}});
  CHECK(d.holder(d.ask(d.tech, {{sync::FieldId::category, Bytes(pumps.view())}})) == "Ann");
  d.say(sync::RecordKind::category, pumps, {{"sticky", "1"}});
  CHECK(d.holder(d.ask(d.tech, {{sync::FieldId::category, Bytes(pumps.view())}})) == "Bob");
  d.say_of(d.bob, {{"status", ""}});

  // Nobody's by then: to who had it before, though Ann has less to do.
  const TicketId again = d.ask(d.tech, {{sync::FieldId::category, Bytes(pumps.view())}});
  d.act(again, Intent::resolve);
  d.act(again, Intent::assign);
  CHECK(d.holder(again) == "nobody");
  d.set(again, sync::FieldId::category, Bytes(d.desk.add_record(sync::RecordKind::category, "Doors").view()));
  CHECK(d.holder(again) == "nobody");  // done with
  d.act(moved, Intent::resolve);
  CHECK(d.load(d.bob).tickets > d.load(d.ann).tickets);
  d.act(again, Intent::reopen);
  CHECK(d.holder(again) == "Bob");
  CHECK(d.moment(again) == "reopened");
  CHECK(d.rule(again) == server::RouteRule::previous);
  // Who still has it keeps it.
  d.act(again, Intent::resolve);
  d.act(again, Intent::reopen);
  CHECK(d.decisions(again).size() == 2);
  CHECK(d.found() == "");
}

TEST_CASE("what came without an owner from elsewhere is left alone until somebody asks", "[ingest][routing]") {
  RoutedDesk d;
  Change create = RoutedDesk::on(d.desk.new_ticket_id(), Intent::create);
  create.fields.push_back({sync::FieldId::subject, {}, Bytes("old"), false});
  create.asserted_ms = d.desk.tenant->now_ms() - 1000;
  Change move = RoutedDesk::on(create.ticket, Intent::move_queue);
  move.target = Bytes(d.tech.view());
  move.asserted_ms = create.asserted_ms;
  std::vector<server::ServerChange> changes;
  changes.push_back({create, {}});
  changes.push_back({move, {}});
  must(server::commit_server(*d.desk.tenant, std::move(changes)));
  CHECK(d.holder(create.ticket) == "nobody");
}

TEST_CASE("those that wait go by rank, deadline, age; three at once, then one a minute", "[ingest][routing]") {
  const NothingFails calm;
  RoutedDesk d;
  d.say_of(d.bob, {{"status", "offline"}});
  d.say_of(d.ann, {{"status", "break"}});
  const RecordId vip = d.desk.add_record(sync::RecordKind::contact, "Vic");
  d.say(sync::RecordKind::contact, vip, {{"vip", "1"}});
  const auto priority = [](const char* rank) { return std::pair(sync::FieldId::priority, Bytes(rank)); };
  const TicketId low = d.ask(d.tech, {priority("1")});
  d.pass(60'000);
  const TicketId old = d.ask();
  d.pass(60'000);
  const TicketId young = d.ask();
  const TicketId favoured = d.ask(d.tech, {{sync::FieldId::contact, Bytes(vip.view())}});
  const TicketId high = d.ask(d.tech, {priority("3")});
  CHECK(d.drain() == 0);
  for (const TicketId& one : {low, old, young, favoured, high}) CHECK(d.holder(one) == "nobody");

  d.say_of(d.ann, {{"status", ""}});
  CHECK(d.drain() == 3);
  CHECK(d.holder(high) == "Ann");      // due in four hours
  CHECK(d.holder(favoured) == "Ann");  // of the same rank, due tomorrow
  CHECK(d.holder(old) == "Ann");
  CHECK(d.drain() == 0);
  CHECK(d.moment(old) == "waited");
  // Who comes now comes behind them.
  d.pass(1'000);
  const TicketId late = d.ask();
  CHECK(d.holder(late) == "nobody");
  d.pass(58'000);
  CHECK(d.drain() == 0);
  d.pass(1'000);
  CHECK(d.drain() == 1);
  CHECK(d.holder(young) == "Ann");
  d.pass(60'000);
  CHECK(d.drain() == 1);
  CHECK(d.holder(late) == "Ann");
  CHECK(d.holder(low) == "nobody");
  // Somebody else comes: three again.
  d.say_of(d.bob, {{"status", ""}});
  CHECK(d.drain() == 1);
  CHECK(d.holder(low) == "Bob");
  CHECK(d.drain() == 0);
  CHECK(d.holder(d.ask()) == "Bob");
  CHECK(d.found() == "");
}

TEST_CASE("a ticket that nobody can do holds up no other one, and is given to who can when they come",
          "[ingest][routing]") {
  const NothingFails calm;
  RoutedDesk d;
  const RecordId phones = d.desk.add_record(sync::RecordKind::category, "Phones");
  d.say(sync::RecordKind::category, phones, {{"skills", "sip:2"}});
  const TicketId phone = d.ask(d.tech, {{sync::FieldId::category, Bytes(phones.view())}});
  CHECK(d.holder(phone) == "nobody");
  CHECK(d.holder(d.ask()) == "Ann");
  CHECK(d.drain() == 0);
  d.say_of(d.bob, {{"skills", "sip:1"}});
  CHECK(d.drain() == 0);
  d.say_of(d.bob, {{"skills", "sip:3"}});
  CHECK(d.drain() == 1);
  CHECK(d.holder(phone) == "Bob");
  CHECK(d.decisions(phone).back().needs == server::RouteSkills{{"sip", 2}});
}

TEST_CASE("room that comes free is used: a ticket is done, or more may be held", "[ingest][routing]") {
  RoutedDesk d;
  d.say(sync::RecordKind::queue, d.tech, {{"urgent_weight", "2"}});
  d.say_of(d.ann, {{"capacity", "2"}});
  d.say_of(d.bob, {{"status", "training"}});
  const TicketId first = d.ask(), second = d.ask();
  CHECK(d.holder(second) == "Ann");
  const TicketId urgent = d.ask(d.tech, {{sync::FieldId::priority, Bytes("4")}});
  CHECK(d.holder(urgent) == "nobody");
  d.act(first, Intent::resolve);
  CHECK(d.drain() == 0);  // it weighs two
  d.act(second, Intent::wait);
  CHECK(d.drain() == 1);
  CHECK(d.holder(urgent) == "Ann");
  CHECK(d.load(d.ann) == server::OperatorLoad{1, 1, d.desk.tenant->commit_seq()});
  const TicketId next = d.ask();
  CHECK(d.holder(next) == "nobody");
  d.say_of(d.ann, {{"capacity", "3"}});
  CHECK(d.drain() == 1);
  CHECK(d.holder(next) == "Ann");
  CHECK(d.found() == "");
}

TEST_CASE("nobody is given a ticket out of their hours, nor in the field when they were not heard of for a day",
          "[ingest][routing]") {
  const NothingFails heard;  // a broken file forgets of whom was heard just now
  RoutedDesk d;
  d.say_of(d.bob, {{"status", "away"}});
  const RecordId office = d.desk.add_record(sync::RecordKind::calendar, "Office");
  // Everything but the hour in which the test begins.
  const auto hour = (d.desk.tenant->now_ms() / 3'600'000) % 24;
  const auto clock = [](std::int64_t h) { return (h % 24 < 10 ? "0" : "") + std::to_string(h % 24) + ":00"; };
  d.say(sync::RecordKind::calendar, office,
        {{"zone", "UTC"}, {"hours", "mon-sun " + clock(hour + 1) + "-" + clock(hour + 3)}});
  d.say_of(d.ann, {{"calendar", "Office"}});
  const TicketId ticket = d.ask();
  CHECK(d.holder(ticket) == "nobody");
  CHECK(d.drain() == 0);
  d.pass(3'600'000);
  CHECK(d.drain() == 1);
  CHECK(d.holder(ticket) == "Ann");

  d.say_of(d.ann, {{"calendar", ""}, {"field", "1"}});
  const TicketId outside = d.ask();
  CHECK(d.holder(outside) == "nobody");
  const auto van = d.desk.add_van(d.ann);
  van->pull();
  CHECK(d.drain() == 1);
  CHECK(d.holder(outside) == "Ann");
  d.pass(24 * 3'600'000);
  CHECK(d.holder(d.ask()) == "nobody");
}

TEST_CASE("tickets at work of who is gone go to others, or back to the queue", "[ingest][routing]") {
  RoutedDesk d;
  d.say_of(d.bob, {{"status", "away"}});
  const TicketId one = d.ask(), two = d.ask(), done = d.ask();
  d.act(done, Intent::resolve);
  const RecordId quiet = d.desk.add_record(sync::RecordKind::queue, "Quiet");
  const TicketId apart = d.ask(quiet);
  d.act(apart, Intent::assign, Bytes(d.ann.view()));
  d.desk.change_operator(d.ann, sync::Role::operator_, {d.tech}, false);
  CHECK(d.drain() == 2);
  CHECK(d.holder(one) == "nobody");
  CHECK(d.moment(one) == "returned");
  CHECK(d.holder(done) == "Ann");
  CHECK(d.holder(apart) == "Ann");
  CHECK(d.drain() == 0);
  d.say_of(d.bob, {{"status", ""}});
  CHECK(d.drain() == 2);
  CHECK(d.holder(two) == "Bob");
  d.desk.change_operator(d.ann, sync::Role::operator_, {d.tech}, true);
  d.desk.change_operator(d.bob, sync::Role::operator_, {d.tech}, false);
  CHECK(d.drain() == 2);
  CHECK(d.holder(one) == "Ann");
  CHECK(d.holder(two) == "Ann");
  CHECK(d.found() == "");
}

TEST_CASE("of who is gone so many tickets a second go to others, not all at once", "[ingest][routing]") {
  RoutedDesk d;
  for (int i = 0; i < 40; ++i) d.ask();
  CHECK(d.load(d.bob).tickets == 20);
  const OperatorId cyd = d.desk.add_operator("Cyd", sync::Role::operator_, {d.tech});
  d.say_of(cyd, {{"capacity", "100"}});
  for (const OperatorId& who : {d.ann, d.bob}) d.desk.change_operator(who, sync::Role::operator_, {d.tech}, false);
  CHECK(d.drain() == 32);
  CHECK(d.drain() == 8);
  CHECK(d.load(cyd).tickets == 40);
  CHECK(d.found() == "");
}

TEST_CASE("where the queue gives nothing out, who is gone keeps their ticket", "[ingest][routing]") {
  RoutedDesk d;
  d.say_of(d.bob, {{"status", "away"}});
  const RecordId quiet = d.desk.add_record(sync::RecordKind::queue, "Quiet");
  const RecordId pumps = d.desk.add_record(sync::RecordKind::category, "Pumps");
  d.say(sync::RecordKind::category, pumps, {{"default_agent", "Bob"}});
  const TicketId ticket = d.ask(quiet);
  d.act(ticket, Intent::assign, Bytes(d.ann.view()));
  d.desk.change_operator(d.ann, sync::Role::operator_, {d.tech}, false);
  d.set(ticket, sync::FieldId::category, Bytes(pumps.view()));
  CHECK(d.holder(ticket) == "Ann");
  CHECK(d.decisions(ticket).empty());
}

TEST_CASE("who was full, as the queue weighs urgent tickets, and has room again is free anew", "[ingest][routing]") {
  RoutedDesk d;
  d.say(sync::RecordKind::queue, d.tech, {{"urgent_weight", "2"}});
  d.say_of(d.bob, {{"status", "offline"}});
  d.say_of(d.ann, {{"status", "break"}, {"capacity", "4"}});
  std::vector<TicketId> tickets;
  for (int i = 0; i < 5; ++i) {
    tickets.push_back(d.ask());
    d.pass(1'000);
  }
  d.say_of(d.ann, {{"status", ""}});
  CHECK(d.drain() == 3);
  CHECK(d.drain() == 0);  // one a minute
  d.set(tickets[0], sync::FieldId::priority, Bytes("4"));
  CHECK(d.drain() == 0);
  d.act(tickets[1], Intent::resolve);
  CHECK(d.drain() == 1);
  CHECK(d.holder(tickets[3]) == "Ann");
}

TEST_CASE("a ticket that cannot be read waits by itself", "[ingest][routing]") {
  RoutedDesk d;
  d.say_of(d.bob, {{"status", "away"}});
  d.say_of(d.ann, {{"status", "away"}});
  const TicketId damaged = d.ask(), other = d.ask();
  must(d.desk.tenant->writer().exec("UPDATE ticket SET state = x'ff' WHERE ticket_id = x'" + to_hex(damaged) + "'"));
  d.say_of(d.ann, {{"status", ""}});
  CHECK(d.drain() == 1);
  CHECK(d.holder(other) == "Ann");
  CHECK(d.drain() == 0);
}

TEST_CASE("what many are given in one commit has room, however long the reasons are", "[ingest][routing]") {
  RoutedDesk d;
  std::vector<server::ServerChange> people, changes;
  for (int i = 0; i < 200; ++i) {
    sync::Record record;
    record.kind = sync::RecordKind::operator_;
    record.id = random_id<RecordId>(d.desk.environment);
    record.name = "p" + std::to_string(i);
    record.attributes["role"] = "operator";
    record.refs = {d.tech};
    Change change;
    change.intent = Intent::record;
    change.record_kind = static_cast<std::uint32_t>(record.kind);
    change.record = sync::encode_record(record);
    people.push_back({change, {}});
  }
  must(server::commit_server(*d.desk.tenant, std::move(people)));
  std::vector<TicketId> tickets;
  for (int i = 0; i < 180; ++i) {
    tickets.push_back(d.desk.new_ticket_id());
    Change create = RoutedDesk::on(tickets.back(), Intent::create);
    create.fields.push_back({sync::FieldId::subject, {}, Bytes("pump leaks"), false});
    changes.push_back({create, {}});
    changes.push_back({RoutedDesk::on(tickets.back(), Intent::move_queue), {}});
    changes.back().change.target = Bytes(d.tech.view());
  }
  must(server::commit_server(*d.desk.tenant, std::move(changes)));
  // Each somebody else's; and what a reason says of others is what came of theirs.
  std::map<std::uint64_t, std::uint64_t> given;  // by number: in which commit
  std::size_t reasons = 0, compared = 0;
  auto reader = must(d.desk.tenant->reader());
  for (const TicketId& ticket : tickets)
    for (const auto& change : must(server::read_ticket(reader.db(), d.desk.tenant->number(), ticket))) {
      if (!server::is_routing(change.placed.change)) continue;
      reasons += change.placed.change.reason.size();
      const auto decision = server::route_from_text(change.placed.change.reason);
      REQUIRE(decision);
      CHECK(given.emplace(decision->chosen, change.commit_seq).second);
    }
  CHECK(given.size() == tickets.size());
  CHECK(reasons > limits::change_set_bytes_max);
  for (const TicketId& ticket : tickets)
    for (const server::RouteDecision& decision : d.decisions(ticket))
      for (const server::RouteCandidate& candidate : decision.candidates) {
        if (candidate.tickets == 0) continue;
        CHECK(candidate.last == given[candidate.number]);
        ++compared;
      }
  CHECK(compared > 100);
  CHECK(d.found() == "");
}

TEST_CASE("every decision comes out of the ledger again as it was made", "[ingest][routing]") {
  RoutedDesk d;
  d.say(sync::RecordKind::queue, d.tech, {{"urgent_weight", "2"}});
  const OperatorId cyd = d.desk.add_operator("Cyd", sync::Role::supervisor, {d.tech});
  std::vector<TicketId> tickets;
  std::uint64_t random = 7;
  const auto next = [&random](std::uint64_t below) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (random >> 33) % below;
  };
  const OperatorId people[] = {d.ann, d.bob, cyd};
  for (int step = 0; step < 240; ++step) {
    d.pass(20'000);
    const OperatorId& who = people[next(3)];
    switch (next(8)) {
      case 0:
        d.say_of(who, {{"status", next(2) == 0 ? "away" : ""}});
        break;
      case 1:
        d.say_of(who, {{"capacity", std::to_string(4 + next(9))}});
        break;
      case 2:
        if (!tickets.empty()) {
          Change done = RoutedDesk::on(tickets[next(tickets.size())], next(3) == 0 ? Intent::reopen : Intent::resolve);
          d.desk.act(done);
        }
        break;
      case 3:
        if (!tickets.empty()) d.desk.act(RoutedDesk::on(tickets[next(tickets.size())], Intent::assign));
        break;
      case 4:
        d.desk.change_operator(who, sync::Role::operator_, {d.tech}, next(3) != 0);
        break;
      default:
        tickets.push_back(d.ask(d.tech, {{sync::FieldId::priority, Bytes(next(4) == 0 ? "4" : "2")}}));
    }
    if (next(3) == 0) d.drain();
  }
  auto reader = must(d.desk.tenant->reader());
  const std::int64_t tenant = d.desk.tenant->number();
  std::size_t given = 0, replayed = 0;
  for (const TicketId& ticket : tickets)
    for (const auto& change : must(server::read_ticket(reader.db(), tenant, ticket))) {
      if (!server::is_routing(change.placed.change)) continue;
      const auto kept = server::route_from_text(change.placed.change.reason);
      REQUIRE(kept);
      ++given;
      const auto loads = loads_then(reader.db(), tenant, change.commit_seq, change.index);
      server::RouteQuestion question;
      question.moment = kept->moment;
      question.strategy = server::RouteStrategy::least_open;
      question.weight = kept->weight;
      question.previous = kept->previous;
      for (const server::RouteCandidate& candidate : kept->candidates) {
        const sync::Record person = person_then(reader.db(), tenant, candidate.number, change.commit_seq);
        const OperatorId id = OperatorId::or_zero(person.id.view());
        const server::PersonRoute route = server::person_route(person);
        server::RouteAgent agent;
        agent.number = candidate.number;
        const auto active = person.attributes.find("active");
        agent.active = active == person.attributes.end() || active->second != "0";
        agent.status = route.status;
        agent.capacity = route.capacity;
        agent.turn = candidate.out != server::RouteOut::turn;  // kept in memory alone
        if (const auto held = loads.find(id); held != loads.end()) {
          agent.tickets = held->second.tickets;
          agent.load = held->second.tickets + held->second.urgent;
          agent.last = held->second.last_seq;
        }
        question.agents.push_back(agent);
      }
      const server::RouteDecision again = server::decide_route(question);
      INFO(server::route_text(*kept) << "\n--\n" << server::route_text(again));
      CHECK(server::route_text(again) == change.placed.change.reason);
      replayed += again == *kept ? 1 : 0;
    }
  CHECK(given > 40);
  CHECK(replayed == given);
  CHECK(d.found() == "");
}

TEST_CASE("what operators hold is kept with each commit, checked by verify, and there after an upgrade",
          "[ingest][routing]") {
  RoutedDesk d;
  const TicketId first = d.ask(), second = d.ask();
  d.set(first, sync::FieldId::priority, Bytes("4"));
  CHECK(d.load(d.ann).tickets == 1);
  CHECK(d.load(d.ann).urgent == 1);
  d.act(second, Intent::assign, Bytes(d.ann.view()));
  CHECK(d.load(d.ann).tickets == 2);
  CHECK(d.load(d.bob).tickets == 0);
  CHECK(d.found() == "");
  must(d.desk.tenant->writer().exec("UPDATE operator_load SET tickets = tickets + 1 WHERE urgent = 1"));
  CHECK(d.found().starts_with("operator " + to_hex(d.ann) + ": what is kept of their load"));
  must(d.desk.tenant->writer().exec("UPDATE operator_load SET tickets = tickets - 1 WHERE urgent = 1"));
  CHECK(d.found() == "");

  const server::OperatorLoad before = d.load(d.ann);
  must(d.desk.tenant->writer().exec(before_routing + "PRAGMA user_version = 18"));
  d.desk.reopen();
  CHECK(d.load(d.ann) == server::OperatorLoad{before.tickets, before.urgent, 0});
  CHECK(d.found() == "");
  CHECK(d.holder(d.ask()) == "Bob");
  CHECK(d.found() == "");
}

}  // namespace tern::test
