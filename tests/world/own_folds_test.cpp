// A device is told "as your own fold of it" for tickets that only its own work moved, and comes to what a whole patch
// would have brought.
#include "support/rounds.hpp"
#include "support/world_agent.hpp"
#include "tern/protocol/zstd.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/ticket_state.hpp"
#include "tern/v1/exchange.pb.h"

using namespace tern;
using namespace tern::test;

namespace {

/// What answers brought to one device.
class Wire {
public:
  Wire(World& world, const Device& device) : world_(world) {
    world.network.on_answer = [this, &device](const std::string& address, const client::HttpRequest& request,
                                              client::HttpAnswer& answer) {
      if (address == device.address() && request.target == "/sync/v1/exchange" && answer.status == 200)
        take(request, answer);
    };
  }
  ~Wire() { world_.network.on_answer = nullptr; }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  int own_folds = 0, patches = 0, exchanges = 0, asked_whole = 0;
  int lose = 0;  // so many answers that bring own folds get lost

private:
  void take(const client::HttpRequest& request, client::HttpAnswer& answer) {
    Bytes asked = request.body;
    for (const auto& [name, value] : request.headers)
      if (name == "content-encoding" && value == "zstd") asked = must(protocol::decompress(request.body));
    Bytes body = answer.body;
    if (answer.header("content-encoding") == "zstd") body = must(protocol::decompress(body));
    if (answer.header("content-encoding") == "zstd-request") body = must(protocol::decompress_against(asked, body));
    v1::ExchangeRequest question;
    v1::ExchangeResponse response;
    REQUIRE(question.ParseFromString(asked));
    REQUIRE(response.ParseFromString(body));
    ++exchanges;
    if (!question.own_folds()) ++asked_whole;
    if (lose > 0 && response.has_own_folds()) {
      --lose;
      answer.body.clear();  // what is left bears no good MAC
      return;
    }
    own_folds += response.own_folds().versions_size();
    patches += response.patches_size();
  }
  World& world_;
};

struct Yard {
  World world;
  Device& van = world.add_device("van");
  Device& depot = world.add_device("depot");
  TicketId pump = van.create("pump", "it drips");

  explicit Yard(Seed seed = Seed::from_environment_or(61)) : world(seed) {
    CHECK(world.run_until_quiet());
    world.pass(minutes_ms(5));
  }
  /// Whatever way it came there: what the van shows is what everybody shows, and what a whole patch brings.
  void check_same(const std::vector<TicketId>& tickets) {
    CHECK(world.run_until_quiet());
    std::vector<std::string> shown;
    for (const TicketId& ticket : tickets) {
      shown.push_back(van.view(ticket));
      CHECK(shown.back() == depot.view(ticket));
    }
    CHECK(world.invariants_hold());
    van.delete_replica();
    CHECK(world.run_until_quiet());
    for (std::size_t i = 0; i < tickets.size(); ++i) CHECK(van.view(tickets[i]) == shown[i]);
    CHECK(world.invariants_hold());
  }
};

/// Other bytes in the confirmed state of a device's copy, which its owner cannot have made.
void alter_copy(Device& device, const TicketId& ticket) {
  const client::OpenedKeys keys = device.keys();
  device.close();
  {
    sqlite::OpenOptions options;
    options.path = device.home() + "/replica.db";
    if (sqlite::encryption_available()) options.key = sqlite::DatabaseKey::or_zero(keys.replica_key.view());
    const auto database = must(sqlite::Database::open(options));
    Bytes stored;
    {
      auto rows = must(database->query("SELECT state FROM ticket WHERE ticket_id = $1", ticket));
      REQUIRE(must(rows.step()));
      stored = Bytes(rows.blob(0));
    }
    sync::TicketState state = must(sync::decode_state(stored));
    state.first_response_ms += 1;
    must(database->run("UPDATE ticket SET state = $1 WHERE ticket_id = $2", sqlite::Blob{sync::encode_state(state)},
                       ticket));
  }
  device.open();
}

}  // namespace

TEST_CASE("own work of every kind comes back as the device's own fold of it", "[world][own_folds]") {
  Yard yard;
  Device& van = yard.van;
  Wire wire(yard.world, van);
  const TicketId made = van.create("made here", "a text of its own");
  van.set(made, Field::priority, "4");
  van.set(yard.pump, Field::subject, "pump drips");
  van.set(yard.pump, Field::custom, "Hall 3", "location");
  van.tag(yard.pump, "wet");
  van.note(yard.pump, "seen on site");
  van.reply(yard.pump, "we are there");
  van.act(yard.pump, Intent::take);
  van.act(yard.pump, Intent::start);
  van.act(yard.pump, Intent::resolve, "new seal");
  van.act(yard.pump, Intent::pin);
  must(van.sync());
  CHECK(wire.own_folds == 2);
  CHECK(wire.patches == 0);
  CHECK(wire.asked_whole == 0);
  CHECK(van.status().saved_here == 0);
  yard.check_same({made, yard.pump});
}

