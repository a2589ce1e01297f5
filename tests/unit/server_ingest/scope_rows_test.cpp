#include "desk.hpp"
#include "exchange/reader_scope.hpp"
#include "support/catch.hpp"
#include "support/must.hpp"
#include "tern/sync/scope.hpp"

using namespace tern;
using namespace tern::test;

namespace {

constexpr std::int64_t day_ms = 86'400'000;

struct Teams {
  Desk desk;
  RecordId north = desk.add_record(sync::RecordKind::queue, "North");
  RecordId south = desk.add_record(sync::RecordKind::queue, "South");
  OperatorId ada = desk.add_operator("Ada", sync::Role::operator_, {north});
  OperatorId bob = desk.add_operator("Bob", sync::Role::operator_, {north, south});
  OperatorId dan = desk.add_operator("Dan", sync::Role::operator_, {north});  // has no device
  OperatorId eve = desk.add_operator("Eve", sync::Role::supervisor);
  std::unique_ptr<Van> van = desk.add_van(ada);
  std::unique_ptr<Van> depot = desk.add_van(bob);
  std::unique_ptr<Van> office = desk.add_van(eve);
  TicketId ticket = desk.new_ticket_id();

  Teams() {
    van->send({van->create(ticket), queue(*van, north)});
    sync_all();
  }
  ~Teams() { CHECK(desk.verify().findings == std::vector<std::string>{}); }

