#include "unit/client_sync/support.hpp"

#include "exchange/answer_checker.hpp"
#include "tern/protocol/zstd.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::client::test {
namespace {

using Answer = std::function<Result<HttpAnswer>(const HttpRequest&, HttpAnswer)>;

HttpAnswer html(int status) {
  return {status, {{"content-type", "text/html"}}, "<html><body>Please sign in</body></html>"};
}

HttpAnswer forged_problem(int status, const std::string& code) {
  return {status, {{"content-type", "application/problem+json"}}, "{\"code\":\"" + code + "\"}"};
}

/// 12 MiB of zeros in a frame of about a KiB: three times the cap.
Bytes bomb() {
  return protocol::compress(Bytes(std::size_t{12} << 20, '\0'));
}

struct Case {
  const char* name;
  Answer answer;
};

}  // namespace

TEST_CASE("hostile and broken answers leave outbox and cursor as they were, with one sentence",
          "[client][exchange][hostile]") {
  Desk desk;
  const TicketId ticket = desk.device.create("kept");
  good(desk.device.sync());
  desk.device.set_subject(ticket, "not sent yet");
  VirtualEnvironment other_environment(77);
  FakeServer other(other_environment);
  SyncDevice stranger(other, other_environment);

  HttpAnswer earlier;
  const Case cases[] = {
      {"500",
       [](auto&, HttpAnswer) -> Result<HttpAnswer> {
         return HttpAnswer{500, {}, "oops"};
       }},
      {"503 with a page", [](auto&, HttpAnswer) -> Result<HttpAnswer> { return html(503); }},
      {"forged 401", [](auto&, HttpAnswer) -> Result<HttpAnswer> { return forged_problem(401, "key_revoked"); }},
      {"forged 403", [](auto&, HttpAnswer) -> Result<HttpAnswer> { return forged_problem(403, "KEY_REVOKED"); }},
      {"captive portal", [](auto&, HttpAnswer) -> Result<HttpAnswer> { return html(200); }},
      {"redirect",
       [](auto&, HttpAnswer) -> Result<HttpAnswer> {
         return HttpAnswer{302, {{"location", "http://portal/"}}, ""};
       }},
      {"cut body",
       [](auto&, HttpAnswer answer) -> Result<HttpAnswer> {
         answer.body.resize(answer.body.size() / 2);
         return answer;
       }},
      {"flipped body",
       [](auto&, HttpAnswer answer) -> Result<HttpAnswer> {
         answer.body[answer.body.size() / 2] = static_cast<char>(answer.body[answer.body.size() / 2] ^ 4);
         return answer;
       }},
      {"altered status",
       [](auto&, HttpAnswer answer) -> Result<HttpAnswer> {
         answer.status = 201;
         return answer;
       }},
      {"no MAC",
       [](auto&, HttpAnswer answer) -> Result<HttpAnswer> {
         std::erase_if(answer.headers, [](const auto& header) { return header.first == "tern-auth-answer"; });
         return answer;
       }},
      {"another server",
       [&](const HttpRequest& request, HttpAnswer) -> Result<HttpAnswer> { return other.handle(request); }},
      {"zstd bomb",
       [](auto&, HttpAnswer answer) -> Result<HttpAnswer> {
         answer.body = bomb();
         return answer;
       }},
      {"nothing at all", [](auto&, HttpAnswer) -> Result<HttpAnswer> { return cut(); }},
  };
  for (const Case& fault : cases) {
    INFO(fault.name);
    // Under the session that is open, and at each step of a new one.
    for (const bool fresh : {false, true}) {
      if (fresh) desk.device.restart();
      const auto head = desk.device.head();
      const std::uint64_t acked = head.acked_seq;
      desk.device.wire.after = fault.answer;
      const auto result = desk.device.sync();
      REQUIRE_FALSE(result);
      // A refusal before anybody has proven anything keeps its code for the exit status; it does nothing else.
      const std::set<ErrorCode> codes = {ErrorCode::no_connection, ErrorCode::login_refused, ErrorCode::key_revoked};
      CHECK(codes.contains(result.error().code));
      CHECK_FALSE(result.error().message.empty());
      CHECK(desk.device.state().last_error == result.error().message);
      CHECK(desk.device.head().acked_seq == acked);
      CHECK(desk.device.pending() == 1);
      CHECK(desk.device.cursor() == 1);
      CHECK(desk.device.subject(ticket) == "not sent yet");
    }
  }
  desk.device.wire.after = nullptr;
  good(desk.device.sync());
  CHECK(desk.device.pending() == 0);
  CHECK(desk.server.commits() == 2);
  CHECK(desk.device.state().last_error.empty());
}

