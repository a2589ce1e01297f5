// The security scenarios that concern devices, server and what lies between them. Each has a tag, wherever its tests
// are: `world_tests "[scenario-9]"`. With real programs (`process_tests`): 1, 8 and 12 in tests/process/away_test, 2,
// 6, 13 and 14 in its key_holder_test, 3 to 7, 9, 10 and 14 in its security_test.
//
//  1  the boot clock rewound by 5 h                          time_test
//  2  another author, another device's id under one's key    here
//  3  a session's id in the place of a token                 here
//  4  a proxy in the handshake; who does not know the code   here; unit/protocol/session_test, enrolment_test
//  5  a race for one code; a lost answer                     here
//  6  no body at first push; erased stays erased, everywhere here, erasure_test
//  7  recorded requests after a restart and a restore        here
//  8  day 400 without a ceremony                             time_test
//  9  a captive portal, a forged 401, a forged revocation    here; unit/client_sync/faults_test
// 10  thief and owner push by turns                          forks_test
// 11  a revocation between verify and commit                 ended_devices_test; unit/server_ingest/chain_test
// 12  the server's clock a year ahead for a minute           time_test
// 13  `seen` of 2^63; `seen` across a restore                here; unit/server_ingest/store_test, time_test
// 14  a gigabyte in 32 KiB, both ways                        here; unit/protocol/content_test
// 15  the local web interface: there is none yet
#include "exchange/sync_state.hpp"
#include "ingest/devices.hpp"
#include "outbox/outbox.hpp"
#include "support/world_intruder.hpp"
#include "support/zstd_bomb.hpp"
#include "tern/protocol/enrolment.hpp"
#include "tern/protocol/zstd.hpp"

using namespace tern;
using namespace tern::test;

namespace {

/// Outbox and replica as they are: what must not change.
struct Held {
  std::string outbox, view;
  client::SyncStatus status;
};

Held held(Device& device, const TicketId& ticket) {
  Held now{{}, device.view(ticket), device.status()};
  for (const client::HistoryEntry& entry : device.history()) now.outbox += to_text(client::to_json(entry)) + "\n";
  return now;
}

void check_unchanged(const Held& before, const Held& after) {
  CHECK(before.view == after.view);
  CHECK(before.status.cursor == after.status.cursor);
  CHECK(before.status.confirmed == after.status.confirmed);
  CHECK(before.status.saved_here + before.status.sent == after.status.saved_here + after.status.sent);
  CHECK(before.status.tickets == after.status.tickets);
}

std::uint64_t newest_commit(World& world, Device& device) {
  return world.server.tenant(device.tenant()).commit_seq();
}

/// Sends at once, and lets a test stand in between.
class Proxy final : public client::Transport {
public:
  Proxy(World& world, std::string address) : world_(world), address_(std::move(address)) {}
  Result<client::HttpAnswer> send(const client::HttpRequest& request) override {
    requests.push_back(request);
    if (answer_instead) return answer_instead(request);
    auto answer = world_.server.handle(request, address_);
    if (lose_answers > 0) {
      --lose_answers;
      return fail(ErrorCode::no_connection, "the line broke");
    }
    return answer;
  }

  std::vector<client::HttpRequest> requests;
  int lose_answers = 0;
  std::function<Result<client::HttpAnswer>(const client::HttpRequest&)> answer_instead;

private:
  World& world_;
  std::string address_;
};

}  // namespace

TEST_CASE(
    "a set signed by one device's key under another author, or another device's id, is refused and changes nothing",
    "[world][security][scenario-2]") {
  World world{Seed::from_environment_or(71)};
  Device& evil = world.add_device("evil", {.role = "operator"});
  Device& admin = world.add_device("boss", {.role = "admin"});
  const TicketId ticket = admin.create("target");
  CHECK(world.run_until_quiet());
  const std::uint64_t before = newest_commit(world, evil);

  Intruder intruder(world, evil);
  must(intruder.begin_session());
  auto header = intruder.next_header();
  header.author = admin.operator_id();
  const auto as_author = must(intruder.push(intruder.seal(header, {intruder.note(ticket, "the boss says so")})));
  CHECK(as_author.error().code() == "AUTHOR_MISMATCH");
  CHECK(as_author.error().retry() == "NEVER");
  header = intruder.next_header();
  header.device = admin.identity().device;
  const auto as_device =
      must(intruder.push(intruder.seal(header, {intruder.note(ticket, "the boss's device says so")})));
  CHECK(as_device.error().code() == "KEY_UNKNOWN");
  Bytes broken = intruder.seal(intruder.next_header(), {intruder.note(ticket, "bad signature")});
  broken[20] ^= 1;
  CHECK(must(intruder.push(broken)).has_error());
  CHECK(newest_commit(world, evil) == before);
  CHECK(must(world.server.read(evil.tenant())->int64_of("SELECT count(*) FROM fork")) ==
        0);  // none of it counts as a fork

  evil.note(ticket, "honest again");
  CHECK(world.run_until_quiet());
  CHECK(admin.show(ticket).timeline.size() == 2);
  CHECK(world.invariants_hold());
}