  Change queue(Van& by, const RecordId& to) {
    Change change = by.make(Intent::move_queue, ticket);
    change.target = Bytes(to.view());
    return change;
  }
  Change assign(Van& by, const OperatorId& to) {
    Change change = by.make(Intent::assign, ticket);
    change.target = Bytes(to.view());
    change.reason = "because";
    return change;
  }
  void sync_all() {
    desk.environment.advance(1'000);
    for (Van* one : {van.get(), depot.get(), office.get()}) one->pull();
  }
  std::vector<OperatorId> sorted(std::vector<OperatorId> ids) {
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  std::int64_t left_reason(const OperatorId& who) {
    auto reader = desk.tenant->reader();
    return reader->db()
        .int64_of(
            "SELECT left_reason FROM scope_member WHERE tenant_id = $1 AND operator_id = $2 "
            "AND ticket_id = $3",
            desk.tenant->number(), who, ticket)
        ->value_or(-1);
  }
};

}  // namespace

TEST_CASE("an unassigned ticket is held by its queue, a taken one by who took it", "[ingest][scope]") {
  Teams t;
  CHECK(t.desk.members(t.ticket) == t.sorted({t.ada, t.bob}));
  CHECK(t.van->send(t.van->make(Intent::take, t.ticket)).outcome == Outcome::applied);
  CHECK(t.desk.members(t.ticket) == std::vector{t.ada});
  CHECK(t.left_reason(t.bob) == static_cast<std::int64_t>(sync::LeftReason::taken));
}

TEST_CASE("a ticket follows its queue, its watchers and its pins", "[ingest][scope]") {
  Teams t;
  CHECK(t.depot->send(t.queue(*t.depot, t.south)).outcome == Outcome::applied);
  CHECK(t.desk.members(t.ticket) == std::vector{t.bob});
  CHECK(t.left_reason(t.ada) == static_cast<std::int64_t>(sync::LeftReason::queue_changed));
  t.sync_all();
  CHECK(t.office->send(t.office->make(Intent::pin, t.ticket)).outcome == Outcome::applied);
  Change watch = t.office->make(Intent::watch, t.ticket);
  watch.target = Bytes(t.ada.view());
  CHECK(t.office->send(watch).outcome == Outcome::applied);
  CHECK(t.desk.members(t.ticket) == t.sorted({t.ada, t.bob, t.eve}));
  t.desk.reopen();
  t.sync_all();
  CHECK(t.office->send(t.office->make(Intent::unpin, t.ticket)).outcome == Outcome::applied);
  CHECK(t.desk.members(t.ticket) == t.sorted({t.ada, t.bob}));
}

TEST_CASE("an operator's scope follows their queues, role and first device", "[ingest][scope]") {
  Teams t;
  t.desk.change_operator(t.ada, sync::Role::operator_, {t.south});
  CHECK(t.desk.members(t.ticket) == std::vector{t.bob});
  t.desk.change_operator(t.ada, sync::Role::operator_, {t.north});
  CHECK(t.desk.members(t.ticket) == t.sorted({t.ada, t.bob}));
  t.desk.change_operator(t.bob, sync::Role::supervisor, {t.north});
  CHECK(t.desk.members(t.ticket) == std::vector{t.ada});
  auto first = t.desk.add_van(t.dan);
  CHECK(t.desk.members(t.ticket) == t.sorted({t.ada, t.dan}));
}

TEST_CASE("who loses a ticket while dark keeps a custody mark until their device has synced past it",
          "[ingest][scope]") {
  const NothingFails calm;
  Teams t;
  CHECK(t.van->send(t.van->make(Intent::take, t.ticket)).outcome == Outcome::applied);
  t.sync_all();
  CHECK(t.office->send(t.assign(*t.office, t.bob)).outcome == Outcome::applied);
  REQUIRE(t.desk.state(t.ticket).custody.size() == 1);
  CHECK(t.desk.state(t.ticket).custody.front().operator_id == t.ada);
  CHECK(t.desk.members(t.ticket) == t.sorted({t.ada, t.bob}));
  t.desk.reopen();
  // Its work arrives: the mark stays, for its cursor is still behind the claim.
  t.van->seal({t.van->note(t.ticket, "written while dark")});
  t.van->push();
  CHECK(t.desk.state(t.ticket).custody.size() == 1);
  t.van->pull();
  CHECK(t.desk.state(t.ticket).custody.empty());
  CHECK(t.desk.members(t.ticket) == std::vector{t.bob});
  CHECK(t.desk.differs_from_zero() == "");
}

TEST_CASE("who reassigns from their only device leaves no mark of their own", "[ingest][scope]") {
  Teams t;
  CHECK(t.van->send(t.van->make(Intent::take, t.ticket)).outcome == Outcome::applied);
  t.sync_all();
  CHECK(t.van->send(t.assign(*t.van, t.bob)).outcome == Outcome::applied);
  CHECK(t.desk.state(t.ticket).custody.empty());
}

TEST_CASE("ended tickets leave the scopes by a commit of a job, and only then", "[ingest][scope]") {
  Teams t;
  Change watch = t.office->make(Intent::watch, t.ticket);
  watch.target = Bytes(t.eve.view());
  CHECK(t.office->send(watch).outcome == Outcome::applied);
  CHECK(t.van->send({t.van->make(Intent::take, t.ticket), t.van->make(Intent::close, t.ticket)})[1].outcome ==
        Outcome::applied);
  t.desk.environment.advance(7 * day_ms - 3'600'000);
  REQUIRE(persist_job(*t.desk.tenant, [&] { return server::expire_scopes(*t.desk.tenant); }));
  CHECK(t.desk.members(t.ticket) == t.sorted({t.ada, t.eve}));
  t.desk.environment.advance(2 * 3'600'000);
  const auto seq = t.desk.tenant->commit_seq();
  const auto done = persist_job(*t.desk.tenant, [&] { return server::expire_scopes(*t.desk.tenant); });
  REQUIRE(done);
  REQUIRE(*done);
  CHECK(t.desk.tenant->commit_seq() == seq + 1);
  CHECK(t.desk.members(t.ticket) == std::vector{t.eve});
  CHECK(t.left_reason(t.ada) == static_cast<std::int64_t>(sync::LeftReason::ended));
  t.desk.environment.advance(24 * day_ms);
  REQUIRE(persist_job(*t.desk.tenant, [&] { return server::expire_scopes(*t.desk.tenant); }));
  CHECK(t.desk.members(t.ticket).empty());
  const auto quiet = t.desk.tenant->commit_seq();
  t.desk.environment.advance(day_ms);
  REQUIRE(persist_job(*t.desk.tenant, [&] { return server::expire_scopes(*t.desk.tenant); }));
  CHECK(t.desk.tenant->commit_seq() == quiet);
}

TEST_CASE("what changed of what a reader holds is the same from either side", "[exchange][scope]") {
  Teams t;
  for (int i = 0; i < 4; ++i) {
    const TicketId other = t.desk.new_ticket_id();
    t.depot->send({t.depot->create(other), t.depot->note(other, "hello")});
  }
  t.sync_all();
  t.van->send(t.van->make(Intent::take, t.ticket));
  t.sync_all();
  t.depot->send(t.assign(*t.depot, t.bob));
  t.sync_all();
  auto reader = must(t.desk.tenant->reader());
  std::size_t found = 0;
  for (const OperatorId& who : {t.ada, t.bob, t.eve}) {
    for (std::uint64_t after = 0; after <= t.desk.tenant->commit_seq(); ++after) {
      const server::ReaderScope scope{t.desk.tenant->number(), who};
      const auto changed = [&](std::uint64_t now) {
        std::vector<std::pair<TicketId, std::uint64_t>> tickets;
        auto rows = must(server::changed_tickets(reader.db(), scope, after, now));
        while (must(rows.step())) tickets.emplace_back(rows.id<TicketId>(0), rows.uint64(1));
        std::sort(tickets.begin(), tickets.end());
        return tickets;
      };
      CHECK(changed(after + 1) == changed(after + 1'000'000));
      found += changed(after + 1).size();
    }
  }
  CHECK(found > 0);
}