TEST_CASE("a valid answer to another request is a network fault", "[client][exchange][hostile]") {
  Desk desk;
  const TicketId ticket = desk.device.create("one");
  HttpAnswer earlier;
  desk.device.wire.after = [&](const HttpRequest& request, HttpAnswer answer) -> Result<HttpAnswer> {
    if (request.target == "/sync/v1/exchange") earlier = answer;
    return answer;
  };
  good(desk.device.sync());
  desk.device.set_subject(ticket, "two");
  desk.device.wire.after = [&](const HttpRequest& request, HttpAnswer answer) -> Result<HttpAnswer> {
    return request.target == "/sync/v1/exchange" ? earlier : answer;
  };
  const std::uint64_t cursor = desk.device.cursor(), acked = desk.device.head().acked_seq;
  const auto refused = desk.device.sync();
  CHECK(outcome(refused) == "no_connection");
  CHECK(desk.device.state().last_error == refused.error().message);
  CHECK_FALSE(refused.error().message.empty());
  CHECK(desk.device.pending() == 1);
  CHECK(desk.device.cursor() == cursor);
  CHECK(desk.device.head().acked_seq == acked);
}

TEST_CASE("another nonce under a good MAC is refused too", "[client][exchange][hostile]") {
  Desk desk;
  desk.device.create("one");
  desk.server.alter = [](v1::ExchangeResponse& response) { response.set_nonce(Bytes(16, 'n')); };
  CHECK(outcome(desk.device.sync()) == "no_connection");
  CHECK(desk.device.pending() == 1);
  CHECK(desk.device.head().acked_seq == 0);
}

TEST_CASE("whoever swaps a part of the handshake for its own is not believed", "[client][exchange][hostile]") {
  Desk desk;
  desk.device.create("one");
  const protocol::SigningKey thief = protocol::SigningKey::generate(desk.environment);
  std::function<void(protocol::SessionWelcome&)> bend;
  SECTION("its own signature under its own key") {
    bend = [&](protocol::SessionWelcome& welcome) {
      welcome.log_key = thief.id();
      welcome.signature = thief.sign("anything");
    };
  }
  SECTION("its own signature under the server's name") {
    bend = [&](protocol::SessionWelcome& welcome) { welcome.signature = thief.sign("anything"); };
  }
  SECTION("its own key list") {
    bend = [&](protocol::SessionWelcome& welcome) {
      protocol::KeyList list;
      list.version = 2;
      list.next_roots = {thief.public_key()};
      welcome.key_list_version = 2;
      welcome.key_list = protocol::sign_statement(list, thief).wire;
    };
  }
  SECTION("another head") {
    bend = [](protocol::SessionWelcome& welcome) { ++welcome.head.size; };
  }
  SECTION("another mode") {
    bend = [](protocol::SessionWelcome& welcome) { welcome.mode = protocol::SessionMode::deposit; };
  }
  SECTION("another confirmation") {
    bend = [](protocol::SessionWelcome& welcome) { welcome.confirm.bytes[0] ^= 1; };
  }
  desk.device.wire.after = [&](const HttpRequest& request, HttpAnswer answer) -> Result<HttpAnswer> {
    if (request.target != "/sync/v1/session") return answer;
    protocol::SessionWelcome welcome = good(protocol::decode_session_welcome(answer.body));
    bend(welcome);
    answer.body = encode(welcome);
    return answer;
  };
  CHECK(outcome(desk.device.sync()) == "no_connection");
  CHECK(desk.device.pending() == 1);
  CHECK(desk.server.commits() == 0);
}

TEST_CASE("a bomb under a good MAC is refused before it unpacks", "[client][exchange][hostile]") {
  CHECK(outcome(read_response(bomb(), "zstd")) == "no_connection");
  CHECK(outcome(read_response("", "gzip")) == "no_connection");
  CHECK(outcome(read_response("\xff\xff\xff", "")) == "no_connection");
}