TEST_CASE("what names nothing it was not given is refused: no body at first push, gaps, other histories",
          "[world][security][scenario-6]") {
  World world{Seed::from_environment_or(72)};
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("target");
  CHECK(world.run_until_quiet());
  const std::uint64_t before = newest_commit(world, van);
  Intruder intruder(world, van);
  must(intruder.begin_session());

  auto set = must(
      protocol::decode_change_set(intruder.seal(intruder.next_header(), {intruder.note(ticket, "canary of a body")})));
  set.changes.front() = set.changes.front().without_content();
  const auto bodiless = must(intruder.push(protocol::encode(set)));
  CHECK(bodiless.error().code() == "CONTENT_MISSING");
  CHECK(bodiless.error().retry() == "NEVER");

  auto header = intruder.next_header();
  header.chain_seq += 1;
  const auto gap = must(intruder.push(intruder.seal(header, {intruder.note(ticket, "one too far")})));
  CHECK(gap.error().code() == "CHAIN_GAP");
  CHECK(gap.error().expected_seq() == intruder.next_header().chain_seq);
  header = intruder.next_header();
  header.schema_version = 99;
  CHECK(must(intruder.push(intruder.seal(header, {intruder.note(ticket, "from the future")}))).error().code() ==
        "UPGRADE_REQUIRED");
  CHECK(newest_commit(world, van) == before);

  // A change on a ticket that nobody has: held in an ordinary receipt, and the next set is taken.
  const auto orphan = must(intruder.push(
      intruder.seal(intruder.next_header(), {intruder.note(random_id<TicketId>(van.environment), "orphan")})));
  CHECK_FALSE(orphan.has_error());
  CHECK_FALSE(orphan.receipts().empty());
  CHECK(newest_commit(world, van) == before + 1);
  const auto standing =
      must(world.server.read(van.tenant())->int64_of("SELECT standing FROM change ORDER BY commit_seq DESC LIMIT 1"));
  CHECK(standing == static_cast<std::int64_t>(Outcome::held));
  const ChangeRef next = van.note(ticket, "the next one");
  CHECK(world.run_until_quiet());
  CHECK(van.fate(next).outcome == Outcome::applied);
  CHECK(world.invariants_hold());
}

TEST_CASE("a session's id is a name: without a MAC it opens nothing, whatever header it comes in",
          "[world][security][scenario-3]") {
  World world{Seed::from_environment_or(73)};
  Device& van = world.add_device("van");
  Intruder intruder(world, van);
  must(intruder.begin_session());
  const std::string sid = to_hex(intruder.welcome.session);
  for (const auto& [header, value] : {std::pair<std::string, std::string>{"x-mobile-token", sid},
                                      {"x-mobile-token", "mt_" + sid},
                                      {"authorization", "Bearer " + sid},
                                      {"cookie", "sid=" + sid}}) {
    client::HttpRequest request;
    request.target = "/sync/v1/exchange";
    request.headers = {{"content-type", "application/x-protobuf"}, {header, value}};
    const auto answer = must(world.server.handle(request, "10.6.6.6"));
    CHECK(answer.status == 401);
    CHECK(answer.body.find("mac_required") != std::string::npos);
  }
  CHECK(world.invariants_hold());
}

TEST_CASE("a proxy that puts its own signature under the handshake gets nothing from the device",
          "[world][security][scenario-4]") {
  World world{Seed::from_environment_or(74)};
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("proxied");
  CHECK(world.run_until_quiet());
  van.note(ticket, "must not reach the proxy");
  const Held before = held(van, ticket);
  van.close();
  van.open();  // a new session is due
  VirtualEnvironment environment(world.seed.value);
  const protocol::SigningKey own = client::HomeSecret::generate(environment).signing_key();
  std::size_t exchanges = 0;
  world.network.on_answer = [&](const std::string&, const client::HttpRequest& request, client::HttpAnswer& answer) {
    if (request.target == "/sync/v1/exchange") ++exchanges;
    if (request.target != "/sync/v1/session" || answer.status != 200) return;
    auto welcome = must(protocol::decode_session_welcome(answer.body));
    welcome.signature = own.sign("TRN1-HS");
    answer.body = protocol::encode(welcome);
  };
  CHECK_FALSE(van.sync());
  CHECK(exchanges == 0);
  CHECK(van.fault()->code == ErrorCode::no_connection);
  check_unchanged(before, held(van, ticket));
  world.network.on_answer = nullptr;
  CHECK(world.run_until_quiet());
  CHECK(van.status().saved_here == 0);
  CHECK(world.invariants_hold());
}

