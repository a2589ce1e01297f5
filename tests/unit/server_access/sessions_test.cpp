#include "support/catch.hpp"
//
#include "access/sessions.hpp"
#include "house.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::test {
namespace {

struct Pair {
  House house;
  std::unique_ptr<Device> device;
  Pair() {
    house.add_operator("ann", "supervisor");
    device = std::make_unique<Device>(house, "ann", "all");
    must(device->open_session());
  }
};

Json row(House& house) {
  return house.command(Json::object({{"command", Json("device list")}}))["rows"].items()[0];
}
void revoke(House& house) {
  house.command(Json::object({{"command", Json("device revoke")}, {"device", row(house)["id"]}}));
}

}  // namespace

TEST_CASE("a session begins with a signed handshake and carries exchanges", "[server][access][session]") {
  Pair p;
  CHECK(p.device->mode == protocol::SessionMode::full);
  const TicketId ticket = random_id<TicketId>(p.house.environment);
  const auto response = p.device->push(p.device->create(ticket));
  const auto receipts = p.device->receipts(response);
  REQUIRE(receipts.receipts.size() == 1);
  CHECK(receipts.receipts[0].chain_seq == 1);
  CHECK(response.patches_size() == 1);
  CHECK(response.acked_head().chain_seq() == 1);
}

TEST_CASE("a welcome tells where the device's own chain stands", "[server][access][session]") {
  Pair p;
  p.device->push(p.device->create(random_id<TicketId>(p.house.environment)));
  p.device->push(p.device->create(random_id<TicketId>(p.house.environment)));
  const auto welcome = must(p.device->open_session());
  CHECK(welcome.chain.chain_seq == 2);
  CHECK(welcome.chain.hash == p.device->head.hash);
  CHECK(protocol::judge_head(p.device->server_head, welcome.head, welcome.consistency));
}

TEST_CASE("a request counts once, and what is refused under a session carries a MAC", "[server][access][session]") {
  Pair p;
  const auto request = p.device->signed_request("POST", "/sync/v1/exchange", p.device->request().SerializeAsString());
  CHECK(p.device->send(request).status == 200);
  const auto again = p.device->send(request);
  CHECK(again.status == 401);
  CHECK(problem_code(again) == "replayed");
  CHECK(p.device->proven(again));
  CHECK(p.device->exchange().nonce().size() == 16);  // the session goes on
}

TEST_CASE("requests come in any order within the window", "[server][access][session]") {
  Pair p;
  const auto first = p.device->signed_request("POST", "/sync/v1/exchange", p.device->request().SerializeAsString());
  const auto second = p.device->signed_request("POST", "/sync/v1/exchange", p.device->request().SerializeAsString());
  CHECK(p.device->send(second).status == 200);
  CHECK(p.device->send(first).status == 200);
}

TEST_CASE("recorded requests say nothing to a server that was started again", "[server][access][session]") {
  Pair p;
  const auto request = p.device->signed_request("POST", "/sync/v1/exchange", p.device->request().SerializeAsString());
  CHECK(p.device->send(request).status == 200);
  p.house.reopen();  // scenario 7
  const auto answer = p.device->send(request);
  CHECK(answer.status == 401);
  CHECK(problem_code(answer) == "session_unknown");
  CHECK(answer.header("tern-auth-answer").empty());
  must(p.device->open_session());
  CHECK(p.device->exchange().nonce().size() == 16);
}

