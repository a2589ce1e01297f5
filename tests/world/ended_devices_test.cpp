// Devices whose key has ended: revoked, wiped, or their operator disabled. Their honest work is never lost, and never
// applied by itself.
#include "ingest/devices.hpp"
#include "support/world.hpp"

using namespace tern;
using namespace tern::test;

TEST_CASE("a revocation that commits between the check of a set and its commit wins",
          "[world][security][scenario-11]") {
  World world{Seed::from_environment_or(80)};
  Device& thief = world.add_device("thief");
  Device& desk = world.add_device("desk");
  const TicketId ticket = thief.create("race");
  CHECK(world.run_until_quiet());
  const ChangeRef late = thief.note(ticket, "too late");
  world.server.before_commit = [&](server::Tenant& tenant) {
    must(server::end_device(tenant, thief.identity().device, protocol::RevocationReason::revoked, OperatorId{}));
  };
  CHECK_FALSE(thief.sync());
  world.server.before_commit = nullptr;
  CHECK(world.place_of(thief.tenant(), late) != "ledger");
  static_cast<void>(thief.sync());
  CHECK(world.place_of(thief.tenant(), late) == "quarantine");  // never applied by itself, and not lost
  CHECK(thief.fate(late).text == "too late");
  must(desk.sync());
  CHECK(desk.show(ticket).timeline.size() == 1);
  CHECK(world.invariants_hold());
}

