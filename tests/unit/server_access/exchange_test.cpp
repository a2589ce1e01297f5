#include "support/catch.hpp"
#include "support/persist.hpp"
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

struct OneDesk {
  House house;
  std::unique_ptr<Device> device;
  OneDesk() {
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

}  // namespace

// ---- what bad sets get, beside the table of unit/hostile ----

TEST_CASE("one bad set says nothing against those before it", "[server][exchange][refusals]") {
  OneDesk desk;
  const Bytes good = desk.device->seal({desk.create()});
  Bytes bad = desk.device->seal_as(desk.device->next_header(), {desk.create()});
  bad[bad.size() - 1] = static_cast<char>(bad[bad.size() - 1] ^ 1);
  const auto answer = desk.device->push({good, bad});
  CHECK(answer.error().set_index() == 1);
  CHECK(desk.device->receipts(answer).receipts.size() == 1);
}

// ---- downloads ----

TEST_CASE("a first replica in small pages misses nothing that is committed meanwhile", "[server][exchange][pages]") {
  OneDesk desk;
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

TEST_CASE("a first replica brings one's own open tickets first, whatever their ids", "[server][exchange][pages]") {
  for (const std::string scope : {"own", "all"}) {
    INFO(scope);
    OneDesk desk;
    std::set<TicketId> own;
    for (int i = 0; i < 30; ++i) {
      const TicketId ticket = desk.new_ticket();
      desk.device->push(desk.device->create(ticket));
      if (i % 5 != 0) {  // watched, so that the device holds it all the same
        auto watch = desk.device->change(sync::Intent::watch, ticket);
        watch.target = Bytes(desk.device->certificate.author.view());
        desk.device->push(watch);
        continue;
      }
      own.insert(ticket);
      desk.device->push(desk.device->change(sync::Intent::take, ticket));
    }
    Device reader(desk.house, "ann", scope);
    must(reader.open_session());
    std::vector<TicketId> came;
    for (const auto& patch : reader.download(limits::want_bytes_min)) came.push_back(state_of(patch).id);
    REQUIRE(came.size() >= 30);
    const std::set<TicketId> first(came.begin(), came.begin() + static_cast<std::ptrdiff_t>(own.size()));
    CHECK(first == own);
  }
}

TEST_CASE("the checkpoint is the digest of exactly the tickets that were sent", "[server][exchange][digest]") {
  OneDesk desk;
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
  const NothingFails once;
  OneDesk desk;
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
  OneDesk desk;
  desk.house.command(Json::object({{"command", Json("queue add")}, {"name", Json("Field")}}));
  v1::ExchangeRequest asked = desk.device->request();
  const auto response = desk.device->exchange(asked);
  std::map<std::uint32_t, std::uint64_t> held;
  bool found = false;
  for (const auto& pack : response.packs()) {
    held[pack.kind()] = pack.version();
    const auto kind = static_cast<sync::RecordKind>(pack.kind());
    CHECK((kind == sync::RecordKind::device || sync::travels_to_devices(kind)));
    for (const auto& record : pack.records())
      if (kind == sync::RecordKind::device)
        for (const auto& attribute : record.attributes()) CHECK(attribute.name() != "public_key");
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
  OneDesk desk;
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
