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
  van->seal({note});
  const auto answer = van->push();
  REQUIRE(answer.fault);
  CHECK(answer.fault->error.code == ErrorCode::server_behind);
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
  CHECK(told.lo_ms == declared);
  CHECK(told.effective_ms >= declared);
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
  const auto statement = server::withdraw_anchors(*desk.tenant, desk.environment.wall_ms() - 500);
  REQUIRE(statement);
  CHECK(protocol::open_statement<protocol::AnchorWithdrawal>(*statement, desk.tenant->keys().log.public_key()));
  CHECK((van->send(van->create(ticket)).time_flags & sync::time_flag_anchor_unknown) != 0);
}
