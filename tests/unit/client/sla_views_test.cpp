// Deadlines on a device: kept beside the tickets, counted down without the server.
#include "exchange/sync_state.hpp"
#include "support/catch.hpp"
#include "support/older_schema.hpp"
#include "tern/protocol/anchor.hpp"
#include "tern/protocol/signed_statement.hpp"
#include "tern/sync/sla_clock.hpp"
#include "unit/client/client_desk.hpp"
#include "views/sla_view.hpp"

using namespace tern;
using namespace tern::test;
using client::ListFilter;

namespace {

constexpr std::int64_t sla_minute_ms = 60'000;

/// Two tickets of a colleague's, and a server that tells of their clocks.
struct Clocked : ClientDesk {
  Clocked() {
    add_operator("ann");
    add_operator("me");
    pump = colleagues_ticket("ann", "pump leaks");
    fan = colleagues_ticket("ann", "fan hums");
    pull();
  }
  std::int64_t now_s() { return env.wall_ms() / 1000; }
  /// A resolution that is due in so many minutes, yellow 10 minutes before.
  sync::SlaClock due_in(std::int64_t minutes) {
    sync::SlaClock clock;
    clock.cycles.push_back({sync::SlaMetric::resolution, 1, now_s() + minutes * 60, now_s() + minutes * 60 - 600, {}});
    return clock;
  }
  /// A page of nothing but clocks.
  std::unique_ptr<v1::ExchangeResponse> told(const std::map<TicketId, sync::SlaClock>& clocks, std::uint64_t from,
                                             std::uint64_t upto) {
    auto response = std::make_unique<v1::ExchangeResponse>();
    for (const auto& [id, clock] : clocks) {
      v1::TicketClock& one = *response->add_clocks();
      one.set_ticket_id(Bytes(id.view()));
      one.set_clock(sync::encode_sla_clock(clock));
    }
    response->mutable_cursor()->set_epoch(Bytes(ledger.epoch.view()));
    response->mutable_cursor()->set_commit_seq(ledger.commit_seq);
    response->set_server_time_ms(env.wall_ms());
    response->set_clocks_from(from);
    response->set_clocks_upto(upto);
    return response;
  }
  std::optional<client::SlaView> sla(const TicketId& ticket) { return show(ticket).row.sla; }
  std::vector<std::string> sorted(bool descending) {
    ListFilter filter;
    filter.sort = "sla";
    filter.descending = descending;
    filter.limit = 1;  // so that tokens are used, too
    std::vector<std::string> out;
    do {
      const auto page = must(views->list(filter));
      for (const auto& row : page.rows) out.push_back(row.subject);
      filter.after = page.next;
    } while (!filter.after.empty());
    return out;
  }

  TicketId pump, fan;
};

}  // namespace

TEST_CASE("a deadline is counted down offline, and turns yellow and red by itself", "[client][sla]") {
  Clocked desk;
  CHECK_FALSE(desk.sla(desk.pump));
  const auto digest = must(desk.replica->digest());
  const std::int64_t synced_ms = desk.env.wall_ms();
  desk.apply(desk.told({{desk.pump, desk.due_in(30)}}, 0, 7));
  CHECK(must(desk.replica->digest()) == digest);
  CHECK(must(desk.replica->clocks_upto()) == 7);
  auto wait = desk.sla(desk.pump);
  REQUIRE(wait);
  CHECK(wait->metric == "resolution");
  CHECK(wait->colour == "green");
  CHECK(wait->left_s == 30 * 60);
  CHECK(wait->due_ms == synced_ms / 1000 * 1000 + 30 * sla_minute_ms);

  desk.env.advance(20 * sla_minute_ms);
  desk.reopen();
  CHECK(desk.sla(desk.pump)->colour == "yellow");
  CHECK(desk.sla(desk.pump)->left_s == 10 * 60);
  desk.env.advance(10 * sla_minute_ms);
  CHECK(desk.sla(desk.pump)->colour == "yellow");
  desk.env.advance(1000);
  CHECK(desk.sla(desk.pump)->colour == "red");
  CHECK(desk.sla(desk.pump)->left_s == -1);
  const client::TicketView view = desk.show(desk.pump);
  REQUIRE(view.sla.size() == 1);
  CHECK(view.sla_as_of_ms == synced_ms);
  CHECK(view.now_ms == desk.env.wall_ms());
  const Json json = client::to_json(view);
  CHECK(json["sla"]["colour"].as_string() == "red");
  CHECK(json["sla_waits"].items()[0]["left_s"].as_integer() == -1);
  CHECK_FALSE(json["sla_as_of"].is_null());
  CHECK(client::to_json(desk.show(desk.fan))["sla"].is_null());
}

