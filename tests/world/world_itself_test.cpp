// A world that notices nothing proves nothing: each kind of damage is planted once, and must be named.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>

#include "support/rounds.hpp"
#include "support/world.hpp"
#include "support/world_agent.hpp"

using namespace tern;
using namespace tern::test;

namespace {

/// Two devices and a ticket with work of both, all quiet.
struct OneTicket {
  explicit OneTicket(std::uint64_t seed)
      : world(Seed{seed}), van(world.add_device("van")), desk(world.add_device("desk")) {
    ticket = van.create("planted");
    van.note(ticket, "by the van");
    CHECK(world.run_until_quiet());
    desk.note(ticket, "by the desk");
    desk.set(ticket, Field::priority, "3");
    CHECK(world.run_until_quiet());
  }

  /// Changes the ledger behind the server's back.
  void damage_ledger(const std::string& sql) {
    world.server.close();
    sqlite::OpenOptions options;
    options.path = world.server.directory() + "/tenants/" + to_hex(van.tenant()) + "/tern.db";
    must(must(sqlite::Database::open(options))->exec(sql));
    world.server.open();
  }

  World world;
  Device& van;
  Device& desk;
  TicketId ticket;
};

/// That the world does complain, and of what.
bool complains_of(World& world, std::string_view what) {
  if (world.invariants_hold()) return false;
  for (const std::string& complaint : world.complaints())
    if (complaint.starts_with(what)) return true;
  return false;
}

/// All that went over the wires of a day on which a server was restored, in order.
std::vector<Bytes> traffic(std::uint64_t seed) {
  World world(Seed{seed});
  std::vector<Bytes> seen;
  world.network.on_answer = [&](const std::string& address, const client::HttpRequest& request,
                                const client::HttpAnswer& answer) {
    seen.push_back(address + " " + request.target + request.body + std::to_string(answer.status) + answer.body);
  };
  world.network.on_stream_message = [&](const std::string& address, bool up, const Bytes& message) {
    seen.push_back(address + (up ? " up " : " down ") + message);
  };
  Shop shop{{},
            {world.add_record("queue", "Field"), world.add_record("queue", "Office")},
            {world.add_record("category", "Hardware")}};
  std::vector<std::unique_ptr<Agent>> agents;
  for (const char* name : {"van", "desk", "shop", "depot"}) {
    Device& device = world.add_device(name);
    shop.people.push_back(device.operator_id());
    agents.push_back(std::make_unique<Agent>(device, shop, Seed{seed * 10 + agents.size()}));
  }
  world.network.faults = {.drop = 20, .duplicate = 20, .reorder = 20};
  const std::string backup = world.server.backup();
  for (int round = 0; round < 30; ++round) {
    Agent& agent = *agents[world.random.below(agents.size())];
    agent.work();
    agent.device().begin_round();
    world.pass(minutes_ms(2));
    agent.device().go_live();
    if (round == 20) world.server.restore(backup);
  }
  world.network.heal();
  CHECK(world.run_until_quiet());
  return seen;
}

}  // namespace

TEST_CASE("a world in order has nothing to complain of", "[world][itself]") {
  OneTicket scene(51);
  CHECK(scene.world.invariants_hold());
}

TEST_CASE("a world names an acknowledged set that is gone", "[world][itself]") {
  OneTicket scene(52);
  scene.damage_ledger("DELETE FROM change_set WHERE commit_seq = (SELECT max(commit_seq) FROM change_set)");
  CHECK(complains_of(scene.world, "I5"));
}

TEST_CASE("a world names saved work that has no outcome", "[world][itself]") {
  OneTicket scene(53);
  SavedWork lost = scene.world.saved_work.back();
  lost.ref.id = random_id<ChangeId>(scene.van.environment);
  scene.world.saved_work.push_back(lost);
  CHECK(complains_of(scene.world, "I8"));
}

TEST_CASE("a world names a message that is there twice", "[world][itself]") {
  OneTicket scene(54);
  scene.damage_ledger(
      "INSERT INTO message SELECT tenant_id, ticket_id, version + 1, device_id, x'0102030405060708', visibility, data, "
      "0 "
      "FROM message LIMIT 1");
  CHECK(complains_of(scene.world, "I3"));
}

TEST_CASE("a world names a ticket whose state is not the fold of its ledger", "[world][itself]") {
  OneTicket scene(55);
  scene.damage_ledger("UPDATE change SET standing = 4, outcome = 4 WHERE intent = 2");
  CHECK(complains_of(scene.world, "I10"));
}

TEST_CASE("a world names a chain with a hole", "[world][itself]") {
  OneTicket scene(56);
  scene.damage_ledger(
      "UPDATE change_set SET chain_seq = chain_seq + 1 WHERE commit_seq = (SELECT max(commit_seq) FROM change_set)");
  CHECK(complains_of(scene.world, "I4"));
}

TEST_CASE("a world names a device that lost a message, or a ticket", "[world][itself]") {
  for (const char* damage : {"DELETE FROM message", "DELETE FROM message; DELETE FROM ticket"}) {
    OneTicket scene(57);
    scene.van.change_copy(damage);
    CHECK(complains_of(scene.world, "I9"));
  }
}

TEST_CASE("a world names a time of anchors that goes back, and a log line that says too much", "[world][itself]") {
  OneTicket scene(58);
  scene.damage_ledger(
      "UPDATE anchor SET time_ms = time_ms - 100000 WHERE anchor_seq = (SELECT max(anchor_seq) FROM anchor)");
  CHECK(complains_of(scene.world, "I24"));
  OneTicket talkative(59);
  talkative.world.secrets.emplace_back("device_enrolled");
  CHECK(complains_of(talkative.world, "I36"));
}

TEST_CASE("a world is a function of its seed, to each byte on its wires", "[world][itself]") {
  const auto once = traffic(61), again = traffic(61);
  REQUIRE(once.size() == again.size());
  for (std::size_t i = 0; i < once.size(); ++i) {
    INFO("message " << i << ": " << to_hex(once[i]) << "\n\n" << to_hex(again[i]));
    REQUIRE((once[i] == again[i]));
  }
  CHECK(traffic(62) != once);
}

TEST_CASE("who ends the tests without a word is named", "[world]") {
  if (instrumented) return;  // the sanitizers name them
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGABRT, SIG_DFL);  // Catch2's would report the test
    ::dup2(ends[1], STDERR_FILENO);
    std::abort();
  }
  ::close(ends[1]);
  std::string said;
  std::array<char, 4096> piece{};
  for (ssize_t got = 0; (got = ::read(ends[0], piece.data(), piece.size())) > 0;)
    said.append(piece.data(), static_cast<std::size_t>(got));
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGABRT);
  CHECK(said.find("abort() was called here") != std::string::npos);
}
