// SLA clocks on their way to devices: whose, when, and how many at once.
#include <set>

#include "house.hpp"
#include "support/catch.hpp"
#include "tern/sync/sla_clock.hpp"

namespace tern::test {
namespace {

constexpr std::int64_t clocks_hour_ms = 3'600'000;

/// A device that shows clocks.
struct Reader {
  Reader(House& house, const std::string& name, const std::string& scope) : device(house, name, scope) {
    must(device.open_session());
  }

  v1::ExchangeResponse ask(std::uint32_t want_bytes = 0) {
    v1::ExchangeRequest request = device.request();
    request.set_clocks(true);
    request.set_clocks_from(upto);
    request.set_want_bytes(want_bytes);
    auto answer = device.exchange(request);
    CHECK(answer.clocks_from() == upto);
    upto = answer.clocks_upto();
    return answer;
  }
  /// To the end; each clock that came, in order.
  std::vector<v1::TicketClock> sync(std::uint32_t want_bytes = 0) {
    std::vector<v1::TicketClock> out;
    for (;;) {
      const auto answer = ask(want_bytes);
      out.insert(out.end(), answer.clocks().begin(), answer.clocks().end());
      pages += 1;
      if (!answer.more()) return out;
    }
  }

  Device device;
  std::uint64_t upto = 0;
  int pages = 0;
};

struct Promises {
  Promises() {
    house.add_operator("ann", "supervisor");
    house.add_operator("bob");
    ann = std::make_unique<Reader>(house, "ann", "all");
    bob = std::make_unique<Reader>(house, "bob", "own");
  }
  TicketId make() {
    const TicketId ticket = random_id<TicketId>(house.environment);
    ann->device.push(ann->device.create(ticket));
    return ticket;
  }
  void rule(const char* resolution) {
    house.command(
        cmd(ruled ? "sla rule set" : "sla rule add", {{"name", Json("All")}, {"resolution", Json(resolution)}}));
    ruled = true;
    house.tick();
  }
  std::int64_t now() { return house.environment.wall_ms() / 1000; }

  House house;
  std::unique_ptr<Reader> ann, bob;
  bool ruled = false;
};

std::int64_t due_of(const v1::TicketClock& clock) {
  const auto read = must(sync::decode_sla_clock(clock.clock()));
  REQUIRE(read.cycles.size() == 1);
  REQUIRE(read.cycles[0].due);
  return *read.cycles[0].due;
}

}  // namespace

TEST_CASE("a device is told of a clock when it asks, and again when it is another one", "[server][exchange][sla]") {
  Promises p;
  Reader& ann = *p.ann;
  const TicketId ticket = p.make();
  const std::int64_t asked = p.now();
  auto came = ann.sync();
  REQUIRE(came.size() == 1);
  CHECK(came[0].ticket_id() == ticket.view());
  CHECK(due_of(came[0]) == asked + 48 * 3600);
  const std::uint64_t upto = ann.upto;
  CHECK(upto > 0);

  p.house.environment.advance(50 * clocks_hour_ms);  // yellow, then breached: the device knows
  p.house.tick();
  must(ann.device.open_session());
  CHECK(ann.sync().empty());
  CHECK(ann.upto == upto);

  ann.device.push(ann.device.change(sync::Intent::close, ticket));
  const TicketId other = p.make();
  CHECK(ann.sync().size() == 2);
  const auto before = ann.device.cursor;
  p.rule("3h");
  auto answer = ann.ask();  // no ticket was changed
  CHECK(answer.patches_size() == 0);
  REQUIRE(answer.clocks_size() == 1);
  CHECK(answer.clocks(0).ticket_id() == other.view());
  CHECK(due_of(answer.clocks(0)) == p.now() + 3 * 3600);
  CHECK(ann.device.cursor == before + 1);  // the record
  ann.device.push(ann.device.change(sync::Intent::close, other));
  came = ann.sync();
  REQUIRE(came.size() == 1);
  CHECK(came[0].clock().empty());
}

TEST_CASE("a device that does not know clocks is told of none", "[server][exchange][sla]") {
  Promises p;
  p.make();
  Reader old(p.house, "ann", "all");
  const auto whole = old.device.exchange();
  CHECK(whole.patches_size() == 1);
  CHECK(whole.clocks_size() == 0);
  p.make();
  const auto news = old.device.exchange();
  CHECK(news.patches_size() == 1);
  CHECK(news.clocks_size() == 0);
  CHECK(news.clocks_upto() == 0);
  CHECK(old.sync().size() == 2);  // after an upgrade: all of its scope
}

TEST_CASE("only clocks of the scope travel, and a ticket that enters it brings its own", "[server][exchange][sla]") {
  Promises p;
  p.make();
  CHECK(p.bob->sync().empty());
  const TicketId given = p.make();
  CHECK(p.bob->sync().empty());
  sync::Change assign = p.ann->device.change(sync::Intent::assign, given);
  assign.target = Bytes(p.bob->device.certificate.author.view());
  assign.reason = "yours";
  p.ann->device.push(assign);
  const std::uint64_t upto = p.bob->upto;
  const auto answer = p.bob->ask();
  REQUIRE(answer.entered_size() == 1);
  REQUIRE(answer.clocks_size() == 1);
  CHECK(answer.clocks(0).ticket_id() == given.view());
  CHECK(upto > 0);
  CHECK(p.bob->upto == upto);  // it is older than what he was told of
}

TEST_CASE("a first download brings each clock with its ticket, and news go on from its beginning",
          "[server][exchange][sla]") {
  Promises p;
  std::set<Bytes> made;
  for (int i = 0; i < 40; ++i) made.insert(Bytes(p.make().view()));
  Reader fresh(p.house, "ann", "all");
  const auto first = fresh.ask(4096);
  CHECK(first.more());
  CHECK(first.patches_size() > 0);
  CHECK(first.clocks_size() == first.patches_size());
  const std::uint64_t upto = fresh.upto;
  CHECK(upto > 0);
  const TicketId late = p.make();
  std::set<Bytes> told;
  for (const auto& clock : first.clocks()) told.insert(clock.ticket_id());
  for (const auto& clock : fresh.sync(4096)) told.insert(clock.ticket_id());
  made.insert(Bytes(late.view()));
  CHECK(told == made);
  CHECK(fresh.upto > upto);
}

TEST_CASE("many clocks come in pages, each once", "[server][exchange][sla]") {
  Promises p;
  for (int i = 0; i < 150; ++i) p.make();
  p.ann->device.download();
  p.ann->pages = 0;
  std::set<Bytes> told;
  const auto came = p.ann->sync(4096);
  for (const auto& clock : came) told.insert(clock.ticket_id());
  CHECK(told.size() == 150);
  CHECK(came.size() == 150);
  CHECK(p.ann->pages > 1);
  CHECK(p.ann->pages < 10);

  p.rule("3h");  // looked at by the tick, 32 at a time: one number each
  CHECK(p.ann->sync(4096).size() == 150);
}

TEST_CASE("a place above all that was told is of another history: all is told again", "[server][exchange][sla]") {
  Promises p;
  p.make();
  REQUIRE(p.ann->sync().size() == 1);
  const std::uint64_t upto = p.ann->upto;
  p.ann->upto = UINT64_MAX;
  CHECK(p.ann->sync().size() == 1);
  CHECK(p.ann->upto == upto);
}

}  // namespace tern::test