TEST_CASE("whatever a request's MAC covers cannot be altered", "[server][access][session]") {
  Pair p;
  const auto good = p.device->signed_request("POST", "/sync/v1/exchange", p.device->request().SerializeAsString());
  SECTION("the target") {
    auto bad = good;
    bad.target = "/sync/v1/exchange?x=1";
    CHECK(problem_code(p.device->send(bad)) == "mac_invalid");
  }
  SECTION("the content coding") {
    auto bad = good;
    bad.headers.push_back({"content-encoding", "zstd"});
    CHECK(problem_code(p.device->send(bad)) == "mac_invalid");
  }
  SECTION("a range") {
    auto bad = good;
    bad.headers.push_back({"range", "bytes=0-1"});
    CHECK(problem_code(p.device->send(bad)) == "mac_invalid");
  }
  SECTION("the body, which is found out at its end and answered under the session") {
    auto bad = good;
    Bytes body = must(good.body.read_all());
    body[3] = static_cast<char>(body[3] ^ 1);
    bad.body = server::RequestBody(body);
    const auto answer = p.device->send(bad);
    CHECK(problem_code(answer) == "mac_invalid");
    CHECK(p.device->proven(answer));
    CHECK(p.device->exchange_raw(p.device->request()).status == 200);
    return;  // its counter is used up
  }
  SECTION("the MAC itself, the counter, the time") {
    const std::string header(good.header("tern-auth"));
    for (const char* part : {"mac=", "ctr=", "ts="}) {
      auto bad = good;
      std::string altered = header;
      char& c = altered[header.find(part) + std::string(part).size()];
      c = c == '1' ? '2' : '1';
      bad.headers.back().value = altered;
      CHECK(problem_code(p.device->send(bad)) == "mac_invalid");
    }
  }
  SECTION("nothing of the header's form") {
    for (const std::string& header : {std::string("v=1"), std::string(good.header("tern-auth")) + ",x=1",
                                      std::string("v=2") + std::string(good.header("tern-auth")).substr(3)}) {
      auto bad = good;
      bad.headers.back().value = header;
      CHECK(problem_code(p.device->send(bad)) == "MALFORMED");
    }
  }
  CHECK(p.device->send(good).status == 200);  // what was refused used nothing up
}

TEST_CASE("a session's name opens nothing by itself", "[server][access][session]") {
  Pair p;
  server::Request bare;
  bare.method = "POST";
  bare.target = "/sync/v1/exchange";
  bare.headers = {{"content-type", "application/x-protobuf"},
                  {"x-mobile-token", to_hex(p.device->session)}};  // scenario 3
  bare.body = server::RequestBody(p.device->request().SerializeAsString());
  const auto answer = p.house.send(bare);
  CHECK(answer.status == 401);
  CHECK(problem_code(answer) == "mac_required");
}

TEST_CASE("a clock eleven months off is told the server's time, and is no reason to fail",
          "[server][access][session]") {
  Pair p;
  p.device->clock_error_ms = -330LL * 86'400'000;
  const auto refused = p.device->exchange_raw(p.device->request());
  CHECK(problem_code(refused) == "clock_skew");
  CHECK(p.device->proven(refused));
  CHECK(must(parse_json(refused.body))["server_time_ms"].as_integer() == p.house.environment.wall_ms());
  p.device->clock_error_ms = 3'600'000;  // coarse: an hour is nothing
  CHECK(p.device->exchange_raw(p.device->request()).status == 200);
}

TEST_CASE("a session ends after twelve hours, and after one of silence", "[server][access][session]") {
  Pair p;
  SECTION("silence") {
    p.house.environment.advance(limits::session_idle_ms + 1);
    CHECK(problem_code(p.device->exchange_raw(p.device->request())) == "session_unknown");
  }
  SECTION("age") {
    for (int i = 0; i < 12; ++i) {
      p.house.environment.advance(limits::session_idle_ms - 1);
      if (i < 11) CHECK(p.device->exchange_raw(p.device->request()).status == 200);
    }
    p.house.environment.advance(20);
    CHECK(problem_code(p.device->exchange_raw(p.device->request())) == "session_unknown");
  }
  SECTION("and is forgotten") {
    p.house.environment.advance(limits::session_ttl_ms);
    p.house.tick();
    CHECK(p.house.command(Json::object({{"command", Json("status")}}))["sessions"].as_integer() == 0);
  }
}

TEST_CASE("a handshake is used once, within a minute", "[server][access][session]") {
  Pair p;
  protocol::DeviceHandshake handshake(
      {p.device->certificate.tenant, p.device->certificate.device, p.device->key.id(), p.device->root});
  const auto challenge = p.house.post("/sync/v1/hello", protocol::encode(handshake.hello()));
  const Bytes proof =
      protocol::encode(handshake.answer(must(protocol::decode_session_challenge(challenge.body)),
                                        {p.device->head, p.device->server_head}, p.device->key, p.house.environment));
  SECTION("once") {
    CHECK(p.house.post("/sync/v1/session", proof).status == 200);
    CHECK(problem_code(p.house.post("/sync/v1/session", proof)) == "session_unknown");
  }
  SECTION("a minute") {
    p.house.environment.advance(limits::handshake_ttl_ms + 1);
    CHECK(problem_code(p.house.post("/sync/v1/session", proof)) == "session_unknown");
  }
  SECTION("by its own key only") {
    Bytes bad = proof;
    bad.back() = static_cast<char>(bad.back() ^ 1);
    const auto refused = p.house.post("/sync/v1/session", bad);
    CHECK(problem_code(refused) == "login_refused");
    CHECK(problem_code(p.house.post("/sync/v1/session", proof)) == "session_unknown");  // no second guess
  }
}

