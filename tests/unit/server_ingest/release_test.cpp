#include "support/catch.hpp"
//
#include "desk.hpp"
#include "support/must.hpp"
#include "support/persist.hpp"

// What a supervisor lets through, in orders that nobody plans for; and what must not come back.

namespace tern::test {

using sync::FieldId;

namespace {

struct Held {
  Desk desk;
  OperatorId ada = desk.add_operator("Ada");
  OperatorId boss = desk.add_operator("Eve", sync::Role::supervisor);
  std::unique_ptr<Van> van = desk.add_van(ada), office = desk.add_van(boss);

  Change release(const TicketId& ticket, const sync::ChangeRef& what) {
    Change change = office->make(Intent::release, ticket);
    change.targets = {what};
    return change;
  }
};

}  // namespace

TEST_CASE("one set may release a change and what had waited for it: the second has nothing left to do",
          "[ingest][release]") {
  Held held;
  const TicketId ticket = held.desk.new_ticket_id();
  held.van->send(held.van->create(ticket));
  held.van->pull();
  const Change first = held.van->note(ticket, "done at ten");
  Change second = held.van->note(ticket, "and at eleven");
  second.after = {first.ref.id};
  held.desk.change_operator(held.ada, sync::Role::manager);
  for (const Told& told : held.van->send({first, second})) REQUIRE(told.outcome == Outcome::held);
  held.office->pull();
  const auto told = held.office->send(
      {held.release(ticket, first.ref), held.release(ticket, second.ref), held.release(ticket, first.ref)});
  CHECK(told[0].outcome == Outcome::applied);
  CHECK(told[1].outcome == Outcome::rejected);
  CHECK(told[1].reason == ReasonCode::exists);
  CHECK(told[2].reason == ReasonCode::exists);
  CHECK(held.desk.messages(ticket).size() == 2);
  CHECK(held.desk.differs_from_zero() == "");
  CHECK(held.desk.verify().findings == std::vector<std::string>{});
}

TEST_CASE("a merge that is released has its mirror, and none closes a circle", "[ingest][release]") {
  Held held;
  const TicketId a = held.desk.new_ticket_id(), b = held.desk.new_ticket_id();
  auto chief = held.desk.add_van(held.boss);
  chief->send({chief->create(a), chief->create(b)});
  chief->pull();
  held.office->pull();
  // Held with what it names: a change of its author that never came.
  Change merge = chief->make(Intent::merge, b);
  merge.target = Bytes(a.view());
  merge.after = {random_id<ChangeId>(held.desk.environment)};
  REQUIRE(chief->send(merge).outcome == Outcome::held);
  SECTION("with its mirror") {
    held.office->pull();
    CHECK(held.office->send(held.release(b, merge.ref)).outcome == Outcome::applied);
    CHECK(held.desk.state(b).merged_into->value == a.view());
    CHECK(held.desk.state(a).merged_from.size() == 1);
  }
  SECTION("not when the other one was merged into it meanwhile") {
    Change other = held.office->make(Intent::merge, a);
    other.target = Bytes(b.view());
    REQUIRE(held.office->send(other).outcome == Outcome::applied);
    held.office->pull();
    CHECK(held.office->send(held.release(b, merge.ref)).outcome == Outcome::held);
    CHECK_FALSE(held.desk.state(b).merged_into);
    const TicketId c = held.desk.new_ticket_id();
    held.office->send(held.office->create(c));
    held.office->pull();
    Change third = held.office->make(Intent::merge, c);
    third.target = Bytes(a.view());
    CHECK(held.office->send(third).outcome != Outcome::held);
  }
  CHECK(held.desk.differs_from_zero() == "");
  CHECK(held.desk.verify().findings == std::vector<std::string>{});
}

TEST_CASE("declaring more heads does not lift the bound that the first one set", "[ingest][time][security]") {
  const NothingFails calm;
  Held held;
  const TicketId ticket = held.desk.new_ticket_id();
  held.van->send(held.van->create(ticket));
  const auto declare = [&](std::uint64_t seq) {
    server::ExchangeNote note;
    note.device = held.van->id;
    note.declared = protocol::ChainHead{1, seq, {}};
    server::note_exchange(*held.desk.tenant, note);
  };
  held.desk.environment.advance(3'600'000);
  declare(1);
  const std::int64_t told_ms = held.desk.tenant->now_ms();
  held.desk.environment.advance(600'000);
  for (std::uint64_t seq = 2; seq < 6; ++seq) declare(seq);
  Change back = held.van->note(ticket, "made much earlier, it says");
  back.wall_ms -= 3'000'000;
  held.van->knows_mono = false;
  const Told told = held.van->send(back);
  CHECK(told.lo_ms >= told_ms - limits::anchor_answer_ms_max);
  CHECK(told.effective_ms >= told_ms - limits::anchor_answer_ms_max);
}

TEST_CASE("what was erased does not come back with a set that is signed again", "[ingest][erase][security]") {
  Held held;
  const TicketId ticket = held.desk.new_ticket_id();
  held.van->send(held.van->create(ticket));
  held.van->pull();
  const Change secret = held.van->note(ticket, "canary of the erased kind");
  held.van->send(secret);
  const protocol::ChangeSet sealed = held.van->sets.back();
  const server::Erased erased = must(server::erase(*held.desk.tenant, {secret.ref}, OperatorId{}));
  static_cast<void>(erased);
  // As it comes from a device that never heard of the erasure: verified with its content, kept without.
  server::Push push;
  push.device = held.van->id;
  push.change_sets = {protocol::encode(sealed)};
  const server::VerifiedPush verified = server::verify_push(*held.desk.tenant, push);
  REQUIRE(verified.sets.size() == 1);
  CHECK(verified.sets.front().set.changes.front().erased());
  CHECK(verified.changes.front().front().body_erased);
}

}  // namespace tern::test
