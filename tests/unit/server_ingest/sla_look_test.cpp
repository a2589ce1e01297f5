// What is kept of SLA clocks: looked at in commits and by time, breaches, alerts, verify.
#include "desk.hpp"
#include "desk/sla_rows.hpp"
#include "support/catch.hpp"
#include "support/must.hpp"
#include "support/older_schema.hpp"
#include "support/persist.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::test {
namespace {

constexpr std::int64_t sla_hour_ms = 3'600'000;

/// A desk with one agent and a customer; targets are those of a tenant without rules: 24 h and 48 h.
struct Promised {
  Promised() : ada(desk.add_operator("Ada")), van(desk.add_van(ada)) {
    kim = desk.add_record(sync::RecordKind::contact, "Kim");
  }

  TicketId ask() {
    const TicketId ticket = desk.new_ticket_id();
    Change create = van->create(ticket);
    create.fields.push_back({sync::FieldId::contact, {}, Bytes(kim.view()), false});
    REQUIRE(van->send(create).outcome == Outcome::applied);
    van->pull();
    return ticket;
  }
  server::SlaRows rows() { return {desk.tenant->writer(), desk.tenant->number()}; }
  server::ClockRow clock(const TicketId& ticket) {
    const auto row = must(rows().clock(ticket));
    REQUIRE(row);
    return *row;
  }
  /// What devices are told of it, and under which number.
  std::pair<sync::SlaClock, std::uint64_t> promised(const TicketId& ticket) {
    auto row = must(desk.tenant->writer().query("SELECT told, told_seq FROM sla_clock WHERE ticket_id = $1", ticket));
    REQUIRE(must(row.step()));
    return {must(sync::decode_sla_clock(row.blob(0))), row.uint64(1)};
  }
  std::vector<std::string> told(const TicketId& ticket) {
    std::vector<std::string> out;
    for (const std::string& key : must(rows().told(ticket))) {
      const auto level = key.rfind(':', key.rfind(':') - 1);
      out.push_back(key.substr(0, key.find(':')) + key.substr(level, key.rfind(':') - level));
    }
    return out;
  }
  void rule(const std::string& resolution) {
    sync::Record record;
    record.kind = sync::RecordKind::sla_rule;
    record.id.bytes.fill(9);
    record.name = "All";
    record.attributes = {{"resolution", resolution}};
    Change change;
    change.intent = Intent::record;
    change.record_kind = static_cast<std::uint32_t>(record.kind);
    change.record = sync::encode_record(record);
    REQUIRE(desk.act(change).outcomes.front() == Outcome::applied);
  }
  std::size_t look() {
    return must(persist_job(*desk.tenant, [&] { return server::look_at_clocks(*desk.tenant); }));
  }
  void pass(std::int64_t ms) { desk.environment.advance(ms); }
  sla::Instant now() { return desk.tenant->now_ms() / 1000; }
  void damage(const std::string& sql) { must(desk.tenant->writer().exec(sql)); }

  Desk desk;
  OperatorId ada;
  std::unique_ptr<Van> van;
  RecordId kim;
};

std::string joined_findings(const server::Verification& verified) {
  std::string out;
  for (const std::string& finding : verified.findings) out += finding + "\n";
  return out;
}

}  // namespace

TEST_CASE("a commit that touches a ticket keeps what its clock says", "[ingest][sla]") {
  Promised p;
  const TicketId ticket = p.ask();
  const server::ClockRow asked = p.clock(ticket);
  CHECK(asked.open);
  CHECK(asked.colour == sla::Colour::green);
  CHECK(asked.due == p.now() + 24 * 3600);
  CHECK(asked.look == p.now() + 18 * 3600);  // yellow
  p.pass(sla_hour_ms);
  p.van->send(p.van->note(ticket, "on our way", sync::Visibility::open));
  CHECK(p.clock(ticket).due == asked.looked + 48 * 3600);
  REQUIRE(p.van->send(p.van->make(Intent::hold, ticket)).outcome == Outcome::applied);
  CHECK(p.clock(ticket).colour == sla::Colour::blue);
  CHECK_FALSE(p.clock(ticket).due);
  REQUIRE(p.van->send(p.van->make(Intent::resolve, ticket)).outcome == Outcome::applied);
  CHECK_FALSE(p.clock(ticket).open);
  CHECK(p.look() == 0);
  CHECK(joined_findings(p.desk.verify()) == "");
}

