#include "support/catch.hpp"
//
#include <set>

#include "house.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/statements.hpp"
#include "tern/sync/record.hpp"
#include "tern/sync/scope.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::test {
namespace {

struct Desk {
  House house;
  std::unique_ptr<Device> device;
  Desk() {
    house.add_operator("ann", "supervisor");
    device = std::make_unique<Device>(house, "ann", "all");
    must(device->open_session());
    device->download();
  }
  TicketId new_ticket() { return random_id<TicketId>(house.environment); }
  sync::Change create(const std::string& subject = "pump leaks") { return device->create(new_ticket(), subject); }
};

sync::TicketState state_of(const v1::Patch& patch) {
  return must(sync::decode_state(patch.state()));
}

std::string refused(const v1::ExchangeResponse& response) {
  return response.error().code() + " " + response.error().retry();
}

}  // namespace

// ---- part 5 of the reliability page, rows 30 to 46: what bad sets get ----

TEST_CASE("a set with a bad signature is refused for ever, and no fork is recorded (rows 30, 35d)",
          "[server][exchange][refusals]") {
  Desk desk;
  const auto header = desk.device->next_header();
  Bytes bad = desk.device->seal_as(header, {desk.create()});
  bad[250] = static_cast<char>(bad[250] ^ 1);
  CHECK(refused(desk.device->push({bad})) == "SIGNATURE_INVALID NEVER");
  auto gap = header;
  gap.chain_seq = 7;
  bad = desk.device->seal_as(gap, {desk.create()});
  bad[250] = static_cast<char>(bad[250] ^ 1);
  CHECK(refused(desk.device->push({bad})) == "SIGNATURE_INVALID NEVER");
  CHECK(desk.device->receipts(desk.device->push(desk.create())).receipts.size() == 1);
}

TEST_CASE("a set of another tenant, author or key is refused for ever (rows 31, 35 to 35b)",
          "[server][exchange][refusals]") {
  Desk desk;
  desk.house.add_operator("bob");
  Device other(desk.house, "bob");
  auto header = desk.device->next_header();
  SECTION("tenant") {
    header.tenant = random_id<TenantId>(desk.house.environment);
    CHECK(refused(desk.device->push({desk.device->seal_as(header, {desk.create()})})) == "TENANT_MISMATCH NEVER");
  }
  SECTION("author") {  // scenario 2: signed with my key under somebody else's name
    header.author = other.certificate.author;
    CHECK(refused(desk.device->push({desk.device->seal_as(header, {desk.create()})})) == "AUTHOR_MISMATCH NEVER");
  }
  SECTION("the device id of a colleague with my key") {
    header.device = other.certificate.device;
    const auto answer = desk.device->push({desk.device->seal_as(header, {desk.create()})});
    CHECK(answer.error().code() == "KEY_UNKNOWN");
  }
  CHECK(desk.device->receipts(desk.device->push(desk.create())).receipts.size() == 1);
}

TEST_CASE("a gap is answered with the number that is due, and nothing of it is stored (row 32)",
          "[server][exchange][refusals]") {
  Desk desk;
  desk.device->push(desk.create());
  const Bytes second = desk.device->seal({desk.create()}), third = desk.device->seal({desk.create()});
  const auto answer = desk.device->push({third});
  CHECK(refused(answer) == "CHAIN_GAP LATER");
  CHECK(answer.error().expected_seq() == 2);
  CHECK(desk.device->receipts(desk.device->push({second, third})).receipts.size() == 2);
}

TEST_CASE("another set under a number that is taken is a fork; the first one stands (row 33)",
          "[server][exchange][refusals]") {
  Desk desk;
  const auto header = desk.device->next_header();
  desk.device->push(desk.create("first"));
  const auto answer = desk.device->push({desk.device->seal_as(header, {desk.create("second")})});
  CHECK(refused(answer) == "CHAIN_FORKED REBASE");
  CHECK(answer.error().head().chain_seq() == 1);
  CHECK(answer.error().head().hash() == desk.device->head.hash.view());
}