TEST_CASE("a server that does not know the code cannot answer an enrolment, and the code still works",
          "[world][security][enrolment][scenario-4]") {
  World world{Seed::from_environment_or(75)};
  World impostor{Seed::from_environment_or(75).child("impostor")};
  world.add_operator("ann");
  impostor.add_operator("ann");
  const std::string code = world.enrolment_code("ann");
  VirtualEnvironment environment(7);
  const std::string home = world.folder.file("ann");
  Proxy proxy(world, "10.1.0.1");
  int answers = 0;
  proxy.answer_instead = [&](const client::HttpRequest& request) -> Result<client::HttpAnswer> {
    ++answers;
    if (answers == 1) return impostor.server.handle(request, "10.1.0.1");  // it has no such code
    // It makes one up: everything in the answer is in order but for the code, which it cannot know.
    server::Tenant& tenant = impostor.server.tenant(impostor.server.first_tenant());
    const protocol::EnrolmentCode guess = protocol::EnrolmentCode::generate(environment);
    protocol::Certificate certificate;
    certificate.serial = 1;
    certificate.tenant = tenant.id();
    certificate.root = protocol::key_id(tenant.keys().roots.front());
    protocol::EnrolmentAnswer made{protocol::sign_statement(certificate, tenant.keys().log).wire,
                                   tenant.keys().roots,
                                   tenant.keys().key_list,
                                   must(tenant.anchor())->wire,
                                   "World",
                                   "ann"};
    client::HttpAnswer answer;
    answer.status = 200;
    answer.headers = {{"content-type", "application/octet-stream"}};
    answer.body = protocol::make_enrolment_answer(made, request.body, guess.key());
    return answer;
  };
  for (int i = 0; i < 2; ++i) {
    const auto refused = world.enrol(home, code, proxy, environment);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::login_refused);
    CHECK_FALSE(client::Client::open({.home = home}, environment));
  }
  for (const client::HttpRequest& request : proxy.requests) {
    CHECK(request.body.find(code) == std::string::npos);  // the code never travels
    std::string plain = code;
    std::erase(plain, '-');
    CHECK(request.body.find(plain) == std::string::npos);
  }
  proxy.answer_instead = nullptr;
  CHECK(world.enrol(home, code, proxy, environment));
  CHECK(world.invariants_hold());
}

TEST_CASE("one code makes one device: a race has one winner, a lost answer costs nothing, every refusal reads alike",
          "[world][security][enrolment][scenario-5]") {
  World world{Seed::from_environment_or(76)};
  world.add_operator("ann");
  const std::string code = world.enrolment_code("ann");
  VirtualEnvironment first(1), second(2), third(3);
  Proxy lossy(world, "10.1.0.1"), other(world, "10.1.0.2"), late(world, "10.1.0.3");
  lossy.lose_answers = 1;
  const auto lost = world.enrol(world.folder.file("first"), code, lossy, first);
  REQUIRE_FALSE(lost);
  CHECK(lost.error().code == ErrorCode::no_connection);

  const auto loser = world.enrol(world.folder.file("second"), code, other, second);
  REQUIRE_FALSE(loser);
  CHECK(loser.error().code == ErrorCode::login_refused);
  const auto winner = world.enrol(world.folder.file("first"), code, lossy, first);  // asks again with the key it made
  REQUIRE(winner);
  CHECK(lossy.requests[0].body == lossy.requests[1].body);
  const auto devices = world.server.administer("device list", {{"operator", Json("ann")}});
  CHECK(devices["rows"].size() == 1);

  const auto wrong =
      world.enrol(world.folder.file("wrong"), protocol::EnrolmentCode::generate(third).to_text(), late, third);
  REQUIRE_FALSE(wrong);
  const std::string expiring = world.enrolment_code("ann");
  world.pass(minutes_ms(11));
  const auto expired = world.enrol(world.folder.file("expired"), expiring, late, third);
  REQUIRE_FALSE(expired);
  CHECK(wrong.error().message == loser.error().message);
  CHECK(expired.error().message == loser.error().message);

  Proxy guesser(world, "10.6.6.6");
  ErrorCode answer = ErrorCode::login_refused;
  for (int i = 0; i < 11; ++i) {
    const auto guessed = world.enrol(world.folder.file("guess" + std::to_string(i)),
                                     protocol::EnrolmentCode::generate(third).to_text(), guesser, third);
    REQUIRE_FALSE(guessed);
    answer = guessed.error().code;
  }
  CHECK(answer == ErrorCode::rate_limited);
  CHECK(world.invariants_hold());
}

