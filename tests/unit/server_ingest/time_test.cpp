#include "desk.hpp"
#include "support/catch.hpp"

using namespace tern;
using namespace tern::test;

namespace {
constexpr std::int64_t hour = 3'600'000;
constexpr std::int64_t day = 24 * hour;
}  // namespace

TEST_CASE("a clock that is wrong by eleven months moves a change only inside its window", "[ingest][time]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  const TicketId ticket = desk.new_ticket_id();
  van->send(van->create(ticket));
  van->pull();
  const std::int64_t anchored = desk.environment.wall_ms();
  desk.environment.advance(5 * hour);
  for (const bool mono : {true, false}) {
    for (const std::int64_t error : {-330 * day, 330 * day}) {
      van->wall_error_ms = error;
      van->knows_mono = mono;
      const Told told = van->send(van->note(ticket, "when?"));
      CAPTURE(mono, error);
      CHECK(told.outcome == Outcome::applied);
      CHECK((told.time_flags & sync::time_flag_clamped) != 0);
      CHECK(told.lo_ms >= anchored);
      CHECK(told.hi_ms <= desk.environment.wall_ms());
      CHECK(told.effective_ms >= anchored);
      CHECK(told.effective_ms <= desk.environment.wall_ms());
      if (mono) CHECK(told.hi_ms - told.lo_ms < 60'000);
    }
  }
  CHECK(desk.verify().findings.empty());
}

TEST_CASE("seen above what was sent is cut and flagged, above what the server holds it is the server that is behind",
          "[ingest][time]") {
  Desk desk;
  const OperatorId ada = desk.add_operator("Ada");
  auto van = desk.add_van(ada);
  auto depot = desk.add_van(desk.add_operator("Bob"));
  const TicketId ticket = desk.new_ticket_id();
  van->send(van->create(ticket));
  const std::uint64_t sent = van->cursor;
  Change note = van->note(ticket, "I saw it all");
  note.seen_seq = desk.tenant->commit_seq();
  REQUIRE(note.seen_seq > sent);
  const Told told = van->send(note);
  CHECK(told.seen_seq == sent);
  CHECK((told.time_flags & sync::time_flag_seen_cut) != 0);

  note = van->note(ticket, "and more");
  note.seen_seq = std::uint64_t{1} << 63;
  van->seal({van->note(ticket, "fine"), note});
  const auto answer = van->push();
  REQUIRE(answer.fault);
  CHECK(answer.fault->error.code == ErrorCode::server_behind);
  CHECK(answer.fault->op_index == 1);
  CHECK(answer.receipts.empty());

  desk.reopen();  // what was sent is forgotten: an honest seen is not cut for it
  Change honest = depot->note(ticket, "after a restart");
  honest.seen_seq = desk.tenant->commit_seq();
  CHECK((depot->send(honest).time_flags & sync::time_flag_seen_cut) == 0);
}

TEST_CASE("a set that cites an unknown anchor is bounded by what else is known", "[ingest][time]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  const TicketId ticket = desk.new_ticket_id();
  const Told create = van->send(van->create(ticket));
  van->anchor.bytes.fill(9);
  van->cursor = 0;
  desk.environment.advance(hour);
  const Told told = van->send(van->note(ticket, "hello"));
  CHECK(told.outcome == Outcome::applied);
  CHECK((told.time_flags & sync::time_flag_anchor_unknown) != 0);
  CHECK(told.lo_ms >= create.lo_ms);
  CHECK(told.lo_ms > 0);
}

TEST_CASE("a declared head bounds every later set from below", "[ingest][time]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  const TicketId ticket = desk.new_ticket_id();
  van->send(van->create(ticket));
  const Hash old_anchor = van->anchor;
  desk.environment.advance(hour);
  van->pull();
  const std::int64_t declared = desk.environment.wall_ms();
  van->anchor = old_anchor;  // anchors withheld: only the head it declared is known
  van->cursor = 0;
  van->knows_mono = false;
  van->wall_error_ms = -hour;
  desk.environment.advance(1'000);
  const Told told = van->send(van->note(ticket, "back-dated"));
  CHECK(told.lo_ms == declared - limits::anchor_answer_ms_max);
  CHECK(told.effective_ms >= declared - limits::anchor_answer_ms_max);
}

namespace {

/// One ticket, and a device whose clock proves nothing: only the heads it declared bound what it sends.
struct Declaring {
  Desk desk;
  std::unique_ptr<Van> van = desk.add_van(desk.add_operator("Ada"));
  TicketId ticket = desk.new_ticket_id();
  Declaring() { van->send(van->create(ticket)); }

  std::int64_t declare(std::uint64_t seq, std::uint64_t pending, std::uint8_t hash = 7) {
    desk.environment.advance(3'600'000);
    server::ExchangeNote note;
    note.device = van->id;
    note.declared = protocol::ChainHead{1, seq, {}};
    note.declared->hash.bytes.fill(hash);
    note.outbox_pending = pending;
    server::note_exchange(*desk.tenant, note);
    return desk.environment.wall_ms();
  }
  Told send_back_dated() {
    desk.environment.advance(1'000);
    van->knows_mono = false;
    van->wall_error_ms = -30 * day;
    return van->send(van->note(ticket, "made long ago, it says"));
  }
};

}  // namespace

TEST_CASE("a head beyond anything that is to come freezes no window: the next true one bounds again",
          "[ingest][time][security]") {
  Declaring d;
  d.declare(std::uint64_t{1} << 63, std::uint64_t{1} << 63);
  const std::int64_t truth = d.declare(1, 0, 0);
  const Told told = d.send_back_dated();
  CHECK(told.lo_ms >= truth - limits::anchor_answer_ms_max);
  CHECK(told.effective_ms >= truth - limits::anchor_answer_ms_max);
}

TEST_CASE("a head further ahead than what the device says is pending counts as what the server has",
          "[ingest][time][security]") {
  Declaring d;
  const std::int64_t declared = d.declare(std::uint64_t{1} << 63, 3);
  CHECK(d.send_back_dated().lo_ms >= declared - limits::anchor_answer_ms_max);
}

TEST_CASE("a head that its set does not bear when it comes was not sealed when it was declared",
          "[ingest][time][security]") {
  Declaring d;
  const std::int64_t declared = d.declare(2, 1);
  SECTION("when the push declares the true one") {
    CHECK(d.send_back_dated().lo_ms >= declared - limits::anchor_answer_ms_max);
  }
  SECTION("when the push declares none") {
    d.desk.environment.advance(1'000);
    d.van->seal({d.van->note(d.ticket, "sealed after the exchange")});
    server::Push push = d.van->pushable();
    push.declared.reset();
    const std::vector<Told> answer = told(d.van->push(std::move(push)));
    REQUIRE(answer.size() == 1);
    CHECK(answer.front().lo_ms >= declared - limits::anchor_answer_ms_max);
  }
}

TEST_CASE("a head that is still on its way does not bound the sets below it", "[ingest][time]") {
  Declaring d;
  d.van->seal({d.van->note(d.ticket, "sealed before the exchange")});
  d.desk.environment.advance(hour);
  d.van->pull();  // declares it, true and pending
  const std::int64_t declared = d.desk.environment.wall_ms();
  d.desk.environment.advance(hour);
  const std::vector<Told> answer = told(d.van->push());
  REQUIRE(answer.size() == 1);
  CHECK(answer.front().lo_ms < declared);
}

TEST_CASE("a fact comes after what its author had seen", "[ingest][time]") {
  Desk desk;
  auto fast = desk.add_van(desk.add_operator("Ada"));
  auto slow = desk.add_van(desk.add_operator("Bob"));
  const TicketId ticket = desk.new_ticket_id();
  fast->send(fast->create(ticket));
  slow->pull();
  desk.environment.advance(hour);
  const Told first = fast->send(fast->note(ticket, "first"));
  slow->pull();
  slow->wall_error_ms = -30 * day;
  const Told second = slow->send(slow->note(ticket, "second"));
  CHECK(second.effective_ms > first.effective_ms);
  slow->wall_error_ms = 0;
  CHECK(slow->send(slow->note(ticket, "third")).effective_ms >= second.effective_ms);
}

TEST_CASE("anchors stop while the server's clock is in doubt, ingest goes on", "[ingest][time]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  const TicketId ticket = desk.new_ticket_id();
  desk.environment.set_wall(desk.environment.wall_ms() + 365 * day);
  const auto anchor = desk.tenant->anchor();
  REQUIRE(anchor);
  CHECK_FALSE(*anchor);
  const Told told = van->send(van->create(ticket));
  CHECK(told.outcome == Outcome::applied);
  CHECK((told.time_flags & sync::time_flag_doubtful_clock) != 0);
  CHECK(told.hi_ms < desk.environment.wall_ms() - 300 * day);
  desk.tenant->accept_clock();
  CHECK(desk.tenant->anchor()->has_value());
}

TEST_CASE("anchors are shared within a second, chained, and never go back over a crash or a restart",
          "[ingest][time]") {
  Desk desk;
  const auto open = [&](const server::Tenant::IssuedAnchor& issued) {
    return protocol::open_statement<protocol::Anchor>(issued.wire, desk.tenant->keys().log.public_key())->value;
  };
  const auto first = **desk.tenant->anchor();
  CHECK((**desk.tenant->anchor()).wire == first.wire);
  desk.environment.advance(1'500);
  const auto second = **desk.tenant->anchor();
  CHECK(open(second).anchor_seq == open(first).anchor_seq + 1);
  CHECK(open(second).previous == first.hash);
  desk.environment.advance(3'600'000);  // idle for longer than the durable bound
  const auto third = **desk.tenant->anchor();
  CHECK(protocol::judge_anchor(open(second), open(third)));
  desk.reopen();
  desk.environment.set_wall(desk.environment.wall_ms() - 100);
  const auto fourth = **desk.tenant->anchor();
  CHECK(open(fourth).anchor_seq > open(third).anchor_seq);
  CHECK(open(fourth).time_ms >= open(third).time_ms);
  CHECK(desk.verify().findings.empty());
}

TEST_CASE("withdrawn anchors bound nothing", "[ingest][time]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  const TicketId ticket = desk.new_ticket_id();
  desk.environment.advance(2'000);
  van->pull();
  const auto statement =
      persist([&] { return server::withdraw_anchors(*desk.tenant, desk.environment.wall_ms() - 500); });
  REQUIRE(statement);
  CHECK(protocol::open_statement<protocol::AnchorWithdrawal>(*statement, desk.tenant->keys().log.public_key()));
  CHECK((van->send(van->create(ticket)).time_flags & sync::time_flag_anchor_unknown) != 0);
}