TEST_CASE("what is paused shows what is left of it, and since when", "[client][sla]") {
  Clocked desk;
  sync::SlaClock clock;
  clock.cycles.push_back({sync::SlaMetric::first_response, 1, {}, {}, 3600});
  clock.waits_since = desk.now_s() - 60;
  desk.apply(desk.told({{desk.pump, clock}}, 0, 7));
  desk.env.advance(500 * sla_minute_ms);
  const client::TicketView view = desk.show(desk.pump);
  REQUIRE(view.sla.size() == 1);
  CHECK(view.sla[0].colour == "blue");
  CHECK(view.sla[0].paused);
  CHECK(view.sla[0].left_s == 3600);
  CHECK(view.waits_since_ms == *clock.waits_since * 1000);
}

TEST_CASE("lists sort by the nearest deadline, those without one last", "[client][sla]") {
  Clocked desk;
  const TicketId lamp = desk.colleagues_ticket("ann", "lamp broken");
  desk.pull();
  desk.apply(desk.told({{desk.pump, desk.due_in(90)}, {lamp, desk.due_in(30)}}, 0, 7));
  CHECK(desk.sorted(true) == std::vector<std::string>{"lamp broken", "pump leaks", "fan hums"});
  CHECK(desk.sorted(false) == std::vector<std::string>{"fan hums", "pump leaks", "lamp broken"});
}

TEST_CASE("a newer clock replaces the one before, an empty one ends it, one from another place waits its turn",
          "[client][sla]") {
  Clocked desk;
  desk.apply(desk.told({{desk.pump, desk.due_in(30)}}, 0, 7));
  desk.apply(desk.told({{desk.pump, desk.due_in(60)}, {desk.fan, desk.due_in(5)}}, 3, 9));  // this copy stands at 7
  CHECK(desk.sla(desk.pump)->left_s == 30 * 60);
  CHECK(desk.sla(desk.fan));  // nothing was known of it: as what enters the scope
  CHECK(must(desk.replica->clocks_upto()) == 7);
  desk.apply(desk.told({{desk.pump, desk.due_in(60)}}, 7, 9), 1);
  CHECK(desk.sla(desk.pump)->left_s == 60 * 60);
  CHECK(must(desk.replica->clocks_upto()) == 9);
  desk.apply(desk.told({{desk.pump, {}}, {random_id<TicketId>(desk.env), desk.due_in(5)}}, 9, 11));
  CHECK_FALSE(desk.sla(desk.pump));
  desk.apply(desk.told({}, 0, 0));  // of a server that does not tell of clocks
  CHECK(must(desk.replica->clocks_upto()) == 11);
}

TEST_CASE("a clock that cannot be read stops the page, and nothing of it is stored", "[client][sla]") {
  Clocked desk;
  auto page = desk.told({{desk.pump, desk.due_in(30)}}, 0, 7);
  page->mutable_clocks(0)->set_clock("\xff\xff");
  const auto applied = desk.replica->begin_page(std::move(page), *desk.outbox)->apply(500);
  REQUIRE_FALSE(applied);
  CHECK(applied.error().code == ErrorCode::corrupt);
  CHECK(applied.error().field == "row");
  CHECK(must(desk.replica->clocks_upto()) == 0);
}