TEST_CASE("a clock that changes by time alone is looked at when it does, and tells each level once", "[ingest][sla]") {
  Promised p;
  const TicketId ticket = p.ask();
  const sla::Instant asked = p.now();
  p.pass(18 * sla_hour_ms - 1000);
  CHECK(p.look() == 0);
  p.pass(1000);
  CHECK(p.look() == 1);
  CHECK(p.look() == 0);
  CHECK(p.clock(ticket).colour == sla::Colour::yellow);
  CHECK(p.told(ticket) == std::vector<std::string>{"first_response:yellow"});
  p.van->pull();  // nobody is silent

  p.pass(6 * sla_hour_ms + 1000);
  p.van->push();
  CHECK(p.look() == 1);
  CHECK(p.clock(ticket).colour == sla::Colour::red);
  CHECK(p.told(ticket) == std::vector<std::string>{"first_response:breach", "first_response:yellow"});
  const auto breaches = must(p.rows().breaches(ticket));
  REQUIRE(breaches.size() == 1);
  CHECK(breaches[0].breached_at == asked + 24 * 3600);
  CHECK(breaches[0].target == 24 * 3600);
  p.desk.reopen();
  CHECK(p.told(ticket).size() == 2);
  CHECK(must(p.rows().breaches(ticket)) == breaches);
  CHECK(joined_findings(p.desk.verify()) == "");
}

TEST_CASE("a breach that the server slept through is detected later, with its true instant", "[ingest][sla]") {
  Promised p;
  const TicketId ticket = p.ask();
  const sla::Instant asked = p.now();
  p.pass(60 * sla_hour_ms);
  p.desk.reopen();
  CHECK(p.look() >= 1);
  const auto breaches = must(p.rows().breaches(ticket));
  REQUIRE(breaches.size() == 2);
  CHECK(breaches[0].breached_at == asked + 24 * 3600);
  CHECK(breaches[0].detected_at == p.now());
  CHECK(breaches[1].breached_at == asked + 48 * 3600);
  // What was yellow meanwhile is not told any more.
  CHECK(p.told(ticket) == std::vector<std::string>{"first_response:breach", "first_response:late_1",
                                                   "first_response:late_2", "resolution:breach"});
}

TEST_CASE("a breach waits for silent devices: rescinded by what they did, confirmed when they did nothing",
          "[ingest][sla]") {
  const NothingFails heard;  // a broken file forgets of whom was heard just now
  Promised p;
  const TicketId ticket = p.ask();
  REQUIRE(p.van->send(p.van->make(Intent::take, ticket)).outcome == Outcome::applied);
  p.van->pull();
  p.pass(23 * sla_hour_ms);
  const bool answers = GENERATE(true, false);
  const bool long_history = GENERATE(false, true);  // as it stands now: what it was before is stored
  for (std::size_t i = 0; long_history && i <= sla::events_retold_max; ++i)
    REQUIRE(p.van->send(p.van->note(ticket, "still on it", sync::Visibility::team)).outcome == Outcome::applied);
  if (answers) p.van->seal({p.van->note(ticket, "done at the door", sync::Visibility::open)});
  p.pass(2 * sla_hour_ms);
  p.look();
  auto breaches = must(p.rows().breaches(ticket));
  REQUIRE(breaches.size() == 1);
  CHECK(breaches[0].state == sla::RecordState::provisional);
  const sla::Instant detected = breaches[0].detected_at;

  p.pass(3 * sla_hour_ms);
  p.van->push();
  p.pass(sla::sweep_interval_max * 1000);
  p.look();
  breaches = must(p.rows().breaches(ticket));
  REQUIRE(breaches.size() == 1);
  CHECK(breaches[0].detected_at == detected);
  CHECK(breaches[0].state == (answers ? sla::RecordState::rescinded : sla::RecordState::confirmed));
  REQUIRE(breaches[0].steps.size() == 2);
  CHECK(breaches[0].steps[0].state == sla::RecordState::provisional);
  const auto steps = breaches[0].steps;

  p.pass(sla_hour_ms);
  p.van->push();
  p.pass(sla::sweep_interval_max * 1000);
  p.look();
  CHECK(must(p.rows().breaches(ticket))[0].steps == steps);  // as it was told
  CHECK(joined_findings(p.desk.verify()) == "");
}

