#include "unit/client_sync/support.hpp"

#include "tern/v1/exchange.pb.h"

namespace tern::client::test {
namespace {

/// A device whose stream is open and whose first round on it is over.
struct Streamed : Desk {
  Streamed() {
    good(device.sync());
    const auto request = device.engine().stream_upgrade();
    REQUIRE(request);
    CHECK(request->method == "GET");
    good(device.engine().on_stream_open(server.upgrade(*request)));
    pump();
  }

  /// Carries messages and applies pages until nothing moves.
  void pump() {
    SyncEngine& engine = device.engine();
    for (;;) {
      if (auto message = engine.next_stream_message()) {
        good(engine.on_stream_message(server.on_frame(*message)));
        continue;
      }
      const EngineStep step = engine.next();
      if (step.kind != EngineStep::Kind::apply) {
        last = step.kind;
        return;
      }
      good(engine.apply_slice(3));
    }
  }
  TicketId foreign(const std::string& subject) {
    sync::Change create = device.fresh(sync::Intent::create, random_id<TicketId>(environment));
    create.fields = {{sync::FieldId::subject, "", subject, false}};
    server.commit_foreign(create);
    return create.ticket;
  }

  EngineStep::Kind last = EngineStep::Kind::done;
};

}  // namespace

TEST_CASE("without a session there is no stream, and a stranger cannot open one", "[client][exchange][stream]") {
  Desk desk;
  CHECK_FALSE(desk.device.engine().stream_upgrade());
  good(desk.device.sync());
  REQUIRE(desk.device.engine().stream_upgrade());
  HttpAnswer forged;
  forged.status = 101;
  CHECK(outcome(desk.device.engine().on_stream_open(forged)) == "no_connection");
  CHECK_FALSE(desk.device.engine().next_stream_message());
}

TEST_CASE("a round travels on the stream while it is open", "[client][exchange][stream]") {
  Streamed desk;
  CHECK(desk.last == EngineStep::Kind::done);
  const int sent = desk.device.wire.sent;
  const TicketId ticket = desk.device.create("over the stream");
  desk.device.engine().start_round();
  CHECK(desk.device.engine().next().kind == EngineStep::Kind::wait);  // no HTTP
  desk.pump();
  CHECK(desk.last == EngineStep::Kind::done);
  CHECK(desk.device.wire.sent == sent);
  CHECK(desk.server.ticket(ticket).has_value());
  CHECK(desk.device.pending() == 0);
}

TEST_CASE("a push that goes on from the cursor is applied at once", "[client][exchange][stream]") {
  Streamed desk;
  const std::uint64_t here = desk.device.cursor();
  const TicketId ticket = desk.foreign("pushed");
  const std::size_t exchanges = desk.server.exchanges();
  good(desk.device.engine().on_stream_message(desk.server.seal_push(desk.server.push_from(here))));
  desk.pump();
  CHECK(desk.device.subject(ticket) == "pushed");
  CHECK(desk.device.cursor() == here + 1);
  CHECK(desk.server.exchanges() == exchanges);  // no round was needed
}

TEST_CASE("a push with a hole before it starts a round", "[client][exchange][stream]") {
  Streamed desk;
  const TicketId first = desk.foreign("lost push");
  const std::uint64_t between = desk.server.commits();
  const TicketId second = desk.foreign("arrived push");
  const std::size_t exchanges = desk.server.exchanges();
  good(desk.device.engine().on_stream_message(desk.server.seal_push(desk.server.push_from(between))));
  desk.pump();
  CHECK(desk.device.subject(first) == "lost push");
  CHECK(desk.device.subject(second) == "arrived push");
  CHECK(desk.server.exchanges() == exchanges + 1);
}

TEST_CASE("an old push is ignored", "[client][exchange][stream]") {
  Streamed desk;
  const std::uint64_t here = desk.device.cursor();
  desk.foreign("x");
  const Bytes first = desk.server.seal_push(desk.server.push_from(here));
  const Bytes again = desk.server.seal_push(desk.server.push_from(here));
  good(desk.device.engine().on_stream_message(first));
  desk.pump();
  const std::size_t exchanges = desk.server.exchanges();
  good(desk.device.engine().on_stream_message(again));
  desk.pump();
  CHECK(desk.device.cursor() == here + 1);
  CHECK(desk.server.exchanges() == exchanges);
}

TEST_CASE("work saved before a push is sealed under the cursor it was made under", "[client][exchange][stream]") {
  Streamed desk;
  const std::uint64_t here = desk.device.cursor();
  desk.device.create("mine");
  desk.foreign("theirs");
  good(desk.device.engine().on_stream_message(desk.server.seal_push(desk.server.push_from(here))));
  desk.pump();
  const auto sets = good(desk.device.outbox().sets_from(1, 10, 1 << 20));
  REQUIRE(sets.size() == 1);
  CHECK(good(protocol::decode_header(good(protocol::decode_change_set(sets[0])).header)).seen_seq == here);
}

TEST_CASE("a frame with a flipped bit or another counter ends the stream and changes nothing",
          "[client][exchange][stream]") {
  Streamed desk;
  const std::uint64_t here = desk.device.cursor();
  desk.foreign("x");
  Bytes frame = desk.server.seal_push(desk.server.push_from(here));
  SECTION("flipped") {
    frame.back() = static_cast<char>(frame.back() ^ 1);
    CHECK(outcome(desk.device.engine().on_stream_message(frame)) == "mac_invalid");
  }
  SECTION("skipped") {
    const Bytes next = desk.server.seal_push(desk.server.push_from(here));
    CHECK_FALSE(desk.device.engine().on_stream_message(next));
  }
  CHECK(desk.device.cursor() == here);
  CHECK_FALSE(desk.device.engine().next_stream_message());
  good(desk.device.sync());  // over HTTP
  CHECK(desk.device.cursor() == here + 1);
}

TEST_CASE("a stream that breaks while a request is out costs one round", "[client][exchange][stream]") {
  Streamed desk;
  desk.device.create("x");
  desk.device.engine().start_round();
  const auto message = desk.device.engine().next_stream_message();
  REQUIRE(message);
  (void)desk.server.on_frame(*message);  // it arrived; the answer is lost
  desk.device.engine().on_stream_closed();
  CHECK(desk.device.engine().next().kind == EngineStep::Kind::wait);
  good(desk.device.sync());
  CHECK(desk.server.commits() == 1);
  CHECK(desk.device.pending() == 0);
}

TEST_CASE("an answer that never comes on a live stream is given up", "[client][exchange][stream]") {
  Streamed desk;
  desk.device.create("x");
  desk.device.engine().start_round();
  REQUIRE(desk.device.engine().next_stream_message());
  desk.environment.advance(14'000);
  CHECK_FALSE(desk.device.engine().stream_answer_is_overdue());
  desk.environment.advance(2'000);
  CHECK(desk.device.engine().stream_answer_is_overdue());
  CHECK(desk.device.engine().next().reason);
  CHECK_FALSE(desk.device.state().last_error.empty());
}

}  // namespace tern::client::test