TEST_CASE("recorded requests do nothing when they come again: at once, after a restart, after a restore",
          "[world][security][scenario-7]") {
  World world{Seed::from_environment_or(77)};
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("recorded");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  std::vector<client::HttpRequest> recorded;
  world.network.on_request = [&](const std::string&, client::HttpRequest& request) { recorded.push_back(request); };
  van.close();
  van.open();
  van.note(ticket, "recorded work");
  CHECK(world.run_until_quiet());
  world.network.on_request = nullptr;
  const auto play_again = [&](std::string_view why) {
    INFO(why);
    const std::uint64_t before = newest_commit(world, van);
    std::size_t exchanges = 0;
    for (const client::HttpRequest& request : recorded) {
      const auto answer = must(world.server.handle(request, "10.6.6.6"));
      if (request.target == "/sync/v1/hello") continue;  // anybody may ask for a challenge
      CHECK(answer.status != 200);
      if (request.target == "/sync/v1/exchange") ++exchanges;
    }
    CHECK(exchanges > 0);
    CHECK(newest_commit(world, van) == before);
  };
  play_again("at once");
  world.server.restart();
  play_again("after a restart");
  world.server.restore(backup);
  world.forget_acknowledged();
  play_again("after a restore");
  CHECK(world.run_until_quiet());
  CHECK(van.show(ticket).timeline.size() == 2);
  CHECK(world.invariants_hold());
}

TEST_CASE("a captive portal, a forged 401, a forged revocation: outbox and copy stay as they were",
          "[world][security][scenario-9]") {
  World world{Seed::from_environment_or(78)};
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("portal");
  van.note(ticket, "confirmed");
  CHECK(world.run_until_quiet());
  van.note(ticket, "not sent yet");
  const Held before = held(van, ticket);

  VirtualEnvironment environment(9);
  const protocol::SigningKey forger = client::HomeSecret::generate(environment).signing_key();
  protocol::Revocation revocation;
  revocation.tenant = van.tenant();
  revocation.device = van.identity().device;
  revocation.key = van.identity().key;
  v1::ExchangeResponse forged;
  forged.add_statements(protocol::sign_statement(revocation, forger).wire);
  forged.mutable_error()->set_code("KEY_REVOKED");
  const auto answer = [](int status, std::string type, Bytes body, std::string encoding = {}) {
    client::HttpAnswer made;
    made.status = status;
    made.headers = {{"content-type", std::move(type)}};
    if (!encoding.empty()) made.headers.emplace_back("content-encoding", std::move(encoding));
    made.body = std::move(body);
    return made;
  };
  const std::vector<client::HttpAnswer> portals{
      answer(200, "text/html", "<html>Welcome to the hotel. Log in.</html>"),
      answer(302, "text/html", ""),
      answer(500, "text/plain", "boom"),
      answer(401, "application/problem+json", R"({"code":"key_revoked","title":"Your key is revoked","status":401})"),
      answer(401, "application/problem+json", R"({"code":"session_unknown","title":"no","status":401})"),
      answer(403, "application/problem+json", R"({"code":"login_refused","title":"no","status":403})"),
      answer(200, "application/x-protobuf", forged.SerializeAsString()),
      answer(200, "application/x-protobuf", zstd_bomb(), "zstd"),
      answer(200, "application/octet-stream", Bytes(100, '\0')),
  };
  for (const client::HttpAnswer& instead : portals) {
    for (const bool new_session : {false, true}) {
      INFO(instead.status << " " << instead.body.substr(0, 40) << (new_session ? " in a new session" : ""));
      if (new_session) {
        van.close();
        van.open();
      } else {
        world.network.portal = nullptr;
        must(van.sync());  // a session is open, and work waits
        van.note(ticket, "more, " + std::to_string(world.schedule.now_ms()));
      }
      const Held now = held(van, ticket);
      world.network.portal = [&](const client::HttpRequest&) { return instead; };
      const auto refused = van.sync();
      REQUIRE_FALSE(refused);
      CHECK_FALSE(refused.error().message.empty());
      check_unchanged(now, held(van, ticket));
      world.network.portal = nullptr;
    }
  }
  CHECK(before.status.tickets == van.status().tickets);
  CHECK(world.run_until_quiet());
  CHECK(van.status().saved_here == 0);
  CHECK(van.status().paused.empty());
  CHECK(world.invariants_hold());
}