TEST_CASE("when rules change all open clocks are looked at again", "[ingest][sla]") {
  const NothingFails calm;
  Promised p;
  const TicketId open = p.ask(), done = p.ask();
  Change resolve = p.van->make(Intent::resolve, done);
  resolve.text = "seal replaced";  // which answers the customer
  REQUIRE(p.van->send(resolve).outcome == Outcome::applied);
  const server::ClockRow before = p.clock(done);
  const sla::Instant asked = p.clock(open).looked;
  p.pass(sla_hour_ms);
  p.rule("3h");
  CHECK(p.clock(open).look == 0);
  CHECK(joined_findings(p.desk.verify()) == "");  // it waits to be looked at
  CHECK(p.look() == 1);
  CHECK(p.clock(open).due == asked + 3 * 3600);
  CHECK(p.clock(done) == before);
  p.rule("30m");  // more consumed than that: breached at the change
  p.look();
  const auto breaches = must(p.rows().breaches(open));
  REQUIRE(breaches.size() == 1);
  CHECK(breaches[0].cause == sla::BreachCause::retarget);
  p.desk.reopen();
  CHECK(joined_findings(p.desk.verify()) == "");
}

TEST_CASE("a calendar of another time zone database gets a new version when the server opens", "[ingest][sla]") {
  const NothingFails calm;
  Promised p;
  sync::Record record;
  record.kind = sync::RecordKind::calendar;
  record.id.bytes.fill(7);
  record.name = "Office";
  record.attributes = {
      {"zone", "Europe/Kyiv"}, {"hours", "mon-fri 09:00-18:00"}, {"tz", "1996a"}, {"offsets", "0:7200"}};
  Change change;
  change.intent = Intent::record;
  change.record_kind = static_cast<std::uint32_t>(record.kind);
  change.record = sync::encode_record(record);
  REQUIRE(p.desk.act(change).outcomes.front() == Outcome::applied);
  p.look();
  const auto renewed = p.desk.tenant->find_record(record.kind, record.id);
  REQUIRE(renewed);
  CHECK(renewed->attributes.at("offsets") != "0:7200");  // summer time
  CHECK(renewed->attributes.at("tz") != "1996a");
  CHECK(renewed->attributes.at("hours") == record.attributes.at("hours"));
  p.desk.reopen();
  p.look();
  CHECK(p.desk.tenant->find_record(record.kind, record.id) == renewed);
  CHECK(joined_findings(p.desk.verify()) == "");
}

TEST_CASE("what a large batch touched is looked at behind it", "[ingest][sla]") {
  const NothingFails calm;
  Promised p;
  std::vector<Change> creates;
  for (int i = 0; i < 300; ++i) creates.push_back(p.van->create(p.desk.new_ticket_id()));
  p.van->send(creates);
  CHECK(p.desk.count("sla_clock") == 0);
  CHECK(joined_findings(p.desk.verify()) == "");
  const TicketId next = p.ask();  // those before it still wait
  CHECK_FALSE(must(p.rows().clock(next)));
  CHECK(p.look() == 301);
  CHECK(p.desk.count("sla_clock") == 301);
  CHECK(p.clock(p.ask()).open);  // and commits look for themselves again
  p.desk.reopen();
  CHECK(p.look() == 0);
  CHECK(joined_findings(p.desk.verify()) == "");
}

TEST_CASE("devices are told of a clock when what it says of time to come is another, not because time passes",
          "[ingest][sla]") {
  const NothingFails calm;
  Promised p;
  const TicketId ticket = p.ask(), other = p.ask();
  const sla::Instant asked = p.clock(ticket).looked;
  const auto [first, first_seq] = p.promised(ticket);
  REQUIRE(first.cycles.size() == 2);
  CHECK(first.cycles[0].metric == sync::SlaMetric::first_response);
  CHECK(first.cycles[0].due == asked + 24 * 3600);
  CHECK(first.cycles[0].yellow == asked + 18 * 3600);
  CHECK(first.cycles[1].due == asked + 48 * 3600);
  CHECK(p.promised(other).second > first_seq);

  for (const int hours : {18, 7, 40}) {  // yellow, red, both red
    p.pass(hours * sla_hour_ms);
    p.look();
    CHECK(p.promised(ticket) == std::pair(first, first_seq));
  }
  REQUIRE(p.van->send(p.van->make(Intent::hold, ticket)).outcome == Outcome::applied);
  CHECK(p.promised(ticket) == std::pair(first, first_seq));  // what is breached is not paused any more
  p.rule("3h");                                              // no promise of an answer now
  p.look();
  const auto [ruled, ruled_seq] = p.promised(ticket);
  CHECK(ruled_seq > first_seq);
  REQUIRE(ruled.cycles.size() == 1);
  CHECK(ruled.cycles[0].metric == sync::SlaMetric::resolution);
  REQUIRE(p.van->send(p.van->make(Intent::close, ticket)).outcome == Outcome::applied);
  const auto [closed, closed_seq] = p.promised(ticket);
  CHECK(closed == sync::SlaClock{});
  CHECK(closed_seq > ruled_seq);
  p.desk.reopen();
  p.look();
  CHECK(p.promised(ticket) == std::pair(closed, closed_seq));
  CHECK(p.promised(p.ask()).second > closed_seq);
  CHECK(joined_findings(p.desk.verify()) == "");
}