TEST_CASE("what leaves the scope takes its clock along, work of one's own on it or not", "[client][sla]") {
  Clocked desk;
  desk.apply(desk.told({{desk.pump, desk.due_in(30)}, {desk.fan, desk.due_in(30)}}, 0, 7));
  desk.save(desk.message(desk.pump, "on my way"));
  auto page = desk.told({}, 7, 7);
  for (const TicketId& ticket : {desk.pump, desk.fan}) {
    v1::Left& left = *page->add_left();
    left.set_ticket_id(Bytes(ticket.view()));
    left.set_reason(1);
  }
  desk.apply(std::move(page));
  CHECK(desk.show(desk.pump).row.ghost);
  CHECK_FALSE(desk.sla(desk.pump));
  CHECK(must(desk.replica->database().int64_of("SELECT count(*) FROM clock")) == 0);
}

TEST_CASE("clocks of a history that was given up are forgotten, and told again from the beginning", "[client][sla]") {
  Clocked desk;
  desk.apply(desk.told({{desk.pump, desk.due_in(30)}, {desk.fan, desk.due_in(30)}}, 0, 7));
  desk.ledger.epoch = named<EpochId>("epoch-two");
  desk.apply(desk.told({}, 0, 0));
  CHECK(must(desk.replica->clocks_upto()) == 0);
  CHECK_FALSE(desk.sla(desk.pump));
  desk.apply(desk.told({{desk.pump, desk.due_in(45)}}, 0, 5));
  CHECK(desk.sla(desk.pump)->left_s == 45 * 60);
  CHECK(must(desk.replica->clocks_upto()) == 5);
}

TEST_CASE("a copy that is fetched anew knows no clock", "[client][sla]") {
  Clocked desk;
  desk.apply(desk.told({{desk.pump, desk.due_in(30)}}, 0, 7));
  must(desk.replica->rebuild(*desk.outbox));
  CHECK(must(desk.replica->clocks_upto()) == 0);
  desk.pull();
  CHECK_FALSE(desk.sla(desk.pump));
}

TEST_CASE("a home of an older program that nobody may write to is read as it is, without clocks", "[client][sla]") {
  Clocked desk;
  must(desk.replica->database().exec(
      before_read_marks +
      "DROP TABLE clock; DROP TABLE given_up; DROP INDEX message_files; ALTER TABLE message DROP COLUMN is_file; "
      "DELETE FROM meta WHERE name = 'files_found'; PRAGMA user_version = 2"));
  desk.close();
  const auto outbox = must(Outbox::open(desk.outbox_path(), Bytes(32, 'k'), {}, sqlite::Role::reader));
  const auto replica = must(Replica::open(desk.replica_path(), Bytes(32, 'k'), {}, sqlite::Role::reader));
  const auto views = client::make_views({*outbox, *replica, desk.identity, desk.env, false});
  ListFilter filter;
  filter.sort = "sla";
  const auto page = must(views->list(filter));
  REQUIRE(page.rows.size() == 2);
  CHECK_FALSE(page.rows[0].sla);
  CHECK(must(views->ticket(desk.pump)).sla.empty());
  CHECK(must(views->unread()).items == 0);
  desk.reopen();  // and who may write brings it along
  desk.apply(desk.told({{desk.pump, desk.due_in(30)}}, 0, 7));
  CHECK(desk.sla(desk.pump));
}

TEST_CASE("the time of the countdown is the anchor's, not that of a clock which somebody set", "[client][sla][time]") {
  Clocked desk;
  const std::int64_t anchored_ms = 1'800'000'000'000;
  protocol::Anchor anchor;
  anchor.time_ms = anchored_ms;
  client::AnchorHeld held;
  held.anchor = protocol::sign_statement(anchor, desk.key).wire;
  held.hash = named<Hash>("anchor");
  held.request_boot_ms = desk.env.boot_ms();
  held.boot = desk.env.boot_id();
  must(desk.outbox->set_anchor(held));
  desk.env.advance(5'000);
  desk.env.set_wall(12);
  CHECK(client::server_time_now(*desk.outbox, desk.env) == anchored_ms + 5'000);

  desk.env.reboot();
  client::SyncState state;
  state.server_offset_ms = 1'000;
  must(client::store_sync_state(*desk.outbox, state));
  CHECK(client::server_time_now(*desk.outbox, desk.env) == 1'012);
  state.current_as_of_ms = anchored_ms;  // time does not go back behind the last sync
  must(client::store_sync_state(*desk.outbox, state));
  CHECK(client::server_time_now(*desk.outbox, desk.env) == anchored_ms);
}