TEST_CASE("a revoked device hands its honest work into quarantine, gets nothing, and keeps what it has",
          "[world][security]") {
  World world{Seed::from_environment_or(81)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  const TicketId ticket = van.create("revoked");
  CHECK(world.run_until_quiet());
  van.go_live();
  world.pass(1'000);
  REQUIRE(van.live());
  world.network.cut(van.address());
  const ChangeRef honest = van.note(ticket, "done before anybody knew");
  world.server.administer("device revoke", {{"device", Json("van")}});
  world.pass(5'000);
  world.network.heal();
  desk.note(ticket, "not for the van any more");
  must(desk.sync());
  const std::uint64_t cursor = van.status().cursor;
  CHECK_FALSE(van.sync());
  CHECK_FALSE(van.live());
  CHECK(world.place_of(van.tenant(), honest) == "quarantine");
  CHECK(van.status().cursor == cursor);
  CHECK(van.show(ticket).timeline.size() == 2);  // create and the own note
  CHECK_FALSE(van.status().paused.empty());
  CHECK(van.fate(honest).text == "done before anybody knew");
  const ChangeRef more = van.note(ticket, "and some more");
  CHECK_FALSE(van.sync());
  CHECK(world.place_of(van.tenant(), more) == "quarantine");
  must(desk.sync());
  CHECK(desk.show(ticket).timeline.size() == 2);
  const auto ledger = world.server.read(van.tenant());
  const auto revoked =
      must(ledger->int64_of("SELECT max(commit_seq) FROM change_set WHERE device_id = $1", van.identity().device));
  CHECK(revoked < static_cast<std::int64_t>(world.server.tenant(van.tenant()).commit_seq()));  // I19
  CHECK(world.invariants_hold());
}

TEST_CASE("a revoked device that was set back hands in sets whose numbers others of it have in the ledger",
          "[world][security][copies]") {
  World world{Seed::from_environment_or(84)};
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("set back");
  CHECK(world.run_until_quiet());
  const std::string copy = van.copy_home();
  for (int i = 0; i < 4; ++i) {
    van.note(ticket, "in the ledger " + std::to_string(i));
    must(van.sync());
  }
  world.server.administer("device revoke", {{"device", Json("van")}});
  van.put_back(copy);
  std::vector<ChangeRef> saved;
  SECTION("saved while an answer that took nothing was on its way") {
    CHECK_FALSE(van.sync());
    van.begin_round();
    REQUIRE(van.busy());
    saved.push_back(van.note(ticket, "saved meanwhile"));
  }
  SECTION("more than one request brings") {
    const std::string much(limits::text_bytes_max - 10, 'm');
    for (int i = 0; i < 34; ++i) saved.push_back(van.note(ticket, much + std::to_string(i)));
  }
  for (int i = 0; i < 2; ++i) CHECK_FALSE(van.sync());
  for (const ChangeRef& ref : saved) CHECK(world.place_of(van.tenant(), ref) == "quarantine");
  CHECK(world.invariants_hold());
}

TEST_CASE("what a restore took out of quarantine is handed in again", "[world][security][restore]") {
  World world{Seed::from_environment_or(85)};
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("handed in");
  CHECK(world.run_until_quiet());
  std::string backup = world.server.backup();
  const ChangeRef confirmed = van.note(ticket, "confirmed");
  CHECK(world.run_until_quiet());
  world.server.administer("device revoke", {{"device", Json("van")}});
  bool lost = true;
  SECTION("by a backup from before the revocation") {}
  SECTION("by one from after it") {
    backup = world.server.backup();
    lost = false;
  }
  const ChangeRef honest = van.note(ticket, "handed in");
  for (int i = 0; i < 2; ++i) CHECK_FALSE(van.sync());
  REQUIRE(world.place_of(van.tenant(), honest) == "quarantine");
  world.server.restore(backup);
  world.forget_acknowledged();
  REQUIRE(world.place_of(van.tenant(), honest) == "nowhere");
  for (int i = 0; i < 2; ++i) CHECK_FALSE(van.sync());
  CHECK(world.place_of(van.tenant(), confirmed) == (lost ? "quarantine" : "ledger"));
  CHECK(world.place_of(van.tenant(), honest) == "quarantine");
  CHECK(world.invariants_hold());
}

TEST_CASE("a disabled operator's streams close within 5 s and nothing of theirs is applied afterwards",
          "[world][security][stream]") {
  World world{Seed::from_environment_or(82)};
  Device& ben = world.add_device("ben", {.role = "operator"});
  Device& desk = world.add_device("desk");
  const TicketId ticket = ben.create("disabled");
  CHECK(world.run_until_quiet());
  ben.go_live();
  world.pass(1'000);
  REQUIRE(ben.live());
  world.server.administer("operator disable", {{"operator", Json("ben")}});
  world.pass(5'000);
  CHECK_FALSE(ben.live());
  const ChangeRef late = ben.note(ticket, "after the end");
  CHECK_FALSE(ben.sync());
  CHECK(world.place_of(ben.tenant(), late) == "quarantine");
  CHECK(world.run_until_quiet());
  CHECK(desk.show(ticket).timeline.size() == 1);
  CHECK(world.invariants_hold());
}

TEST_CASE("a wiped device loses its copy and keeps its work, which it hands in", "[world][security]") {
  World world{Seed::from_environment_or(83)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  const TicketId ticket = desk.create("wiped", "a customer's secret");
  CHECK(world.run_until_quiet());
  world.network.cut(van.address());
  const ChangeRef note = van.note(ticket, "not lost");
  world.server.administer("device wipe", {{"device", Json("van")}});
  world.network.heal();
  for (int i = 0; i < 3; ++i) static_cast<void>(van.sync());
  CHECK_FALSE(std::filesystem::exists(van.home() + "/replica.db"));
  CHECK_FALSE(std::filesystem::exists(van.home() + "/replica.key"));
  const auto refuses_everything = [&] {
    CHECK_FALSE(van.holds(ticket));
    client::Client& client = van.client();
    sync::Change create;
    create.intent = sync::Intent::create;
    create.fields = {{sync::FieldId::subject, {}, "new", false}};
    for (const Error& error :
         {client.views().search("secret", 10, "").error(), client.views().list({}).error(),
          client.views().history(std::nullopt).error(), client.views().attention().error(),
          client.commands().find_ticket("T-2026-0001").error(), client.commands().save({create}).error()}) {
      CHECK(error.code == ErrorCode::key_revoked);
      CHECK(error.message.find("was wiped by order of its administrator") != std::string::npos);
    }
    const client::SyncStatus status = must(client.views().status());
    CHECK(status.wiped);
    CHECK(status.wiped_ms != 0);
    CHECK(status.tickets == 0);
    CHECK(status.ghosts == 0);
    CHECK(status.paused.find("has been handed in") != std::string::npos);
  };
  refuses_everything();
  van.close();
  van.open();
  refuses_everything();
  static_cast<void>(van.sync());
  refuses_everything();
  CHECK_FALSE(std::filesystem::exists(van.home() + "/replica.db"));
  CHECK(world.place_of(van.tenant(), note) == "quarantine");
}
