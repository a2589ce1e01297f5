#include <filesystem>

#include "support/catch.hpp"
//
#include "house.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/zstd.hpp"
#include "tern/server/metrics.hpp"

namespace tern::test {
namespace {

server::Request asking(const std::string& method, const std::string& target) {
  server::Request request;
  request.method = method;
  request.target = target;
  return request;
}

}  // namespace

TEST_CASE("what is not there is a problem, not a page", "[server][access][routes]") {
  House house;
  for (const char* target : {"/", "/sync/v1/nothing", "/sync/v1/exchange/", "/../etc/passwd", "/apis"}) {
    const auto answer = house.get(target);
    CHECK(answer.status == 404);
    CHECK(problem_code(answer) == "not_found");
  }
  const auto wrong = house.get("/sync/v1/exchange");
  CHECK(wrong.status == 405);
  CHECK(wrong.header("allow") == "POST");
}

TEST_CASE("a body is refused by its head: type, coding, size, session", "[server][access][routes]") {
  House house;
  CHECK(house.post("/sync/v1/enrol", "x", "text/html").status == 415);
  auto coded = asking("POST", "/sync/v1/hello");
  coded.headers = {{"content-type", "application/octet-stream"}, {"content-encoding", "gzip"}};
  CHECK(house.send(coded).status == 415);
  auto large = asking("POST", "/sync/v1/hello");
  large.headers = {{"content-type", "application/octet-stream"}};
  large.content_length = 4097;
  CHECK(house.send(large).status == 413);
  CHECK(house.post("/sync/v1/exchange", "x", "application/x-protobuf").status == 401);
  CHECK(problem_code(house.post("/sync/v1/hello", "\x01x")) == "MALFORMED");
  CHECK(problem_code(house.post("/sync/v1/session", "\x01x")) == "MALFORMED");
}

TEST_CASE("a frame that unpacks to more than the cap, or is none, is refused under the session",
          "[server][access][routes]") {
  House house;
  house.add_operator("ann");
  Device device(house, "ann");
  must(device.open_session());
  const auto send = [&](const Bytes& body) {
    server::Request request;
    request.method = "POST";
    request.target = "/sync/v1/exchange";
    request.headers = {{"content-type", "application/x-protobuf"}, {"content-encoding", "zstd"}};
    protocol::RequestAuth auth;
    auth.session = device.session;
    auth.counter = ++device.counter;
    auth.time_ms = house.environment.wall_ms();
    auth.body_bytes = body.size();
    auth.body_digest = protocol::body_digest(body);
    protocol::RequestParts parts{request.method, request.target, "application/x-protobuf", "zstd", {}, {}, {}};
    request.headers.push_back({"tern-auth", protocol::seal_request(auth, parts, device.keys.request)});
    device.last_mac = auth.mac;
    request.body = server::RequestBody(body);
    return house.send(request);
  };
  const auto good = send(protocol::compress(device.request().SerializeAsString()));
  CHECK(good.status == 200);
  const auto bomb = send(protocol::compress(Bytes(64 * limits::mib, '\0')));  // scenario 14
  CHECK(bomb.status == 413);
  CHECK(device.proven(bomb));
  const auto noise = send("this is no frame");
  CHECK(noise.status == 400);
  CHECK(device.proven(noise));
  const auto no_message = send(protocol::compress(Bytes(1000, '\xff')));
  CHECK(no_message.status == 400);
  CHECK(device.proven(no_message));
}

TEST_CASE("a large answer travels as zstd, and an answer of the edge carries the session's MAC too",
          "[server][access][routes]") {
  House house;
  house.add_operator("ann", "supervisor");
  Device device(house, "ann", "all");
  must(device.open_session());
  for (int i = 0; i < 20; ++i) device.push(device.create(random_id<TicketId>(house.environment)));
  device.cursor = 0;
  const auto answer = device.exchange_raw(device.request());
  CHECK(answer.header("content-encoding") == "zstd");
  CHECK(device.proven(answer));
  for (const bool chunked : {false, true}) {  // refused by the head, and by the edge when it has read too much
    house.chunked = chunked;
    const auto too_large =
        device.send(device.signed_request("POST", "/sync/v1/exchange", Bytes(2 * limits::mib + 1, 'x')));
    CHECK(too_large.status == 413);
    CHECK(device.proven(too_large));
  }
}

TEST_CASE("a request with more fields than an exchange has is refused before they are given memory",
          "[server][access][routes]") {
  House house;
  house.add_operator("ann", "supervisor");
  Device device(house, "ann", "all");
  must(device.open_session());
  const Bytes good = device.request().SerializeAsString();
  Bytes empty_sets, empty_packs;
  for (int i = 0; i < 600; ++i) {
    empty_sets += Bytes("\x42\x00", 2);   // change_sets, of no bytes
    empty_packs += Bytes("\x3a\x00", 2);  // pack_versions
  }
  for (const Bytes& many : {empty_sets, empty_packs}) {
    const auto refused = device.send(device.signed_request("POST", "/sync/v1/exchange", good + many));
    CHECK(refused.status == 413);
    CHECK(problem_code(refused) == "too_large");
    CHECK(device.proven(refused));
  }
  CHECK(device.exchange_raw(device.request()).status == 200);
}

TEST_CASE("health says what keeps the server from taking work in", "[server][access][routes]") {
  House house;
  house.add_operator("ann", "supervisor");
  Device device(house, "ann", "all");
  server::DiskSpace space{100ULL << 30, 50ULL << 30};
  house.core.reset();
  auto options = house.options();
  options.ballast_bytes = 1 << 20;
  options.disk_space = [&](const std::string&) { return space; };
  house.core = must(server::ServerCore::open(options, house.environment));
  must(device.open_session());
  const std::string ballast = house.options().directory + "/ballast";
  CHECK(std::filesystem::file_size(ballast) == 1 << 20);
  CHECK(house.get("/healthz").status == 200);
  const TicketId ticket = random_id<TicketId>(house.environment);
  const auto change = device.create(ticket);
  const Bytes set = device.seal({change});
  auto request = device.request();
  request.add_change_sets(set);

  const auto refused = [&] {
    const auto answer = device.send(device.signed_request("POST", "/sync/v1/exchange", request.SerializeAsString()));
    const auto health = house.get("/healthz");
    CHECK(health.status == (answer.status == 200 ? 200 : 503));
    if (answer.status == 200) return false;
    CHECK(answer.status == 507);
    CHECK(must(parse_json(health.body))["reason"].as_string() == "storage_full");
    CHECK(health.header("retry-after") == "5");
    return true;
  };
  SECTION("little room: work is refused, the ballast stays") {
    space.free_bytes = 900ULL << 20;
    house.tick();
    CHECK(refused());
    CHECK(std::filesystem::exists(ballast));
  }
  SECTION("no room: the ballast is given up, reads, export and revocation go on") {
    space.free_bytes = 1 << 20;
    house.tick();
    CHECK_FALSE(std::filesystem::exists(ballast));
    CHECK(refused());
    CHECK(device.exchange_raw(device.request()).status == 200);
    house.command(cmd("status"));
    house.command(
        cmd("operator add", {{"email", Json("bob@example.org")}, {"name", Json("bob")}, {"role", Json("operator")}}));
  }
  space.free_bytes = 50ULL << 30;
  house.tick();
  CHECK(std::filesystem::exists(ballast));
  CHECK_FALSE(refused());

  house.core->close_streams();
  const auto draining = house.get("/healthz");
  CHECK(draining.status == 503);
  CHECK(must(parse_json(draining.body))["reason"].as_string() == "draining");
}

TEST_CASE("health says that the files are old ones, and says so after a restart", "[server][access][routes]") {
  House house;
  house.add_operator("ann", "supervisor");
  Device device(house, "ann", "all");
  must(device.open_session());
  device.push(device.create(random_id<TicketId>(house.environment)));
  const std::string files = house.options().directory, old = house.folder.file("old");
  house.core.reset();
  std::filesystem::copy(files, old, std::filesystem::copy_options::recursive);
  house.reopen();
  must(device.open_session());
  house.environment.advance(2'000);  // anchors are shared for a second
  device.push(device.create(random_id<TicketId>(house.environment)));
  house.environment.advance(2'000);
  auto request = device.request();
  request.set_held_anchor(device.exchange().anchor());

  house.core.reset();
  std::filesystem::remove_all(files);
  std::filesystem::rename(old, files);
  house.reopen();
  CHECK(house.get("/healthz").status == 200);  // nobody has shown it yet
  must(device.open_session());
  static_cast<void>(device.exchange_raw(request));
  for (int run = 0; run < 2; ++run) {
    const auto health = house.get("/healthz");
    CHECK(health.status == 503);
    CHECK(must(parse_json(health.body))["status"].as_string() == "not_ready");
    CHECK(must(parse_json(health.body))["reason"].as_string() == "SERVER_BEHIND");
    house.reopen();
  }
}

TEST_CASE("a small disk has a small ballast, which what must go through takes at once", "[server][access][routes]") {
  House house;
  house.add_operator("ann", "supervisor");
  Device device(house, "ann", "all");
  server::DiskSpace space{90ULL << 20, 80ULL << 20};
  house.core.reset();
  auto options = house.options();
  options.ballast_bytes = 64ULL << 20;
  options.disk_space = [&](const std::string&) { return space; };
  house.core = must(server::ServerCore::open(options, house.environment));
  const std::string ballast = options.directory + "/ballast";
  REQUIRE(std::filesystem::exists(ballast));
  CHECK(std::filesystem::file_size(ballast) == space.total_bytes / 8);

  // The log of endings cannot be written: as on a disk without a byte left.
  std::filesystem::create_symlink("/dev/full", options.directory + "/erasures.log");
  const Json revoke = cmd("device revoke", {{"device", Json(to_uuid_text(device.certificate.device.view()))}});
  CHECK(house.try_command(revoke).error().code == ErrorCode::storage_full);
  CHECK_FALSE(std::filesystem::exists(ballast));
  std::filesystem::remove(options.directory + "/erasures.log");
  CHECK(house.try_command(revoke));
  house.tick();
  CHECK(std::filesystem::exists(ballast));  // there is room again

  // A disk of another size: the ballast follows.
  house.core.reset();
  space.total_bytes = 200ULL << 20;
  house.core = must(server::ServerCore::open(options, house.environment));
  CHECK(std::filesystem::file_size(ballast) == space.total_bytes / 8);
}

TEST_CASE("health is for everybody, numbers for this machine", "[server][access][routes]") {
  House house;
  CHECK(house.get("/healthz").status == 200);
  CHECK(must(parse_json(house.get("/healthz").body))["status"].as_string() == "ok");
  CHECK(house.get("/metrics").status == 404);
  house.peer = "127.0.0.1";
  house.core->add_metrics([] { return server::metrics_text(server::EdgeCounters{}); });
  const auto numbers = house.get("/metrics");
  CHECK(numbers.status == 200);
  for (const char* name : {"tern_exchanges_total", "tern_sessions", "tern_commit_seq{tenant=", "tern_connections_open"})
    CHECK(numbers.body.find(name) != std::string::npos);
  auto proxied = asking("GET", "/metrics");
  proxied.headers = {{"x-forwarded-for", "192.0.2.1"}};
  CHECK(house.send(proxied).status == 404);
  const auto named = [&](const std::string& host) {
    auto request = asking("GET", "/metrics");
    request.headers = {{"host", host}};
    return house.send(request).status;
  };
  for (const char* host : {"127.0.0.1:8470", "localhost", "[::1]:8470"}) CHECK(named(host) == 200);
  for (const char* host : {"rebound.example:8470", "127.0.0.1.rebound.example", "[2001:db8::1]"})
    CHECK(named(host) == 404);
}

TEST_CASE("log lines are JSON without query, codes, keys or texts", "[server][access][routes]") {
  House house;
  house.add_operator("ann", "supervisor");
  Device device(house, "ann", "all");
  must(device.open_session());
  device.push(device.create(random_id<TicketId>(house.environment), "canary subject"));
  house.post("/sync/v1/enrol?secret=canary", "x");
  const server::RequestRecord record{"r-1", "192.0.2.7", "POST", "/sync/v1/exchange", 200, {}, 10, 20, 30};
  house.core->log().write(record);
  REQUIRE_FALSE(house.log.empty());
  for (const std::string& line : house.log) {
    const Json parsed = must(parse_json(line));
    CHECK(parsed["time"].is_string());
    CHECK(parsed["event"].is_string());
    for (const std::string& secret : {std::string("canary"), to_hex(device.session), to_hex(device.key.seed().view()),
                                      std::string("a good password")})
      CHECK(line.find(secret) == std::string::npos);
  }
  CHECK(must(parse_json(house.log.back()))["status"].as_integer() == 200);
}

}  // namespace tern::test
