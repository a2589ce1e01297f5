#include "unit/client_sync/support.hpp"

#include <algorithm>

#include "tern/v1/exchange.pb.h"

namespace tern::client::test {
namespace {

/// Tickets of others, five to a page.
void fill(Desk& desk, int tickets) {
  for (int i = 0; i < tickets; ++i) {
    sync::Change create = desk.device.fresh(sync::Intent::create, random_id<TicketId>(desk.environment));
    create.fields = {{sync::FieldId::subject, "", "ticket " + std::to_string(i), false}};
    desk.server.commit_foreign(create);
  }
  desk.server.tickets_per_page = 5;
}

/// Steps as letters: Send, Ahead, aPply, Fetch, Wait, Done. `before` may act in between.
std::string steps_of(Desk& desk, const std::function<void(EngineStep::Kind)>& before = {}) {
  SyncEngine& engine = desk.device.engine();
  engine.send_ahead(true);
  engine.start_round();
  std::string steps;
  std::optional<Result<HttpAnswer>> ahead;
  while (steps.size() < 200) {
    EngineStep step = engine.next();
    steps += "SPWDAF"[static_cast<int>(step.kind)];
    if (before) before(step.kind);
    switch (step.kind) {
      case EngineStep::Kind::send:
        good(engine.on_answer(desk.server.send(step.request)));
        break;
      case EngineStep::Kind::send_ahead:
        ahead = desk.server.send(step.request);
        CHECK(outcome(engine.on_answer(*ahead)) == "usage");  // not before the page is in
        break;
      case EngineStep::Kind::fetch:
        good(engine.on_answer(*ahead));
        break;
      case EngineStep::Kind::apply:
        static_cast<void>(engine.apply_slice(100));
        break;
      case EngineStep::Kind::wait:
      case EngineStep::Kind::done:
        return steps;
    }
  }
  return steps;
}

}  // namespace

TEST_CASE("work goes up, patches come down, and a session is used again", "[client][exchange]") {
  const tern::test::NothingFails counted;
  Desk desk;
  const TicketId ticket = desk.device.create("pump leaks");
  const EngineReport report = good(desk.device.sync());
  CHECK(report.sets_sent == 1);
  CHECK(report.changes_sent == 1);
  CHECK(report.receipts == 1);
  CHECK(report.first_replica);
  CHECK(report.tickets_held == 1);
  CHECK(desk.server.commits() == 1);
  CHECK(desk.device.pending() == 0);
  CHECK(desk.device.cursor() == 1);
  CHECK(desk.device.subject(ticket) == "pump leaks");
  CHECK(desk.device.state().current_as_of_ms == desk.environment.wall_ms());

  desk.device.wire.sent = 0;
  desk.device.set_subject(ticket, "pump broken");
  good(desk.device.sync());
  CHECK(desk.device.wire.sent == 1);  // one round trip
  CHECK(desk.server.commits() == 2);
  CHECK(desk.server.handshakes() == 1);
  CHECK(desk.device.pending() == 0);
}

TEST_CASE("two devices end up equal", "[client][exchange]") {
  Desk desk;
  SyncDevice depot(desk.server, desk.environment);
  const TicketId ticket = desk.device.create("pump leaks");
  good(desk.device.sync());
  good(depot.sync());
  desk.environment.advance(1000);
  desk.device.set_subject(ticket, "pump leaks badly");
  desk.environment.advance(1000);
  depot.set_subject(ticket, "pump broken");
  good(depot.sync());
  good(desk.device.sync());
  good(depot.sync());
  CHECK(desk.device.subject(ticket) == "pump broken");
  CHECK(good(desk.device.replica().confirmed(ticket)) == good(depot.replica().confirmed(ticket)));
  CHECK(good(desk.device.replica().digest()).total() == good(depot.replica().digest()).total());
}

TEST_CASE("sets beyond one exchange go in several, in order", "[client][exchange]") {
  const tern::test::NothingFails counted;
  Desk desk;
  for (int i = 0; i < 150; ++i) {
    desk.device.create("ticket " + std::to_string(i));
    good(desk.device.outbox().seal(
        good(open_keys(desk.device.home(), std::nullopt, desk.environment)).signing_key,
        good(seal_context(desk.device.outbox(), desk.device.replica(), desk.device.identity())), desk.environment));
  }
  const EngineReport report = good(desk.device.sync());
  CHECK(report.sets_sent == 150);
  CHECK(report.exchanges == 3);
  CHECK(desk.server.commits() == 150);
  CHECK(desk.device.pending() == 0);
}

TEST_CASE("a first replica comes in pages, is cut anywhere, and goes on from there", "[client][exchange]") {
  Desk desk;
  fill(desk, 23);
  int rounds = 0;
  for (int allowed = 1;; ++allowed) {
    int left = allowed;
    desk.device.wire.before = [&](const HttpRequest&) -> std::optional<Result<HttpAnswer>> {
      if (left-- > 0) return std::nullopt;
      return Result<HttpAnswer>(cut());
    };
    ++rounds;
    if (desk.device.sync()) break;
    REQUIRE(rounds < 50);
    desk.device.restart();
  }
  CHECK(rounds > 1);
  CHECK(desk.device.cursor() == 23);
  CHECK(good(desk.device.replica().progress()).tickets == 23);
  CHECK(good(desk.device.replica().progress()).complete);
}

TEST_CASE("a page of the first download is asked for while the one before is applied", "[client][exchange]") {
  Desk desk;
  fill(desk, 23);
  const std::string steps = steps_of(desk);
  INFO(steps);
  CHECK(steps.find("AP") != std::string::npos);
  CHECK(steps.find("PF") != std::string::npos);
  CHECK(std::ranges::count(steps, 'A') == std::ranges::count(steps, 'F'));
  CHECK(std::ranges::count(steps, 'S') < 6);  // the handshake, and pages that bring records
  CHECK(good(desk.device.replica().progress()).tickets == 23);
  CHECK(good(desk.device.replica().progress()).complete);
  CHECK(desk.device.cursor() == 23);
}

TEST_CASE("a page that was asked for ahead is not taken where it does not fit any more", "[client][exchange]") {
  Desk desk;
  fill(desk, 23);
  bool done = false;
  const std::string steps = steps_of(desk, [&](EngineStep::Kind kind) {
    if (kind == EngineStep::Kind::fetch || done) return;
    if (kind != EngineStep::Kind::send_ahead) return;
    done = true;
    good(desk.device.replica().rebuild(desk.device.outbox()));
  });
  INFO(steps);
  CHECK(steps.find("APS") != std::string::npos);  // asked for anew, from the beginning
  CHECK(good(desk.device.replica().progress()).tickets == 23);
  CHECK(desk.device.cursor() == 23);
}

TEST_CASE("what is saved during a first download goes with a page that is asked for ahead", "[client][exchange]") {
  Desk desk;
  fill(desk, 23);
  bool saved = false;
  const std::string steps = steps_of(desk, [&](EngineStep::Kind kind) {
    if (kind == EngineStep::Kind::fetch && !std::exchange(saved, true)) desk.device.create("made meanwhile");
  });
  INFO(steps);
  CHECK(saved);
  CHECK(steps.back() == 'D');
  CHECK(desk.device.pending() == 0);
  CHECK(desk.server.commits() == 24);
  CHECK(good(desk.device.replica().progress()).tickets == 24);
}

TEST_CASE("a page is applied in slices between which the replica can be read", "[client][exchange]") {
  Desk desk;
  fill(desk, 20);
  desk.server.tickets_per_page = 20;
  SyncEngine& engine = desk.device.engine();
  engine.start_round();
  std::vector<std::uint64_t> cursors;
  for (;;) {
    const EngineStep step = engine.next();
    if (step.kind == EngineStep::Kind::done) break;
    if (step.kind == EngineStep::Kind::apply) {
      static_cast<void>(good(engine.apply_slice(4)));
      cursors.push_back(desk.device.cursor());
      continue;
    }
    REQUIRE(step.kind == EngineStep::Kind::send);
    good(engine.on_answer(desk.server.send(step.request)));
  }
  // The cursor moves with the last rows; then come the words of all.
  CHECK(cursors == std::vector<std::uint64_t>{0, 0, 0, 0, 20, 20});
}

TEST_CASE("what is saved while a page waits is sealed under the anchor and cursor it was made under",
          "[client][exchange]") {
  Desk desk;
  const TicketId ticket = desk.device.create("first");
  good(desk.device.sync());
  const AnchorHeld before = good(desk.device.outbox().anchor());
  sync::Change foreign = desk.device.fresh(sync::Intent::create, random_id<TicketId>(desk.environment));
  foreign.fields = {{sync::FieldId::subject, "", "foreign", false}};
  desk.server.commit_foreign(foreign);
  desk.environment.advance(61'000);

  SyncEngine& engine = desk.device.engine();
  engine.start_round();
  const EngineStep step = engine.next();
  desk.device.set_subject(ticket, "made while the request was out");
  good(engine.on_answer(desk.server.send(step.request)));
  CHECK(good(desk.device.outbox().anchor()).hash != before.hash);
  const auto sets = good(desk.device.outbox().sets_from(2, 10, 1 << 20));
  REQUIRE(sets.size() == 1);
  const auto header = good(protocol::decode_header(good(protocol::decode_change_set(sets[0])).header));
  CHECK(header.anchor_hash == before.hash);
  CHECK(header.seen_seq == 1);
}

TEST_CASE("a round of many exchanges writes one anchor, at its end", "[client][exchange]") {
  const tern::test::NothingFails counted;
  Desk desk;
  good(desk.device.sync());
  for (int i = 0; i < 12; ++i) {
    sync::Change create = desk.device.fresh(sync::Intent::create, random_id<TicketId>(desk.environment));
    create.fields = {{sync::FieldId::subject, "", "x", false}};
    desk.server.commit_foreign(create);
  }
  desk.server.tickets_per_page = 3;
  const AnchorHeld before = good(desk.device.outbox().anchor());
  std::set<Hash> seen;
  desk.device.wire.before = [&](const HttpRequest&) -> std::optional<Result<HttpAnswer>> {
    seen.insert(good(desk.device.outbox().anchor()).hash);
    return std::nullopt;
  };
  CHECK(good(desk.device.sync()).exchanges == 1 + 4);
  CHECK(seen == std::set<Hash>{before.hash});
  CHECK(good(desk.device.outbox().anchor()).hash != before.hash);
}

TEST_CASE("an answer that took longer than 30 s brings patches but no anchor", "[client][exchange]") {
  Desk desk;
  good(desk.device.sync());
  const AnchorHeld before = good(desk.device.outbox().anchor());
  desk.server.pass_time = [&](std::int64_t ms) { desk.environment.advance(ms); };
  desk.server.answer_takes_ms = 30'001;
  const TicketId ticket = desk.device.create("slow");
  good(desk.device.sync());
  CHECK(good(desk.device.outbox().anchor()).hash == before.hash);
  CHECK(desk.device.pending() == 0);
  desk.server.answer_takes_ms = 29'000;
  desk.device.set_subject(ticket, "faster");
  good(desk.device.sync());
  CHECK(good(desk.device.outbox().anchor()).hash != before.hash);
}

TEST_CASE("a server whose clock is in doubt shows no anchor and the rest goes on", "[client][exchange]") {
  Desk desk;
  desk.server.anchors = false;
  desk.device.create("x");
  good(desk.device.sync());
  CHECK(desk.device.pending() == 0);
}

TEST_CASE("a lost answer is made up for by the stored receipt", "[client][exchange]") {
  Desk desk;
  good(desk.device.sync());
  desk.device.create("x");
  desk.device.wire.after = [](const HttpRequest&, HttpAnswer) -> Result<HttpAnswer> { return cut(); };
  CHECK(outcome(desk.device.sync()) == "no_connection");
  CHECK(desk.device.pending() == 1);
  CHECK(good(desk.device.outbox().counts()).sent == 1);
  desk.device.wire.after = nullptr;
  good(desk.device.sync());
  CHECK(desk.server.commits() == 1);
  CHECK(desk.device.pending() == 0);
}

TEST_CASE("a server that restarted costs one new handshake", "[client][exchange]") {
  Desk desk;
  good(desk.device.sync());
  desk.server.forget_sessions();
  desk.device.create("x");
  good(desk.device.sync());
  CHECK(desk.server.handshakes() == 2);
  CHECK(desk.server.commits() == 1);
}

TEST_CASE("a device whose clock is off learns the server's time and is let in", "[client][exchange]") {
  Desk desk;
  good(desk.device.sync());
  desk.server.anchors = false;  // they share a clock here
  desk.environment.set_wall(desk.environment.wall_ms() - 400LL * 86'400'000);
  desk.device.create("x");
  bool skewed = true;
  desk.device.wire.before = [&](const HttpRequest& request) -> std::optional<Result<HttpAnswer>> {
    if (request.target == "/sync/v1/exchange" && skewed) {
      skewed = false;
      desk.server.refuse_status = 401;
      desk.server.refuse_code = "clock_skew";
      desk.server.refuse_more = R"(,"server_time_ms":1700000000000)";
    } else {
      desk.server.refuse_status.reset();
    }
    return std::nullopt;
  };
  good(desk.device.sync());
  CHECK(desk.server.commits() == 1);
}

TEST_CASE("a clock that is set again before a request gets through is corrected again", "[client][exchange]") {
  const tern::test::NothingFails counted;
  Desk desk;
  good(desk.device.sync());
  desk.device.create("x");
  int exchanges = 0;
  desk.device.wire.before = [&](const HttpRequest& request) -> std::optional<Result<HttpAnswer>> {
    desk.server.refuse_status.reset();
    if (request.target != "/sync/v1/exchange") return std::nullopt;
    ++exchanges;
    if (exchanges == 2) return Result<HttpAnswer>(fail(ErrorCode::no_connection, "There is no network here."));
    if (exchanges == 1 || exchanges == 3) {
      desk.server.refuse_status = 401;
      desk.server.refuse_code = "clock_skew";
      desk.server.refuse_more = R"(,"server_time_ms":1700000000000)";
    }
    return std::nullopt;
  };
  CHECK_FALSE(desk.device.sync());
  good(desk.device.sync());
  CHECK(desk.server.commits() == 1);
}

TEST_CASE("pages grow on a quick network and shrink on a slow one", "[client][exchange]") {
  const tern::test::NothingFails counted;
  Desk desk;
  std::vector<std::uint32_t> wanted;
  desk.server.on_request = [&](const v1::ExchangeRequest& request) { wanted.push_back(request.want_bytes()); };
  desk.server.pass_time = [&](std::int64_t ms) { desk.environment.advance(ms); };
  for (const std::int64_t ms : {0, 0, 0, 6000, 6000, 1000}) {
    desk.server.answer_takes_ms = ms;
    good(desk.device.sync());
  }
  CHECK(wanted == std::vector<std::uint32_t>{256 << 10, 512 << 10, 1 << 20, 1 << 20, 512 << 10, 256 << 10});
}

TEST_CASE("after a fault the engine waits, longer each time, unless a person asks", "[client][exchange]") {
  Desk desk;
  SyncEngine& engine = desk.device.engine();
  engine.start_round();
  for (int i = 0; i < 6; ++i) {
    EngineStep step = engine.next();
    REQUIRE(step.kind == EngineStep::Kind::send);
    CHECK_FALSE(engine.on_answer(Result<HttpAnswer>(cut())));
    step = engine.next();
    REQUIRE(step.kind == EngineStep::Kind::wait);
    REQUIRE(step.reason);
    CHECK(step.reason->code == ErrorCode::no_connection);
    const std::int64_t wait = step.wake_at_boot_ms - desk.environment.boot_ms();
    CHECK(wait >= (500 << i));
    CHECK(wait <= (1000 << i));
    engine.start_round();  // harmless
    CHECK(engine.next().kind == EngineStep::Kind::wait);
    desk.environment.advance(wait);
  }
  CHECK(engine.next().kind == EngineStep::Kind::send);
  CHECK_FALSE(engine.on_answer(Result<HttpAnswer>(cut())));
  engine.retry_now();
  CHECK(engine.next().kind == EngineStep::Kind::send);
}

TEST_CASE("a replica that differs is repaired by bucket, and it is counted", "[client][exchange]") {
  const tern::test::NothingFails counted;
  Desk desk;
  std::vector<TicketId> tickets;
  for (int i = 0; i < 30; ++i) tickets.push_back(desk.device.create("ticket " + std::to_string(i)));
  good(desk.device.sync());
  // One row lost, one too many, one older than the server's.
  sqlite::Database& rows = desk.device.replica().database();
  good(rows.run("DELETE FROM ticket WHERE ticket_id = $1", tickets[3]));
  good(rows.run("UPDATE ticket SET version = 0 WHERE ticket_id = $1", tickets[7]));
  good(rows.run("UPDATE ticket SET ticket_id = $1 WHERE ticket_id = $2", random_id<TicketId>(desk.environment),
                tickets[9]));
  desk.device.restart();
  std::size_t repairs = 0, patches = 0;
  desk.server.alter = [&](v1::ExchangeResponse& response) {
    if (response.buckets_size() == 0) return;
    ++repairs;
    patches += static_cast<std::size_t>(response.patches_size());
  };
  const EngineReport report = good(desk.device.sync());
  CHECK(report.scope_repairs == 1);
  CHECK(repairs == 1);
  CHECK(patches < 15);  // not a download of everything
  CHECK(desk.device.state().scope_repairs == 1);
  CHECK(good(desk.device.replica().progress()).tickets == 30);
  for (std::size_t i = 0; i < tickets.size(); ++i)
    CHECK(desk.device.subject(tickets[i]) == "ticket " + std::to_string(i));
}

TEST_CASE("a bucket too large for one answer is repaired in parts, each taking out only what is not in it",
          "[client][exchange]") {
  Desk desk;
  std::vector<TicketId> tickets;
  for (int i = 0; i < 12; ++i) tickets.push_back(desk.device.create("ticket " + std::to_string(i)));
  good(desk.device.sync());
  sqlite::Database& rows = desk.device.replica().database();
  for (const TicketId& ticket : tickets) good(rows.run("UPDATE ticket SET version = 0 WHERE ticket_id = $1", ticket));
  TicketId stranger = random_id<TicketId>(desk.environment);
  stranger.bytes[0] = tickets[5].bytes[0];
  good(rows.run("UPDATE ticket SET ticket_id = $1 WHERE ticket_id = $2", stranger, tickets[5]));
  desk.device.restart();
  desk.server.tickets_per_repair = 1;
  std::size_t parts = 0;
  desk.server.alter = [&](v1::ExchangeResponse& response) {
    for (const v1::Bucket& bucket : response.buckets()) parts += bucket.ticket_ids_size() == 1 ? 1 : 0;
  };
  const EngineReport report = good(desk.device.sync());
  CHECK(report.scope_repairs >= 1);
  CHECK(parts >= 12);
  CHECK(good(desk.device.replica().progress()).tickets == 12);
  for (std::size_t i = 0; i < tickets.size(); ++i)
    CHECK(desk.device.subject(tickets[i]) == "ticket " + std::to_string(i));
}

TEST_CASE("answers that bring nothing but what authors are told are no loop", "[client][exchange]") {
  Desk desk;
  desk.device.create("x");
  good(desk.device.sync());
  int pages = 8;
  desk.server.alter = [&](v1::ExchangeResponse& response) {
    if (pages == 0 || response.cursor().commit_seq() == 0) return;
    --pages;
    response.clear_patches();
    response.clear_checkpoint();
    response.set_more(true);
    response.add_statements(Bytes("TRN1-ZZ\0 of another version", 27));
  };
  good(desk.device.sync());
  CHECK(pages == 0);
}

TEST_CASE("a repair that leads nowhere ends, and work still goes out", "[client][exchange]") {
  const tern::test::NothingFails counted;
  Desk desk;
  desk.device.create("x");
  good(desk.device.sync());
  desk.server.alter = [](v1::ExchangeResponse& response) {
    if (response.has_checkpoint()) response.mutable_checkpoint()->set_scope_digest(Bytes(32, 'z'));
  };
  CHECK(outcome(desk.device.sync()) == "corrupt");
  CHECK(desk.server.exchanges() < 10);
  desk.device.create("y");
  good(desk.device.sync());
  CHECK(desk.server.commits() == 2);
}

TEST_CASE("a page that cannot be applied stops the cursor and is left alone after three tries", "[client][exchange]") {
  Desk desk;
  good(desk.device.sync());
  desk.server.alter = [](v1::ExchangeResponse& response) { response.add_patches()->set_state("not a ticket"); };
  for (int i = 0; i < 3; ++i) {
    CHECK(outcome(desk.device.sync()) == "corrupt");
    CHECK(desk.device.cursor() == 0);
  }
  desk.device.create("still goes out");
  CHECK(outcome(desk.device.sync()) == "corrupt");
  CHECK(desk.server.commits() == 1);
  CHECK(desk.device.head().acked_seq == 1);
  CHECK_FALSE(desk.device.state().paused.empty());
  desk.server.alter = nullptr;
  desk.device.restart();
  good(desk.device.sync());
  CHECK(desk.device.pending() == 0);
  CHECK(desk.device.state().paused.empty());
}

TEST_CASE("a server that promises more and brings nothing is left alone", "[client][exchange]") {
  const tern::test::NothingFails counted;
  Desk desk;
  good(desk.device.sync());
  desk.server.alter = [](v1::ExchangeResponse& response) {
    response.set_more(true);
    response.clear_checkpoint();
  };
  CHECK(outcome(desk.device.sync()) == "no_connection");
  CHECK(desk.server.exchanges() < 10);
}

TEST_CASE("cut at every step, nothing is lost and nothing doubled", "[client][exchange]") {
  for (int step = 0; step < 8; ++step) {
    for (const bool before : {true, false}) {
      Desk desk;
      int at = 0;
      const auto strike = [&] { return at++ == step; };
      if (before) {
        desk.device.wire.before = [&](const HttpRequest&) -> std::optional<Result<HttpAnswer>> {
          if (!strike()) return std::nullopt;
          return Result<HttpAnswer>(cut());
        };
      } else {
        desk.device.wire.after = [&](const HttpRequest&, HttpAnswer answer) -> Result<HttpAnswer> {
          if (!strike()) return answer;
          return cut();
        };
      }
      const TicketId ticket = desk.device.create("one");
      (void)desk.device.sync();
      desk.device.set_subject(ticket, "two");
      (void)desk.device.sync();
      desk.device.restart();
      (void)desk.device.sync();
      if (!desk.device.sync()) good(desk.device.sync());
      CHECK(desk.server.commits() <= 2);  // one, when both changes went into one set
      CHECK(sync::field_value(*desk.server.ticket(ticket), sync::FieldId::subject) == "two");
      CHECK(desk.server.changes(ticket) == 2);
      CHECK(desk.device.pending() == 0);
      CHECK(desk.device.subject(ticket) == "two");
    }
  }
}

}  // namespace tern::client::test