TEST_CASE("the answer to another request, however well signed, is not taken for this one", "[world][security]") {
  World world{Seed::from_environment_or(79)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  const TicketId ticket = van.create("mixed up");
  CHECK(world.run_until_quiet());
  std::optional<client::HttpAnswer> earlier;
  world.network.on_answer = [&](const std::string& address, const client::HttpRequest& request,
                                client::HttpAnswer& answer) {
    if (address != van.address() || request.target != "/sync/v1/exchange") return;
    if (!earlier) {
      earlier = answer;
    } else {
      answer = *earlier;
    }
  };
  must(van.sync());
  REQUIRE(earlier);
  desk.note(ticket, "news");
  must(desk.sync());
  van.note(ticket, "mine");
  CHECK_FALSE(van.sync());
  CHECK(van.show(ticket).timeline.size() == 2);
  world.network.on_answer = nullptr;
  CHECK(world.run_until_quiet());
  CHECK(van.show(ticket).timeline.size() == 3);
  CHECK(world.invariants_hold());
}

TEST_CASE("a frame of 32 KiB that unpacks to a gigabyte is refused in both directions",
          "[world][security][scenario-14]") {
  World world{Seed::from_environment_or(84)};
  const Bytes bomb = zstd_bomb();
  REQUIRE(bomb.size() <= 33 * 1024);
  const auto unpacked = protocol::decompress(bomb);
  REQUIRE_FALSE(unpacked);
  CHECK(unpacked.error().code == ErrorCode::too_large);

  Device& van = world.add_device("van");
  const TicketId ticket = van.create("bombed");
  CHECK(world.run_until_quiet());
  const std::uint64_t before = newest_commit(world, van);
  Intruder intruder(world, van);
  must(intruder.begin_session());
  client::HttpRequest request;
  request.target = "/sync/v1/exchange";
  request.headers = {{"content-type", "application/x-protobuf"}, {"content-encoding", "zstd"}};
  request.body = bomb;
  const auto up = must(intruder.ask(request));  // with a good MAC: it is the size that is refused
  CHECK(up.status == 413);
  CHECK(newest_commit(world, van) == before);

  world.network.on_answer = [&](const std::string&, const client::HttpRequest& asked, client::HttpAnswer& answer) {
    if (asked.target != "/sync/v1/exchange") return;
    answer.body = bomb;
    for (auto& [name, value] : answer.headers)
      if (name == "content-encoding") value = "zstd";
  };
  van.note(ticket, "waits");
  const Held now = held(van, ticket);
  CHECK_FALSE(van.sync());
  check_unchanged(now, held(van, ticket));
  world.network.on_answer = nullptr;
  CHECK(world.run_until_quiet());
  CHECK(world.invariants_hold());
}

TEST_CASE("`seen` of 2^63 is answered as a server that is behind, and changes nothing",
          "[world][security][scenario-13]") {
  World world{Seed::from_environment_or(36)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  const TicketId ticket = van.create("far ahead");
  CHECK(world.run_until_quiet());
  const auto before = world.server.tenant(van.tenant()).commit_seq();

  Intruder intruder(world, van);
  must(intruder.begin_session());
  sync::Change change = intruder.note(ticket, "from the future");
  change.seen_seq = std::uint64_t{1} << 63;
  const auto by_change = must(intruder.push(intruder.seal(intruder.next_header(), {change})));
  INFO(by_change.error().message());
  CHECK(by_change.error().code() == "SERVER_BEHIND");
  CHECK(by_change.error().retry() == "LATER");
  auto header = intruder.next_header();
  header.anchor_hash = must(must(client::Outbox::open(van.home() + "/outbox.db", intruder.keys.data_key.view(), {},
                                                      sqlite::Role::reader))
                                ->anchor())
                           .hash;
  header.seen_seq = std::uint64_t{1} << 63;
  const auto by_header = must(intruder.push(intruder.seal(header, {intruder.note(ticket, "another one")})));
  CHECK(by_header.error().code() == "SERVER_BEHIND");
  CHECK(world.server.tenant(van.tenant()).commit_seq() == before);

  const ChangeRef honest = van.note(ticket, "and the device works on");
  CHECK(world.run_until_quiet());
  CHECK(van.fate(honest).outcome == Outcome::applied);
  CHECK(desk.view(ticket) == van.view(ticket));
  CHECK(world.invariants_hold());
}