TEST_CASE("with a colleague's work in between, in either order, both come to the same",
          "[world][own_folds][conflict]") {
  const bool colleague_first = GENERATE(true, false);
  Yard yard;
  yard.world.network.cut();
  yard.van.set(yard.pump, Field::subject, "pump leaks");
  yard.van.note(yard.pump, "from the van");
  yard.world.pass(minutes_ms(1));
  yard.depot.set(yard.pump, Field::subject, "pump broken");
  yard.depot.act(yard.pump, Intent::take);
  yard.world.pass(minutes_ms(1));
  yard.van.set(yard.pump, Field::priority, "4");
  yard.world.network.heal();
  Wire wire(yard.world, yard.van);
  must((colleague_first ? yard.depot : yard.van).sync());
  must((colleague_first ? yard.van : yard.depot).sync());
  CHECK(wire.own_folds == (colleague_first ? 0 : 1));
  CHECK(wire.patches == (colleague_first ? 1 : 0));
  CHECK(yard.world.run_until_quiet());
  CHECK(wire.asked_whole == 0);
  yard.check_same({yard.pump});
}

TEST_CASE("an answer with own folds that gets lost comes again as such", "[world][own_folds]") {
  Yard yard;
  Wire wire(yard.world, yard.van);
  wire.lose = 2;
  yard.van.set(yard.pump, Field::subject, "pump leaks");
  yard.van.note(yard.pump, "from the van");
  CHECK(yard.world.run_until_quiet());
  CHECK(wire.lose == 0);
  CHECK(wire.own_folds == 1);
  CHECK(wire.patches == 0);
  yard.check_same({yard.pump});
}

TEST_CASE("a crash at any point while own folds are applied loses nothing and shows nothing twice",
          "[world][own_folds][crash]") {
  const auto drawn = Seed::from_environment_or(61);
  const Seed seed = GENERATE_COPY(as<Seed>{}, drawn, Seed{11});  // 11: a crash between a receipt and its page
  Yard yard(seed);
  std::vector<TicketId> tickets{yard.pump};
  for (int i = 0; i < 6; ++i) tickets.push_back(yard.van.create("ticket " + std::to_string(i)));
  CHECK(yard.world.run_until_quiet());
  yard.van.row_budget = 1;
  for (std::int64_t after_ms = 0; after_ms < 60; after_ms += 60 / rounds_of(20)) {
    for (const TicketId& ticket : tickets) yard.van.note(ticket, "round " + std::to_string(after_ms));
    yard.van.begin_round();
    yard.world.pass(after_ms);
    yard.van.crash();
    yard.world.pass(minutes_ms(1));
  }
  yard.check_same(tickets);
}

TEST_CASE("a copy whose own fold comes to something else gets the ticket whole, in the same round",
          "[world][own_folds]") {
  Yard yard;
  alter_copy(yard.van, yard.pump);
  Wire wire(yard.world, yard.van);
  const ChangeRef ref = yard.van.set(yard.pump, Field::subject, "pump leaks");
  must(yard.van.sync());
  CHECK(wire.own_folds == 1);    // it was told so once
  CHECK(wire.asked_whole == 1);  // and asked again
  CHECK(wire.patches == 1);
  CHECK(yard.van.fate(ref).standing.outcome == Outcome::applied);
  CHECK(yard.van.show(yard.pump).row.subject == "pump leaks");
  yard.van.set(yard.pump, Field::subject, "pump leaks oil");
  must(yard.van.sync());
  CHECK(wire.own_folds == 2);
  CHECK(wire.asked_whole == 1);
  yard.check_same({yard.pump});
}

TEST_CASE("what stays unsent while an own fold arrives is shown on top of it", "[world][own_folds]") {
  Yard yard;
  Wire wire(yard.world, yard.van);
  yard.van.set(yard.pump, Field::subject, "pump leaks");
  yard.van.begin_round();
  yard.van.note(yard.pump, "written while the answer was under way");  // not part of that request
  yard.world.run_while([&] { return wire.exchanges == 0; });
  yard.van.set(yard.pump, Field::subject, "pump leaks oil");
  CHECK(yard.van.show(yard.pump).row.subject == "pump leaks oil");
  CHECK(yard.world.run_until_quiet());
  CHECK(wire.patches == 0);
  CHECK(wire.asked_whole == 0);
  yard.check_same({yard.pump});
}