TEST_CASE("a set that comes again gets its stored receipt, byte for byte (row 34)", "[server][exchange][refusals]") {
  Desk desk;
  const Bytes wire = desk.device->seal({desk.create()});
  const auto first = must(protocol::decode_receipt_list(desk.device->push({wire}).receipts()));
  desk.device->push(desk.create());
  const auto again = must(protocol::decode_receipt_list(desk.device->push({wire}).receipts()));
  CHECK(first.receipts == again.receipts);
}

TEST_CASE("a schema of tomorrow needs an upgrade (row 37)", "[server][exchange][refusals]") {
  Desk desk;
  auto header = desk.device->next_header();
  header.schema_version = limits::schema_version + 1;
  CHECK(refused(desk.device->push({desk.device->seal_as(header, {desk.create()})})) == "UPGRADE_REQUIRED UPGRADE");
  v1::ExchangeRequest asked = desk.device->request();
  asked.set_schema_version(limits::schema_version + 1);
  CHECK(desk.device->exchange(asked).error().code() == "UPGRADE_REQUIRED");
}

TEST_CASE("a device that knows more than the server is told that the server is behind (rows 43, 43a)",
          "[server][exchange][refusals]") {
  Desk desk;
  desk.device->push(desk.create());
  SECTION("by its cursor") {
    v1::ExchangeRequest asked = desk.device->request();
    asked.mutable_cursor()->set_commit_seq(1'000);
    CHECK(refused(desk.device->exchange(asked)) == "SERVER_BEHIND LATER");
  }
  SECTION("by the head it holds") {
    v1::ExchangeRequest asked = desk.device->request();
    asked.mutable_held_head()->set_epoch(Bytes(desk.device->server_head.epoch.view()));
    asked.mutable_held_head()->set_size(1'000);
    CHECK(refused(desk.device->exchange(asked)) == "SERVER_BEHIND LATER");
  }
  SECTION("by what a set had seen") {  // scenario 13
    auto header = desk.device->next_header();
    header.seen_seq = 1ULL << 62;
    CHECK(refused(desk.device->push({desk.device->seal_as(header, {desk.create()})})) == "SERVER_BEHIND LATER");
  }
}

TEST_CASE("an unknown epoch is said to have changed (row 44)", "[server][exchange][refusals]") {
  Desk desk;
  v1::ExchangeRequest asked = desk.device->request();
  asked.mutable_cursor()->set_epoch(Bytes(random_id<EpochId>(desk.house.environment).view()));
  const auto answer = desk.device->exchange(asked);
  CHECK(refused(answer) == "EPOCH_CHANGED REBASE");
  CHECK(answer.error().statement().empty());
}

TEST_CASE("one bad set says nothing against those before it", "[server][exchange][refusals]") {
  Desk desk;
  const Bytes good = desk.device->seal({desk.create()});
  Bytes bad = desk.device->seal_as(desk.device->next_header(), {desk.create()});
  bad[bad.size() - 1] = static_cast<char>(bad[bad.size() - 1] ^ 1);
  const auto answer = desk.device->push({good, bad});
  CHECK(answer.error().set_index() == 1);
  CHECK(desk.device->receipts(answer).receipts.size() == 1);
}

TEST_CASE("sixty-five sets are too many for one exchange", "[server][exchange][refusals]") {
  Desk desk;
  v1::ExchangeRequest asked = desk.device->request();
  for (int i = 0; i < 65; ++i) asked.add_change_sets("x");
  const auto answer = desk.device->exchange_raw(asked);
  CHECK(answer.status == 413);
  CHECK(desk.device->proven(answer));
}

// ---- downloads ----

TEST_CASE("a first replica in small pages misses nothing that is committed meanwhile", "[server][exchange][pages]") {
  Desk desk;
  std::set<TicketId> all;
  for (int i = 0; i < 60; ++i) {
    const TicketId ticket = desk.new_ticket();
    all.insert(ticket);
    desk.device->push(desk.device->create(ticket, "ticket " + std::to_string(i) + std::string(200, '.')));
  }
  Device reader(desk.house, "ann", "all");
  must(reader.open_session());
  std::map<TicketId, std::uint64_t> held;
  std::size_t pages = 0;
  for (;; ++pages) {
    REQUIRE(pages < 1'000);
    v1::ExchangeRequest asked = reader.request();
    asked.set_want_bytes(limits::want_bytes_min);
    const auto response = reader.exchange(asked);
    REQUIRE_FALSE(response.has_error());
    for (const auto& patch : response.patches()) {
      const auto state = state_of(patch);
      held[state.id] = std::max(held[state.id], state.version);
    }
    if (!response.more()) break;
    if (pages < 12) {  // others go on: a new ticket, and a change to one that was sent already
      const TicketId ticket = desk.new_ticket();
      all.insert(ticket);
      desk.device->push(desk.device->create(ticket, "meanwhile"));
      auto note = desk.device->change(sync::Intent::message, *all.begin());
      note.text = "meanwhile";
      note.visibility = sync::Visibility::team;
      desk.device->push(note);
    }
  }
  CHECK(pages >= 4);
  CHECK(held.size() == all.size());
  Device fresh(desk.house, "ann", "all");
  must(fresh.open_session());
  for (const auto& patch : fresh.download()) {
    const auto state = state_of(patch);
    CHECK(held[state.id] == state.version);
  }
}

TEST_CASE("the checkpoint is the digest of exactly the tickets that were sent", "[server][exchange][digest]") {
  Desk desk;
  std::map<TicketId, std::uint64_t> held;
  v1::ExchangeResponse last;
  const auto take = [&](const v1::ExchangeResponse& response) {
    for (const auto& patch : response.patches()) {
      const auto state = state_of(patch);
      held[state.id] = state.version;
    }
    last = response;
  };
  for (int i = 0; i < 30; ++i) {
    const TicketId ticket = desk.new_ticket();
    take(desk.device->push(desk.device->create(ticket)));
    if (i % 3 == 0) {
      auto move = desk.device->change(sync::Intent::start, ticket);
      take(desk.device->push(move));
    }
    REQUIRE_FALSE(last.more());
    sync::ScopeDigest reference;
    for (const auto& [id, version] : held) reference.add(id, version, last.checkpoint().rights_version());
    CHECK(last.checkpoint().scope_digest() == reference.total().view());
  }
  const Json lines = desk.house.command(Json::object({{"command", Json("export")}}));
  CHECK(lines["rows"].size() == held.size());
}

TEST_CASE("a device of one operator gets what is theirs; what is taken away leaves with a reason",
          "[server][exchange][scope]") {
  Desk desk;
  const auto bob = desk.house.add_operator("bob");
  Device van(desk.house, "bob");
  must(van.open_session());
  CHECK(van.download().empty());
  const TicketId ticket = desk.new_ticket();
  desk.device->push(desk.device->create(ticket));
  auto assign = desk.device->change(sync::Intent::assign, ticket);
  assign.target = *from_uuid_text(bob);
  assign.reason = "yours";
  desk.device->push(assign);
  const auto entered = van.exchange();
  REQUIRE(entered.patches_size() == 1);
  CHECK(entered.patches(0).whole());
  CHECK(entered.entered_size() == 1);
  auto away = desk.device->change(sync::Intent::assign, ticket);
  away.reason = "mine again";
  desk.device->push(away);
  v1::ExchangeResponse left = van.exchange();
  if (left.left_size() == 0) left = van.exchange();  // the custody mark ends once the device has synced past it
  if (left.left_size() == 0) left = van.exchange();
  REQUIRE(left.left_size() == 1);
  CHECK(left.left(0).ticket_id() == ticket.view());
  CHECK(left.left(0).reason() != 0);
}

TEST_CASE("packs bring what devices may know of records, and only what is newer", "[server][exchange][packs]") {
  Desk desk;
  desk.house.command(Json::object({{"command", Json("queue add")}, {"name", Json("Field")}}));
  v1::ExchangeRequest asked = desk.device->request();
  const auto response = desk.device->exchange(asked);
  std::map<std::uint32_t, std::uint64_t> held;
  bool found = false;
  for (const auto& pack : response.packs()) {
    held[pack.kind()] = pack.version();
    CHECK(sync::travels_to_devices(static_cast<sync::RecordKind>(pack.kind())));
    for (const auto& record : pack.records()) found = found || record.name() == "Field";
  }
  CHECK(found);
  asked = desk.device->request();
  for (const auto& [kind, version] : held) {
    auto& pack = *asked.add_pack_versions();
    pack.set_kind(kind);
    pack.set_version(version);
  }
  CHECK(desk.device->exchange(asked).packs_size() == 0);
}

TEST_CASE("two tenants on one server see nothing of each other", "[server][exchange][tenants]") {
  House house;
  const std::string other = "Rockets";
  house.command(Json::object({{"command", Json("tenant add")}, {"name", Json(other)}}));
  house.add_operator("ann", "supervisor", "Pumps");
  house.add_operator("eve", "supervisor", other);
  Device ann(house, "ann", "all", "Pumps"), eve(house, "eve", "all", other);
  must(ann.open_session());
  must(eve.open_session());
  ann.push(ann.create(random_id<TicketId>(house.environment), "canary pumps"));
  eve.push(eve.create(random_id<TicketId>(house.environment), "canary rockets"));

  const auto sees = [](Device& device, const std::string& word) {
    device.cursor = 0;
    v1::ExchangeRequest asked = device.request();
    return device.exchange(asked).SerializeAsString().find(word) != std::string::npos;
  };
  CHECK(sees(ann, "canary pumps"));
  CHECK_FALSE(sees(ann, "canary rockets"));
  CHECK(sees(eve, "canary rockets"));
  CHECK_FALSE(sees(eve, "canary pumps"));

  SECTION("a device of one cannot open a session in the other") {
    protocol::DeviceHandshake handshake({eve.certificate.tenant, ann.certificate.device, ann.key.id(), ann.root});
    const auto challenge = house.post("/sync/v1/hello", protocol::encode(handshake.hello()));
    const auto proof =
        handshake.answer(must(protocol::decode_session_challenge(challenge.body)), {}, ann.key, house.environment);
    CHECK(problem_code(house.post("/sync/v1/session", protocol::encode(proof))) == "login_refused");
  }
  SECTION("a set of one does not enter the other") {
    auto header = ann.next_header();
    header.tenant = eve.certificate.tenant;
    CHECK(ann.push({ann.seal_as(header, {ann.create(random_id<TicketId>(house.environment))})}).error().code() ==
          "TENANT_MISMATCH");
  }
  SECTION("administration names one of them") {
    CHECK(house.try_command(Json::object({{"command", Json("operator list")}})).error().code == ErrorCode::usage);
    const auto lines = to_text(house.command(Json::object({{"command", Json("export")}, {"tenant", Json(other)}})));
    CHECK(lines.find("canary rockets") != std::string::npos);
    CHECK(lines.find("canary pumps") == std::string::npos);
  }
}

TEST_CASE("own sets come back to a device that was set back", "[server][exchange][own_sets]") {
  Desk desk;
  const Bytes first = desk.device->seal({desk.create("one")});
  desk.device->push({first});
  const Bytes second = desk.device->seal({desk.create("two")});
  desk.device->push({second});
  v1::ExchangeRequest asked = desk.device->request();
  asked.set_own_sets_from(1);
  const auto response = desk.device->exchange(asked);
  REQUIRE(response.own_sets_size() == 2);
  CHECK(response.own_sets(0) == first);
  CHECK(response.own_sets(1) == second);
}

}  // namespace tern::test