TEST_CASE("forged statements change nothing", "[client][exchange][hostile]") {
  Desk desk;
  const TicketId ticket = desk.device.create("one");
  good(desk.device.sync());
  desk.device.set_subject(ticket, "two");
  const protocol::SigningKey thief = protocol::SigningKey::generate(desk.environment);
  const DeviceId device = desk.device.identity().device;

  SECTION("a revocation by another key") {
    protocol::Revocation revocation;
    revocation.tenant = desk.server.tenant();
    revocation.device = device;
    revocation.key = desk.device.identity().key;
    desk.server.statements = {protocol::sign_statement(revocation, thief).wire};
  }
  SECTION("a wipe order by another key") {
    protocol::WipeOrder order;
    order.tenant = desk.server.tenant();
    order.device = device;
    desk.server.statements = {protocol::sign_statement(order, thief).wire};
  }
  SECTION("a wipe order for another device") {
    protocol::WipeOrder order;
    order.tenant = desk.server.tenant();
    order.device = random_id<DeviceId>(desk.environment);
    desk.server.statements = {protocol::sign_statement(order, desk.server.log_key()).wire};
  }
  SECTION("a key list by another root") {
    protocol::KeyList list;
    list.version = 2;
    list.next_roots = {thief.public_key()};
    desk.server.statements = {protocol::sign_statement(list, thief).wire};
  }
  SECTION("an anchor by another key") {
    desk.server.alter = [&](v1::ExchangeResponse& response) {
      protocol::Anchor anchor;
      anchor.tenant = desk.server.tenant();
      response.set_anchor(protocol::sign_statement(anchor, thief).wire);
    };
  }
  SECTION("receipts with a flipped byte") {
    desk.server.alter = [](v1::ExchangeResponse& response) {
      (*response.mutable_receipts())[response.receipts().size() / 2] ^= 1;
    };
  }
  SECTION("an amendment by another key") {
    desk.server.alter = [&](v1::ExchangeResponse& response) {
      protocol::Amendment amendment;
      amendment.tenant = desk.server.tenant();
      amendment.changes.resize(1);
      response.add_amendments()->set_signed_statement(protocol::sign_statement(amendment, thief).wire);
    };
  }
  const auto result = desk.device.sync();
  REQUIRE_FALSE(result);
  CHECK_FALSE(result.error().message.empty());
  CHECK(desk.device.head().acked_seq == 1);
  CHECK(desk.device.pending() == 1);
  CHECK(desk.device.cursor() == 1);
  CHECK(desk.device.subject(ticket) == "two");

  desk.server.statements.clear();
  desk.server.alter = nullptr;
  good(desk.device.sync());
  CHECK(desk.device.pending() == 0);
}

TEST_CASE("a newer key list by the pinned root is kept", "[client][exchange]") {
  Desk desk;
  good(desk.device.sync());
  desk.server.statements = {desk.server.next_key_list().wire};
  good(desk.device.sync());
  CHECK(desk.device.state().key_list == desk.server.statements.front());
  desk.device.restart();
  desk.server.statements.clear();
  good(desk.device.sync());
}

TEST_CASE("a key list that is due for renewal is told from then on, until a renewed one comes", "[client][exchange]") {
  constexpr std::int64_t day_ms = 86'400'000;
  Desk desk;
  desk.server.statements = {desk.server.next_key_list(desk.environment.wall_ms() + day_ms).wire};
  good(desk.device.sync());
  CHECK(desk.device.state().notice.empty());
  desk.environment.advance(2 * day_ms);
  for (int i = 0; i < 2; ++i) {
    good(desk.device.sync());
    CHECK_THAT(desk.device.state().notice, Catch::Contains("key list is due for renewal"));
    desk.device.restart();
  }
  desk.server.statements = {desk.server.next_key_list(desk.environment.wall_ms() + day_ms).wire};
  good(desk.device.sync());
  CHECK(desk.device.state().notice.empty());
}

TEST_CASE("refusals under the MAC are told in their own words", "[client][exchange]") {
  Desk desk;
  desk.device.create("one");
  good(desk.device.sync());
  desk.device.create("two");
  const auto refused = [&](int status, const std::string& code) {
    desk.server.refuse_status = status;
    desk.server.refuse_code = code;
    return outcome(desk.device.sync());
  };
  CHECK(refused(503, "busy") == "busy");
  CHECK(refused(507, "storage_full") == "storage_full");
  CHECK(refused(429, "rate_limited") == "rate_limited");
  CHECK(refused(401, "session_unknown") == "session_unknown");
  CHECK(refused(403, "not_permitted") == "not_permitted");
  CHECK_FALSE(desk.device.state().paused.empty());
  CHECK(desk.device.pending() == 1);
  desk.server.refuse_status.reset();
  good(desk.device.sync());
  CHECK(desk.device.pending() == 0);
  CHECK(desk.device.state().paused.empty());
}

TEST_CASE("a set the server will never take does not stop the downloads", "[client][exchange]") {
  Desk desk;
  good(desk.device.sync());
  sync::Change foreign = desk.device.fresh(sync::Intent::create, random_id<TicketId>(desk.environment));
  foreign.fields = {{sync::FieldId::subject, "", "foreign", false}};
  desk.server.commit_foreign(foreign);
  desk.device.create("from the future");
  desk.server.alter = [](v1::ExchangeResponse& response) {
    response.clear_receipts();
    response.mutable_error()->set_code("UPGRADE_REQUIRED");
    response.mutable_error()->set_message("schema 9");
  };
  const auto result = desk.device.sync();
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::upgrade_required);
  CHECK(desk.device.subject(foreign.ticket) == "foreign");
  CHECK_FALSE(desk.device.state().paused.empty());
  CHECK(desk.device.head().acked_seq == 0);
  desk.server.alter = nullptr;
  desk.device.restart();
  good(desk.device.sync());
  CHECK(desk.device.pending() == 0);
}

}  // namespace tern::client::test
