#include "unit/client_sync/support.hpp"

#include "exchange/backoff.hpp"
#include "exchange/head_ladder.hpp"
#include "exchange/scope_check.hpp"
#include "exchange/sync_state.hpp"
#include "exchange/unproven_answer.hpp"
#include "tern/sync/scope.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::client::test {
namespace {

constexpr std::int64_t hour_ms = 3'600'000;
constexpr std::int64_t day_ms = 24 * hour_ms;

LadderHead head_at(std::uint64_t size, std::int64_t time_ms) {
  LadderHead entry;
  entry.head.epoch.bytes[0] = 1;
  entry.head.size = size;
  entry.time_ms = time_ms;
  return entry;
}

}  // namespace

TEST_CASE("the ladder keeps ten heads, one an hour for a day, one a day for 90 days", "[client][exchange]") {
  std::vector<LadderHead> ladder;
  const std::int64_t start = 1'700'000'000'000 / day_ms * day_ms;
  std::uint64_t size = 0;
  std::int64_t now = start;
  for (; now < start + 120 * day_ms; now += 10 * 60'000) add_to_ladder(ladder, head_at(++size, now));
  const std::int64_t newest = ladder.back().time_ms;
  std::size_t in_day = 0, older = 0;
  for (const LadderHead& entry : ladder) {
    CHECK(newest - entry.time_ms <= ladder_daily_ms);
    (newest - entry.time_ms <= ladder_hourly_ms ? in_day : older) += 1;
  }
  CHECK(in_day >= 10 + 22);
  CHECK(in_day <= 10 + 25);
  CHECK(older >= 88);
  CHECK(older <= 91);
  CHECK(std::is_sorted(ladder.begin(), ladder.end(),
                       [](const auto& a, const auto& b) { return a.head.size < b.head.size; }));
}

TEST_CASE("a head seen again is kept once, and the newest below a size is found", "[client][exchange]") {
  std::vector<LadderHead> ladder;
  add_to_ladder(ladder, head_at(5, 100));
  add_to_ladder(ladder, head_at(5, 200));
  add_to_ladder(ladder, head_at(9, 300));
  REQUIRE(ladder.size() == 2);
  CHECK(ladder.front().time_ms == 200);
  CHECK(newest_below(ladder, 8)->head.size == 5);
  CHECK(newest_below(ladder, 9)->head.size == 9);
  CHECK(newest_below(ladder, 4) == nullptr);
}

TEST_CASE("after a restore all that is held is named once, by ranges, and what nobody knows again and again",
          "[client][exchange]") {
  const auto replica = good(Replica::open(":memory:", Bytes(32, 'k'), {}));
  const auto ask = [&] {
    v1::ExchangeRequest request;
    const auto asked = good(add_held_tickets(request, *replica));
    CHECK(request.has_held() == asked.has_value());
    if (asked) CHECK(request.held().ids() == asked->ids);
    return asked;
  };
  CHECK_FALSE(ask());
  constexpr std::uint32_t count = sync::held_ids_max + 5;
  const auto id_of = [](std::uint32_t i) {
    TicketId id;
    id.bytes[0] = static_cast<std::uint8_t>(i >> 8);
    id.bytes[1] = static_cast<std::uint8_t>(i);
    id.bytes[2] = 1;
    return id;
  };
  for (std::uint32_t i = 0; i < count; ++i)
    good(replica->database().run(
        "INSERT INTO ticket (ticket_id, version, state, ghost, pending, pending_last, number, integer_id, subject, "
        "status, status_class, priority, created_ms, updated_ms, deleted) VALUES ($1, 1, $2, 0, 0, 0, '', 0, '', 1, 1, "
        "2, 0, 0, 0)",
        id_of(i), sqlite::Blob{"state"}));

  SECTION("a version that did not check had suspended the digests") {
    good(replica->set_meta(meta_digest_suspended, "1"));
  }
  SECTION("an epoch has begun") {
    good(begin_scope_check(*replica, OperatorId{}, 7));
  }
  REQUIRE(good(scope_check_is_due(*replica)));
  const auto first = ask();
  REQUIRE(first);
  CHECK(first->ids.size() == sync::held_ids_max * TicketId::size_bytes);
  CHECK(first->after.is_zero());
  CHECK(first->through == id_of(sync::held_ids_max - 1));
  // The answer was full before its end; of those that it judged one is unknown, and one of them was never asked for.
  const Bytes unknown(id_of(7).view());
  good(note_held(*replica, {*first, Bytes(id_of(99).view()), unknown + Bytes(16, 'x')}));
  const auto second = ask();
  REQUIRE(second);
  CHECK(second->after == id_of(99));
  CHECK(second->through.is_zero());
  CHECK(second->ids.size() == (count - 100) * TicketId::size_bytes);
  good(note_held(*replica, {*second, {}, {}}));
  CHECK_FALSE(good(scope_check_is_due(*replica)));

  CHECK(good(holds_unknown_tickets(*replica)));
  const auto third = ask();
  REQUIRE(third);
  CHECK_FALSE(third->all);
  CHECK(third->ids == unknown);
  good(note_held(*replica, {*third, {}, unknown}));
  CHECK(ask());
  good(note_held(*replica, {*third, {}, {}}));
  CHECK_FALSE(ask());
  CHECK_FALSE(good(holds_unknown_tickets(*replica)));
  good(begin_scope_check(*replica, OperatorId{}, 3));  // another restore
  CHECK(ask()->all);
  good(note_held(*replica, {*ask(), Bytes(16, '\0'), {}}));  // an answer that does not get on
  CHECK_FALSE(good(scope_check_is_due(*replica)));
}

TEST_CASE("back-off doubles from a second to five minutes and half of it is drawn", "[client][exchange]") {
  VirtualEnvironment environment;
  Backoff backoff;
  std::int64_t full = backoff_ms_min;
  bool differs = false;
  for (int i = 0; i < 20; ++i) {
    const std::int64_t wait = backoff.next_ms(environment);
    CHECK(wait >= full / 2);
    CHECK(wait <= full);
    differs = differs || wait != full;
    full = std::min(full * 2, backoff_ms_max);
  }
  CHECK(differs);
  CHECK(backoff.next_ms(environment, 10'000'000) == backoff_ms_max);
  backoff.reset();
  CHECK(backoff.next_ms(environment) <= backoff_ms_min);
  CHECK(backoff.next_ms(environment, 60'000) == 60'000);
}

TEST_CASE("what the engine remembers comes back as it was", "[client][exchange]") {
  const TempDir dir;
  const auto outbox = good(Outbox::open(dir.file("outbox.db"), Bytes(32, 'k'), ""));
  CHECK(good(load_sync_state(*outbox)) == SyncState{});
  SyncState state;
  state.ladder = {head_at(1, 2), head_at(3, 4)};
  state.key_list = "list";
  state.certificate = "certificate";
  state.epoch_records = {"record", "the next"};
  state.current_as_of_ms = 5;
  state.server_offset_ms = -6;
  state.paused = "paused";
  state.last_error = "error";
  state.notice = "notice";
  state.deposited_epoch = 7;
  state.deposited_seq = 8;
  state.scope_repairs = 9;
  good(store_sync_state(*outbox, state));
  CHECK(good(load_sync_state(*outbox)) == state);
  good(outbox->set_meta("sync_state", "x"));
  CHECK(outcome(load_sync_state(*outbox)) == "corrupt");
}

TEST_CASE("every answer that proves nothing is a network fault with a sentence", "[client][exchange]") {
  const HttpAnswer answers[] = {
      {302, {}, ""},
      {200, {{"content-type", "text/html"}}, "<html>"},
      {200, {}, "  <!doctype html>"},
      {500, {}, ""},
      {401, {{"content-type", "application/problem+json"}}, R"({"code":"key_revoked"})"},
      {200, {{"content-type", "application/x-protobuf"}}, "\x01\x02"},
  };
  std::set<std::string> sentences;
  for (const HttpAnswer& answer : answers) {
    const Error error = unproven_answer(answer);
    CHECK(error.code == ErrorCode::no_connection);
    CHECK_FALSE(error.hint.empty());
    sentences.insert(error.message);
  }
  CHECK(sentences.size() == 5);
}

TEST_CASE("a stranger's words are cleaned before they are shown", "[client][exchange]") {
  const HttpAnswer answer{403,
                          {{"content-type", "application/problem+json"}},
                          R"({"code":"login_refused","detail":"no\u001b[31m entry\r\n"})"};
  const Error error = refusal(answer);
  CHECK(error.code == ErrorCode::login_refused);
  CHECK(error.message.find('\x1b') == std::string::npos);
  CHECK(error.message.find('\n') == std::string::npos);
  CHECK(refusal({403, {{"content-type", "application/problem+json"}}, R"({"code":"chain_forked"})"}).code ==
        ErrorCode::no_connection);
  CHECK(refusal({200, {{"content-type", "application/problem+json"}}, R"({"code":"key_revoked"})"}).code ==
        ErrorCode::no_connection);
}

TEST_CASE("what a server may refuse before it can prove itself is told in its own words", "[client][exchange]") {
  const auto refused = [](int status, const std::string& code) {
    return refusal({status,
                    {{"content-type", "application/problem+json"}},
                    R"({"code":")" + code + R"(","detail":"Revoke one."})"});
  };
  CHECK(refused(403, "not_permitted").code == ErrorCode::not_permitted);
  CHECK(refused(413, "too_large").code == ErrorCode::too_large);
  CHECK(refused(403, "not_permitted").message == "Revoke one.");
  CHECK(refused(413, "body_too_large").code == ErrorCode::no_connection);
  CHECK(refused(429, "too_many_connections").message == "The server is asked too often from here right now (429).");
}

TEST_CASE("Retry-After is honoured within bounds", "[client][exchange]") {
  CHECK(retry_after_ms({503, {{"retry-after", "12"}}, ""}, backoff_ms_max) == 12'000);
  CHECK(retry_after_ms({503, {{"retry-after", "99999999999"}}, ""}, backoff_ms_max) == backoff_ms_max);
  CHECK(retry_after_ms({503, {{"retry-after", "-1"}}, ""}, backoff_ms_max) == 0);
  CHECK(retry_after_ms({503, {{"retry-after", "soon"}}, ""}, backoff_ms_max) == 0);
  CHECK(retry_after_ms({503, {}, ""}, backoff_ms_max) == 0);
}

}  // namespace tern::client::test
