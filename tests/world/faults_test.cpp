// Everything at once: random work, a bad network, crashes of devices and server at random moments.
#include "support/rounds.hpp"
#include "support/world_agent.hpp"

using namespace tern;
using namespace tern::test;

namespace {

constexpr int all_rounds = 10;  // worlds of one run
constexpr int events = 160;     // of one world

/// How often each thing happened over a whole run: a fault that never came tests nothing.
struct Happened {
  FaultsSeen network;
  std::uint64_t changes = 0, device_crashes = 0, server_crashes = 0, server_stops = 0, streams = 0, reboots = 0,
                clocks = 0, lost_replicas = 0;

  void add(const FaultsSeen& seen) {
    network.dropped += seen.dropped;
    network.duplicated += seen.duplicated;
    network.reordered += seen.reordered;
    network.truncated += seen.truncated;
    network.flipped += seen.flipped;
    network.refused += seen.refused;
  }
};

/// A shop with four agents and a network whose faults are drawn from the seed.
class Storm {
public:
  explicit Storm(Seed seed) : world_(seed), random_(seed, "storm") {
    shop_.queues = {world_.add_record("queue", "Field"), world_.add_record("queue", "Desk")};
    customer_ = world_.add_record("contact", "Mrs Miller");
    shop_.categories = {world_.add_record("category", "Pumps"), world_.add_record("category", "Doors")};
    add("ann", {.role = "supervisor"});
    add("ben", {.role = "operator", .queues = {"Field"}, .scope_all = false});
    add("cas", {.role = "operator", .queues = {"Field", "Desk"}});
    add("ann at home", {.person = "ann", .scope_all = false});
    for (std::size_t i = 0; i < world_.device_count(); ++i) shop_.people.push_back(world_.device(i).operator_id());
  }