TEST_CASE("what is paused has no due instant for devices, but what is left of it", "[ingest][sla]") {
  Promised p;
  const TicketId ticket = p.ask();
  p.pass(sla_hour_ms);
  REQUIRE(p.van->send(p.van->make(Intent::hold, ticket)).outcome == Outcome::applied);
  const auto [held, held_seq] = p.promised(ticket);
  REQUIRE(held.cycles.size() == 2);
  for (const sync::SlaCycle& cycle : held.cycles) CHECK_FALSE(cycle.due);
  CHECK(held.cycles[0].remaining == 23 * 3600);
  CHECK(held.waits_since == p.now());
  p.pass(5 * sla_hour_ms);
  p.look();
  CHECK(p.promised(ticket) == std::pair(held, held_seq));
  REQUIRE(p.van->send(p.van->make(Intent::resume, ticket)).outcome == Outcome::applied);
  CHECK(p.promised(ticket).first.cycles[0].due == p.now() + 23 * 3600);
  CHECK_FALSE(p.promised(ticket).first.waits_since);
}

TEST_CASE("clocks of an older file are made for devices by the first look", "[ingest][sla]") {
  const NothingFails calm;
  Promised p;
  const TicketId ticket = p.ask();
  const auto before = p.promised(ticket);
  p.damage(before_message_ids);
  p.damage(
      "DROP TABLE handed_back; DROP INDEX sla_clock_told; ALTER TABLE sla_clock DROP COLUMN told; ALTER TABLE "
      "sla_clock DROP COLUMN "
      "told_seq; PRAGMA user_version = 8");
  p.desk.reopen();
  CHECK(p.promised(ticket) == std::pair(sync::SlaClock{}, std::uint64_t{0}));
  CHECK(joined_findings(p.desk.verify()) == "");
  CHECK(p.look() == 1);
  CHECK(p.promised(ticket).first == before.first);
  CHECK(p.promised(ticket).second > 0);
  CHECK(joined_findings(p.desk.verify()) == "");
}

TEST_CASE("clocks that were lost or spoiled are named by verify, and stop no commit", "[ingest][sla][verify]") {
  const NothingFails calm;
  const std::pair<std::string, std::string> kinds[] = {
      {"DELETE FROM sla_clock", "nothing is kept of its SLA clock"},
      {"UPDATE sla_clock SET due_s = due_s + 1", "its SLA clock is not what"},
      {"UPDATE sla_clock SET look_s = NULL", "its SLA clock is not what"},
      {"UPDATE sla_clock SET colour = 1", "its SLA clock is not what"},
      {"DELETE FROM sla_breach", "what is recorded of a breach of first_response"},
      {"UPDATE sla_breach SET state = 2", "what is recorded of a breach of first_response"},
      {"UPDATE sla_breach SET history = 'x'", "cannot be read"},
      {"UPDATE sla_clock SET told = x'00'", "its SLA clock is not what"},
      {"INSERT INTO sla_clock SELECT tenant_id, zeroblob(16), looked_s, look_s, open, colour, due_s, clock, told, "
       "told_seq FROM sla_clock",
       "which the ledger does not know"}};
  for (const auto& [sql, finding] : kinds) {
    Promised p;
    const TicketId ticket = p.ask();
    p.pass(25 * sla_hour_ms);
    p.look();
    REQUIRE(joined_findings(p.desk.verify()) == "");
    p.damage(sql);
    INFO(sql);
    CHECK(joined_findings(p.desk.verify()).find(finding) != std::string::npos);
    CHECK(p.van->send(p.van->set(ticket, sync::FieldId::priority, "4")).outcome == Outcome::applied);
  }
}

TEST_CASE("a projection that was dropped is made again from the ledger", "[ingest][sla]") {
  const NothingFails calm;
  Promised p;
  const TicketId ticket = p.ask();
  const server::ClockRow before = p.clock(ticket);
  p.damage("DELETE FROM sla_clock; DELETE FROM meta WHERE name = 'sla_seq'");
  p.desk.reopen();
  CHECK(p.look() == 1);
  CHECK(p.clock(ticket) == before);
}

}  // namespace tern::test
