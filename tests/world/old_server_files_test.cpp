// Old files of the server, put back by hand: from when a device that knows more proves it, nothing gets a number.
#include "exchange/sync_state.hpp"
#include "outbox/outbox.hpp"
#include "support/world.hpp"
#include "support/world_intruder.hpp"

using namespace tern;
using namespace tern::test;

namespace {

bool has_older_files(World& world) {
  return world.server.tenant(world.server.first_tenant()).has_older_files();
}

/// What a device would show to a server that is behind it.
v1::ExchangeRequest what_it_shows(Device& device) {
  const auto outbox =
      must(client::Outbox::open(device.home() + "/outbox.db", device.keys().data_key.view(), {}, sqlite::Role::reader));
  v1::ExchangeRequest request;
  request.set_held_anchor(must(outbox->anchor()).anchor);
  const client::SyncState state = must(client::load_sync_state(*outbox));
  if (!state.epoch_records.empty()) request.set_began_epoch(state.epoch_records.back());
  return request;
}

/// Neither a device that knows less, nor an administrator, nor a job gets a commit.
void check_nothing_is_taken(World& world, Device& knows_less, const TicketId& ticket) {
  const std::uint64_t newest = world.server.tenant(knows_less.tenant()).commit_seq();
  const ChangeRef note = knows_less.note(ticket, "while the server's files are old ones");
  const auto refused = knows_less.sync();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::server_behind);
  CHECK(world.place_of(knows_less.tenant(), note) == "nowhere");
  CHECK(knows_less.status().saved_here + knows_less.status().sent > 0);
  const auto added = world.server.try_administer("queue add", {{"name", Json("Field")}});
  REQUIRE_FALSE(added);
  CHECK(added.error().code == ErrorCode::server_behind);
  world.pass(days_ms(1));
  CHECK(world.server.tenant(knows_less.tenant()).commit_seq() == newest);
}

}  // namespace

TEST_CASE("old files put back by hand take nothing in once a device that is ahead was there, until a restore",
          "[world][restore]") {
  World world{Seed::from_environment_or(541)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  Device& away = world.add_device("away");
  const TicketId ticket = van.create("kept");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  const ServerCopy old = world.server.copy();
  world.network.cut(away.address());
  const ChangeRef lost = van.note(ticket, "acknowledged, and lost with the newer files");
  const TicketId made = desk.create("made since");
  CHECK(world.run_until_quiet());
  const std::string number = van.show(made).row.number;
  world.network.heal(away.address());

  world.server.put_back(old);
  const bool branches = GENERATE(false, true);
  INFO((branches ? "somebody writes before it is noticed" : "who is ahead comes first"));
  const ChangeRef before = away.note(ticket, "before anybody knew");
  if (branches) {
    for (int i = 0; i < 5; ++i) {  // more than was lost: another history, and not a shorter one
      away.note(ticket, "before anybody knew " + std::to_string(i));
      must(away.sync());
    }
  }
  CHECK_FALSE(has_older_files(world));
  const auto refused = van.sync();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::server_rollback);
  CHECK_FALSE(van.status().paused.empty());
  CHECK(has_older_files(world));
  CHECK(world.server.log_lines().find("\"older_files\"") != std::string::npos);
  check_nothing_is_taken(world, away, ticket);
  CHECK(to_text(world.server.administer("status")["problems"]).find("these files are old ones") != std::string::npos);
  world.server.restart();
  CHECK(has_older_files(world));
  check_nothing_is_taken(world, away, ticket);

  world.server.restore(backup);
  world.forget_acknowledged();
  CHECK_FALSE(has_older_files(world));
  CHECK(world.run_until_quiet());
  for (Device* device : {&van, &desk, &away}) {
    INFO(device->name() + ": " + device->status().paused);
    CHECK(device->status().paused.empty());
    CHECK(device->status().saved_here == 0);
  }
  CHECK(van.fate(lost).outcome == Outcome::applied);
  CHECK(away.fate(before).outcome == Outcome::applied);
  CHECK(van.show(made).row.number == number);
  CHECK(desk.view(ticket) == van.view(ticket));
  CHECK(away.view(ticket) == van.view(ticket));
  CHECK(world.invariants_hold());
}

TEST_CASE("files from before a restore that are put back after it take nothing in", "[world][restore]") {
  World world{Seed::from_environment_or(542)};
  Device& van = world.add_device("van");
  Device& away = world.add_device("away");
  const TicketId ticket = van.create("kept");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  const ServerCopy old = world.server.copy();
  world.network.cut(away.address());
  world.pass(minutes_ms(1));
  world.server.restore(backup);
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());
  const ChangeRef note = van.note(ticket, "of the second epoch");
  CHECK(world.run_until_quiet());
  const ServerCopy newest = world.server.copy();

  world.server.put_back(old);
  CHECK_FALSE(van.sync());
  CHECK(has_older_files(world));
  world.network.heal(away.address());
  check_nothing_is_taken(world, away, ticket);

  world.server.put_back(newest);  // which knows nothing of all that
  CHECK_FALSE(has_older_files(world));
  CHECK(world.run_until_quiet());
  CHECK(van.fate(note).outcome == Outcome::applied);
  CHECK(away.view(ticket) == van.view(ticket));
  CHECK(world.invariants_hold());
}

TEST_CASE("who shows a server what it knows, or what it never said, does not stop it", "[world][restore][security]") {
  World world{Seed::from_environment_or(543)};
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("kept");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  const auto show = [&](const v1::ExchangeRequest& request) {
    Intruder intruder(world, van);
    must(intruder.begin_session());
    must(intruder.exchange(request));
    return has_older_files(world);
  };
  const v1::ExchangeRequest known = what_it_shows(van);
  REQUIRE_FALSE(known.held_anchor().empty());
  CHECK_FALSE(show(known));
  for (std::size_t i = 0; i < known.held_anchor().size(); i += 7) {
    v1::ExchangeRequest flipped = known;
    (*flipped.mutable_held_anchor())[i] = static_cast<char>((*flipped.mutable_held_anchor())[i] ^ 1);
    CHECK_FALSE(show(flipped));
  }
  van.note(ticket, "of the first epoch");
  CHECK(world.run_until_quiet());
  const v1::ExchangeRequest of_first = what_it_shows(van);

  world.server.restore(backup);
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());
  const v1::ExchangeRequest of_second = what_it_shows(van);
  REQUIRE_FALSE(of_second.began_epoch().empty());
  world.pass(minutes_ms(1));
  world.server.restore(backup);  // which knows nothing of the second epoch
  world.forget_acknowledged();
  CHECK_FALSE(show(of_first));
  CHECK_FALSE(show(of_second));
  v1::ExchangeRequest nonsense;
  nonsense.set_held_anchor(of_second.began_epoch());
  nonsense.set_began_epoch(of_second.held_anchor());
  CHECK_FALSE(show(nonsense));
  nonsense.set_held_anchor(Bytes(100'000, 'x'));
  nonsense.set_began_epoch(Bytes(1, 'x'));
  CHECK_FALSE(show(nonsense));
  CHECK(world.run_until_quiet());
  CHECK(van.status().paused.empty());
  CHECK(world.invariants_hold());
}