TEST_CASE("nobody learns from a hello which devices there are", "[server][access][session]") {
  Pair p;
  protocol::SessionHello known{p.device->certificate.tenant, p.device->certificate.device, p.device->key.id()};
  protocol::SessionHello unknown{p.device->certificate.tenant, random_id<DeviceId>(p.house.environment),
                                 p.device->key.id()};
  const auto to_known = p.house.post("/sync/v1/hello", protocol::encode(known)),
             to_unknown = p.house.post("/sync/v1/hello", protocol::encode(unknown));
  CHECK(to_known.status == to_unknown.status);
  CHECK(to_known.body.size() == to_unknown.body.size());
}

TEST_CASE("a ninth session of a device ends its oldest", "[server][access][session]") {
  Pair p;
  const auto first = p.device->session;
  const auto first_keys = p.device->keys.clone();
  for (int i = 0; i < 8; ++i) must(p.device->open_session());
  p.device->session = first;
  p.device->keys = first_keys.clone();
  p.device->counter = 0;
  CHECK(problem_code(p.device->exchange_raw(p.device->request())) == "session_unknown");
}

TEST_CASE("a revoked device's session is over at once; what it has may be handed in, and nothing comes back",
          "[server][access][revocation]") {
  Pair p;
  p.device->push(p.device->create(random_id<TicketId>(p.house.environment), "before"));
  const Bytes offline = p.device->seal({p.device->create(random_id<TicketId>(p.house.environment), "honest work")});
  revoke(p.house);
  CHECK(row(p.house)["state"].as_string() == "revoked");
  CHECK(problem_code(p.device->exchange_raw(p.device->request())) == "session_unknown");

  must(p.device->open_session());
  CHECK(p.device->mode == protocol::SessionMode::deposit);
  v1::ExchangeRequest asked = p.device->request();
  asked.mutable_cursor()->set_commit_seq(0);
  asked.add_change_sets(offline);
  const auto response = p.device->exchange(asked);
  CHECK(response.patches_size() == 0);
  CHECK(response.packs_size() == 0);
  CHECK(response.statements_size() >= 1);  // its revocation, signed
  CHECK(p.house.command(Json::object({{"command", Json("status")}}))["rows"].items()[0]["tickets"].as_integer() == 1);
}

TEST_CASE("a disabled operator's devices are out together", "[server][access][revocation]") {
  Pair p;
  Device second(p.house, "ann");
  must(second.open_session());
  p.house.command(Json::object({{"command", Json("operator disable")}, {"operator", Json("ann")}}));
  CHECK(problem_code(p.device->exchange_raw(p.device->request())) == "session_unknown");
  CHECK(problem_code(second.exchange_raw(second.request())) == "session_unknown");
  const Json devices = p.house.command(Json::object({{"command", Json("device list")}}));
  for (const Json& device : devices["rows"].items()) CHECK(device["state"].as_string() == "revoked");
}

TEST_CASE("hellos that others leave half done lock nobody out", "[server][access][session]") {
  Pair p;
  protocol::SessionHello hello;
  hello.tenant = p.device->certificate.tenant;
  const auto flood = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      REQUIRE(p.house.post("/sync/v1/hello", protocol::encode(hello)).status == 200);
  };
  flood(server::handshakes_per_address_max + 10);
  CHECK(p.device->open_session());  // at the same address
  for (int i = 0; i < 12; ++i) {
    p.house.peer = "198.51.100." + std::to_string(i);
    flood(server::handshakes_per_address_max);
  }
  p.house.peer = "192.0.2.99";
  CHECK(p.device->open_session());
}

}  // namespace tern::test