  void rage(Happened& happened) {
    const bool mild = random_.chance(300);
    const auto up_to = [&](std::uint64_t most) {
      return static_cast<unsigned>(mild ? random_.below(most / 8 + 1) : random_.below(most + 1));
    };
    for (int i = 0; i < events; ++i) {
      if (i % 20 == 0)
        world_.network.faults = {up_to(300), up_to(500), up_to(300),
                                 up_to(100), up_to(100), random_.between(0, 20'000)};
      event(happened);
    }
    happened.add(world_.network.seen());
    for (const Agent& agent : agents_) happened.changes += agent.changes();
  }

  /// The network heals, what was stopped starts: within a bounded time everybody knows everything.
  void settle() {
    world_.network.heal();
    if (!world_.server.up()) world_.server.open();
    const std::int64_t began_ms = world_.schedule.now_ms();
    CHECK(world_.run_until_quiet());
    CHECK(world_.schedule.now_ms() - began_ms < minutes_ms(30));
    for (std::size_t i = 0; i < world_.device_count(); ++i) {
      INFO(world_.device(i).name() << ": "
                                   << (world_.device(i).fault() ? world_.device(i).fault()->message : "no fault"));
      CHECK(world_.device(i).up_to_date());
    }
    CHECK(world_.invariants_hold());
  }

private:
  void add(const std::string& name, const DeviceOptions& options) {
    Device& device = world_.add_device(name, options);
    agents_.emplace_back(device, shop_, world_.seed);
  }

  void event(Happened& happened) {
    Agent& agent = random_.pick(agents_);
    Device& device = agent.device();
    device.row_budget = random_.below(12) + 1;
    const std::uint64_t what = random_.below(100);
    if (what < 45) {
      agent.work();
    } else if (what < 72) {
      device.begin_round();
    } else if (what < 76) {
      device.go_live();
      ++happened.streams;
    } else if (what < 82) {
      device.crash();
      ++happened.device_crashes;
    } else if (what < 84) {
      device.reboot();
      ++happened.reboots;
    } else if (what < 85) {
      device.delete_replica();
      ++happened.lost_replicas;
    } else if (what < 87) {
      device.environment.set_wall(device.environment.wall_ms() + random_.between(-hours_ms(30), hours_ms(30)));
      ++happened.clocks;
    } else if (what < 91) {
      world_.server.crash();
      world_.pass(random_.between(0, 40'000));
      world_.server.open();
      ++happened.server_crashes;
    } else if (what < 92) {
      world_.server.restart();
      ++happened.server_stops;
    } else if (what < 94) {
      office();
    } else if (what < 97) {
      world_.network.reaches(device.address()) ? world_.network.cut(device.address())
                                               : world_.network.heal(device.address());
    }
    world_.pass(random_.chance(700) ? random_.between(0, 3'000) : random_.between(0, 200'000));
  }

  /// What happens on the server meanwhile: a customer writes, roles change, something held is let in.
  void office() {
    const std::uint64_t what = random_.below(3);
    if (!world_.server.up()) return;
    if (what == 0) {
      const std::vector<std::string> roles{"operator", "supervisor", "light"};
      return world_.change_role("ben", random_.pick(roles));
    }
    const auto rows = agents_.front().device().list();
    if (rows.empty()) return;
    sync::Change change;
    change.ticket = random_.pick(rows).id;
    if (what == 1) {
      change.intent = Intent::message;
      change.visibility = sync::Visibility::open;
      change.text = "customer " + std::to_string(random_.next());
      change.principal_kind = sync::PrincipalKind::contact;
      change.principal_id = Bytes(customer_.view());
    } else {
      const auto held = world_.server.read(world_.server.first_tenant());
      auto row = must(held->query(
          "SELECT ticket_id, device_id, change_id FROM change WHERE standing = $1 AND ticket_id IS NOT NULL LIMIT 1",
          Outcome::held));
      if (!must(row.step())) return;
      change.intent = Intent::release;
      change.ticket = row.id<TicketId>(0);
      change.targets = {{row.id<DeviceId>(1), row.id<ChangeId>(2)}};
    }
    world_.server.act(world_.server.first_tenant(), std::move(change),
                      what == 2 ? agents_.front().device().operator_id() : OperatorId{});
  }

  World world_;
  Random random_;
  Shop shop_;
  RecordId customer_;
  std::vector<Agent> agents_;
};

}  // namespace

TEST_CASE("whatever the network does and whoever crashes, nothing saved is lost or counted twice, and all end up equal",
          "[world][seeded]") {
  const Seed seed = Seed::from_environment_or(20'260'701);
  Happened happened;
  const int rounds = std::max(4, rounds_of(all_rounds));  // fewer need not have met everything
  for (int round = 0; round < rounds; ++round) {
    Storm storm(seed.child("round " + std::to_string(round)));
    storm.rage(happened);
    storm.settle();
  }
  CHECK(happened.network.dropped > 0);
  CHECK(happened.network.duplicated > 0);
  CHECK(happened.network.reordered > 0);
  CHECK(happened.network.truncated > 0);
  CHECK(happened.network.flipped > 0);
  CHECK(happened.network.refused > 0);
  CHECK(happened.device_crashes > 0);
  CHECK(happened.server_crashes > 0);
  CHECK(happened.streams > 0);
  CHECK(happened.reboots > 0);
  CHECK(happened.clocks > 0);
  CHECK(happened.lost_replicas > 0);
  CHECK(happened.changes > static_cast<std::uint64_t>(rounds * events / 3));
}

TEST_CASE("a device whose key ends between two pages hands in its work and rests", "[world][faults]") {
  World world{Seed::from_environment_or(523)};
  Device& desk = world.add_device("desk");
  Device& van = world.add_device("van");
  CHECK(world.run_until_quiet());
  world.network.cut(van.address());
  for (int i = 0; i < 300; ++i) desk.note(desk.create("ticket " + std::to_string(i)), std::string(4'000, 'x'));
  CHECK(world.run_until_quiet());
  world.network.heal(van.address());
  const std::uint64_t tickets = desk.status().tickets;
  unsigned pages = 0, answers = 0;
  world.network.on_answer = [&](const std::string& address, const client::HttpRequest& request, client::HttpAnswer&) {
    if (address != van.address()) return;
    if (request.target == "/sync/v1/exchange" && ++pages == 1)
      world.server.administer("device revoke", {{"device", Json("van")}});
    if (++answers == 60) world.network.cut(van.address());
  };
  CHECK_FALSE(van.sync());
  CHECK(answers < 60);
  CHECK(van.status().tickets < tickets);  // there were more pages to come
  CHECK_FALSE(van.status().paused.empty());
}
