#include "ingest/quarantine.hpp"

#include "desk.hpp"
#include "ingest/said_again.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"

// Work of a key that was revoked: an administrator reads it, and says again what is honest.

namespace tern::test {
namespace {

struct Lost {
  Desk desk;
  OperatorId ada = desk.add_operator("Ada"), boss = desk.add_operator("Eve", sync::Role::admin);
  std::unique_ptr<Van> van = desk.add_van(ada);
  TicketId ticket = desk.new_ticket_id(), young = desk.new_ticket_id();
  std::int64_t anchored_ms = 0;

  Lost() {
    van->send(van->create(ticket));
    van->pull();
    anchored_ms = desk.environment.wall_ms();
  }

  /// What the van made before it was lost, and hands in afterwards.
  void deposit(std::vector<std::vector<Change>> sets) {
    for (auto& changes : sets) van->seal(std::move(changes));
    desk.environment.advance(600'000);
    REQUIRE(
        persist([&] { return server::end_device(*desk.tenant, van->id, protocol::RevocationReason::revoked, {}); }));
    server::Push push = van->pushable();
    push.deposit = true;
    REQUIRE_FALSE(van->push(push).fault);
  }
  std::vector<server::QuarantinedSet> waiting() {
    auto sets = persist([&] { return server::quarantined_sets(*desk.tenant); });
    REQUIRE(sets);
    return std::move(*sets);
  }
  server::ServerCommit release() {
    const auto sets = waiting();
    auto commit = persist([&] { return server::release_quarantined(*desk.tenant, sets, boss); });
    REQUIRE(commit);
    return std::move(*commit);
  }
};

}  // namespace

TEST_CASE("quarantine shows what its sets say, between the anchor they cite and their coming", "[ingest][quarantine]") {
  Lost lost;
  lost.desk.environment.advance(60'000);
  Change note = lost.van->note(lost.ticket, "the seal is replaced");
  lost.deposit({{note}, {lost.van->create(lost.young, "second leak")}});
  const auto sets = lost.waiting();
  REQUIRE(sets.size() == 2);
  CHECK(sets[0].chain_seq + 1 == sets[1].chain_seq);
  REQUIRE(sets[0].changes.size() == 1);
  const server::QuarantinedChange& held = sets[0].changes.front();
  CHECK(held.change.text == "the seal is replaced");
  CHECK(held.lo_ms <= note.wall_ms);
  CHECK(held.lo_ms >= lost.anchored_ms - 2'000);
  CHECK(held.hi_ms >= note.wall_ms + 600'000);
  CHECK_FALSE(held.in_ledger);
  CHECK(server::count_quarantined(*lost.desk.tenant).value() == 2);
  CHECK(lost.desk.messages(lost.ticket).empty());
}

TEST_CASE("an administrator says a quarantined set again: in their own name, at its time, quoting it",
          "[ingest][quarantine]") {
  Lost lost;
  lost.desk.environment.advance(60'000);
  Change note = lost.van->note(lost.ticket, "the seal is replaced"), take = lost.van->make(Intent::take, lost.ticket);
  Change create = lost.van->create(lost.young, "second leak");
  Change after = lost.van->note(lost.young, "of the second");
  after.after = {create.ref.id};
  Change edit = lost.van->make(Intent::edit_message, lost.ticket);
  edit.targets = {note.ref};
  edit.text = "the seal is new";
  lost.deposit({{note, take}, {create, after}, {edit}});
  const auto commit = lost.release();
  REQUIRE(commit.outcomes.size() == 5);
  for (const Outcome outcome : commit.outcomes) CHECK(outcome == Outcome::applied);

  const auto messages = lost.desk.messages(lost.ticket);
  REQUIRE(messages.size() == 1);
  CHECK(sync::standing_text(messages.front()) == "the seal is new");
  CHECK(messages.front().text.find("Ada") == 0);
  CHECK(messages.front().text.find("the seal is replaced") != std::string::npos);
  CHECK(messages.front().stamp.author == lost.boss);
  CHECK(messages.front().stamp.order_ms == note.wall_ms);
  CHECK(sync::assignee_of(lost.desk.state(lost.ticket)) == lost.ada);  // a take is its author's, whoever says it
  CHECK(lost.desk.messages(lost.young).size() == 1);

  auto reader = lost.desk.tenant->reader();
  REQUIRE(reader);
  const auto said = server::read_change(reader->db(), lost.desk.tenant->number(), messages.front().stamp.ref());
  REQUIRE(said);
  REQUIRE(*said);
  CHECK((*said)->placed.change.quotes == note.ref);
  CHECK((*said)->placed.admission.time_flags & sync::time_flag_asserted);
  CHECK(lost.desk.differs_from_zero() == "");
  CHECK(lost.desk.verify().findings == std::vector<std::string>{});
}

TEST_CASE("a claimed time outside its window counts at the window's edge", "[ingest][quarantine][security]") {
  Lost lost;
  lost.desk.environment.advance(60'000);
  Change early = lost.van->note(lost.ticket, "back-dated"), late = lost.van->note(lost.ticket, "post-dated");
  early.wall_ms -= 86'400'000;
  late.wall_ms += 86'400'000;
  lost.deposit({{early, late}});
  const auto sets = lost.waiting();
  const std::int64_t lo = sets[0].changes[0].lo_ms, hi = sets[0].changes[0].hi_ms;
  lost.release();
  const auto messages = lost.desk.messages(lost.ticket);
  REQUIRE(messages.size() == 2);
  CHECK(std::min(messages[0].stamp.order_ms, messages[1].stamp.order_ms) == lo);
  CHECK(std::max(messages[0].stamp.order_ms, messages[1].stamp.order_ms) == hi);
}

TEST_CASE("a set is released once, also when it is handed in again; a dropped one waits no more",
          "[ingest][quarantine]") {
  Lost lost;
  lost.deposit({{lost.van->note(lost.ticket, "one")}});
  server::Push again;
  again.device = lost.van->id;
  again.change_sets = {protocol::encode(lost.van->sets.back())};
  again.deposit = true;
  SECTION("released") {
    lost.release();
    CHECK(lost.waiting().empty());
    REQUIRE_FALSE(lost.van->push(again).fault);
    CHECK(lost.waiting().empty());
    CHECK(lost.desk.messages(lost.ticket).size() == 1);
  }
  SECTION("dropped") {
    REQUIRE(server::drop_quarantined(*lost.desk.tenant, lost.waiting()));
    CHECK(lost.waiting().empty());
    REQUIRE_FALSE(lost.van->push(again).fault);
    CHECK(lost.waiting().empty());
    CHECK(lost.desk.messages(lost.ticket).empty());
  }
  SECTION("after 90 days it goes") {
    CHECK(*persist([&] { return server::sweep_quarantine(*lost.desk.tenant); }) == 0);
    CHECK(lost.waiting().size() == 1);
    lost.desk.environment.advance(91LL * 86'400'000);
    CHECK(*persist([&] { return server::sweep_quarantine(*lost.desk.tenant); }) == 1);
    CHECK(lost.desk.count("quarantine") == 0);
  }
}

TEST_CASE("what was said again and erased is in no set in quarantine, of before or of later",
          "[ingest][quarantine][erase]") {
  Lost lost;
  Change note = lost.van->note(lost.ticket, "QUARANTINECANARY of somebody");
  lost.deposit({{note, lost.van->note(lost.ticket, "nothing to see")}});
  lost.release();
  const auto said = lost.desk.messages(lost.ticket);
  REQUIRE(said.size() == 2);
  REQUIRE_FALSE(files_holding(lost.desk.folder.path(), "QUARANTINECANARY").empty());
  REQUIRE(server::erase(*lost.desk.tenant, {said.front().stamp.ref()}, {}));
  CHECK(files_holding(lost.desk.folder.path(), "CANARY") == std::vector<std::string>{});

  lost.desk.environment.advance(91LL * 86'400'000);
  REQUIRE(*persist([&] { return server::sweep_quarantine(*lost.desk.tenant); }) == 1);
  server::Push again;
  again.device = lost.van->id;
  again.change_sets = {protocol::encode(lost.van->sets.back())};
  again.deposit = true;
  REQUIRE_FALSE(lost.van->push(again).fault);
  CHECK(files_holding(lost.desk.folder.path(), "CANARY") == std::vector<std::string>{});
  const auto sets = lost.waiting();
  REQUIRE(sets.size() == 1);
  CHECK(sets[0].unreadable == 1);
  REQUIRE(sets[0].changes.size() == 1);
  CHECK(sets[0].changes[0].change.text == "nothing to see");
  CHECK(sets[0].hash == lost.van->sets.back().hash());
  CHECK(lost.desk.verify().findings == std::vector<std::string>{});
}

TEST_CASE("what is to be erased after a restore is in no set in quarantine, whether it is named or what said it again",
          "[ingest][quarantine][erase]") {
  Lost lost;
  Change named = lost.van->note(lost.ticket, "NAMEDCANARY"), quoted = lost.van->note(lost.ticket, "QUOTEDCANARY");
  lost.deposit({{named}, {quoted}, {lost.van->note(lost.ticket, "nothing to see")}});
  REQUIRE_FALSE(files_holding(lost.desk.folder.path(), "CANARY").empty());
  REQUIRE(server::expect_erased(
      *lost.desk.tenant, {named.ref, {lost.desk.tenant->keys().sealing_device, server::quoting_id(quoted.ref)}}));
  CHECK(files_holding(lost.desk.folder.path(), "CANARY") == std::vector<std::string>{});
  CHECK(lost.release().outcomes.size() == 1);
  CHECK(lost.desk.messages(lost.ticket).size() == 1);
  lost.desk.reopen();
  CHECK(lost.desk.verify().findings == std::vector<std::string>{});
}

TEST_CASE("what is to be erased under the name that said it again is erased when it comes itself", "[ingest][erase]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  const TicketId ticket = desk.new_ticket_id();
  van->send(van->create(ticket));
  const Change note = van->note(ticket, "QUOTEDCANARY of somebody");
  REQUIRE(server::expect_erased(*desk.tenant, {{desk.tenant->keys().sealing_device, server::quoting_id(note.ref)}}));
  CHECK(van->send(note).outcome == Outcome::applied);
  REQUIRE(persist([&] { return server::maintain(*desk.tenant); }));
  CHECK(files_holding(desk.folder.path(), "CANARY") == std::vector<std::string>{});
  REQUIRE(desk.messages(ticket).size() == 1);
  CHECK(desk.messages(ticket).front().erased);
  CHECK(desk.differs_from_zero() == "");
  CHECK(desk.verify().findings == std::vector<std::string>{});
}

TEST_CASE("no device may quote for an administrator", "[ingest][quarantine][security]") {
  Lost lost;
  Change forged = lost.van->note(lost.ticket, "as the admin says");
  forged.quotes = lost.van->note(lost.ticket, "x").ref;
  const Told told = lost.van->send(forged);
  CHECK(told.outcome == Outcome::rejected);
  CHECK(told.reason == ReasonCode::not_permitted);
}

}  // namespace tern::test
