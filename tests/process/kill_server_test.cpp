// kill -9 of the server under devices that never stop working, over TLS.
#include <signal.h>

#include <random>
#include <set>
#include <string_view>

#include "process/load.hpp"
#include "support/authority.hpp"
#include "support/catch.hpp"
#include "support/process_desk.hpp"
#include "tern/protocol/crash_point.hpp"

namespace tern::test {
namespace {

constexpr int devices = 3;

std::string_view point_of(int round) {
  return server_crash_points[static_cast<std::size_t>(round) / 2 % server_crash_points.size()];
}

/// What each round kills at: a moment, or a step of persistence.
std::map<std::string, std::string> death_of(int round) {
#ifdef TERN_TEST_CRASH_POINTS
  if (round % 2 == 1) return {{"TERN_CRASH_AT", std::string(point_of(round)) + ":" + std::to_string(1 + round % 9)}};
#else
  static_cast<void>(round);
#endif
  return {};
}

struct Load {
  std::unique_ptr<DeviceProcess> device;
  std::unique_ptr<Child> worker;
};

/// The server is away: what its ledger holds, against what the devices hold receipts for.
void check_nothing_lost(const ServerProcess& server, const std::vector<Load>& loads) {
  const Ledger ledger = ledger_of(server);
  CHECK(ledger.doubled == std::vector<std::string>{});
  for (const Load& load : loads)
    check_each_is_in(work_of(*load.device).confirmed, ledger.changes, "confirmed, and not in the ledger");
}

}  // namespace

TEST_CASE("a server that is killed again and again under load loses nothing that it confirmed and doubles nothing",
          "[kill]") {
  const TempDir folder;
  const Authority authority(folder, "ours", "IP:127.0.0.1");
  const Words over_tls = {"--quiet", "--tls-cert", authority.certificate, "--tls-key", authority.key};
  ServerProcess server(folder.file("server"));
  server.scheme = "https";
  server.start(over_tls);
  std::vector<Load> loads(devices);
  for (int i = 0; i < devices; ++i) {
    const std::string name = "Agent" + std::to_string(i);
    loads[i].device = std::make_unique<DeviceProcess>(server, folder.file(name), name, "operator", "own",
                                                      Words{"--ca", authority.ca});
    loads[i].worker = std::make_unique<Child>(load_command(*loads[i].device, {"--seed", std::to_string(i)}));
    REQUIRE(loads[i].worker->says("synced"));
  }
  server.kill_hard();

  std::mt19937 random(20261121);
  const int rounds = kill_rounds();
  int at_points = 0;
  std::set<std::string_view> points;  // at which it died
  for (int round = 0; round < rounds; ++round) {
    const auto death = death_of(round);
    server.start(over_tls, death);
    if (death.empty()) {
      sleep_ms(std::uniform_int_distribution<int>(20, 250)(random));
    } else if (until([&] { return !server.running(); }, 5'000)) {
      ++at_points;
      points.insert(point_of(round));
    }
    server.kill_hard();
    for (Load& load : loads) load.worker->signal(SIGSTOP);
    INFO("round " << round);
    for (Load& load : loads)
      if (!load.worker->running()) FAIL("a device ended by itself: " << load.worker->err());
    // What was lost or doubled once stays so; what a check reads grows with the rounds.
    if (round < 5 || round % 10 == 9) check_nothing_lost(server, loads);
    if (round % (round < 50 ? 10 : 50) == 9) check_verified(server);
    for (Load& load : loads) load.worker->signal(SIGCONT);
  }
#ifdef TERN_TEST_CRASH_POINTS
  CHECK(at_points == rounds / 2);
  if (rounds / 2 >= static_cast<int>(server_crash_points.size())) CHECK(points.size() == server_crash_points.size());
#endif

  for (Load& load : loads) load.worker->kill_hard();
  server.start(over_tls);
  std::set<std::string> all_work;
  for (Load& load : loads) {
    (*load.device)({"sync"});
    const OwnWork work = work_of(*load.device);
    CHECK(work.confirmed == work.all);
    check_each_is_in(said_saved(*load.worker), work.all, "saved, and not in the device's history");
    all_work.insert(work.all.begin(), work.all.end());
  }
  const Ledger ledger = ledger_of(server);
  CHECK(ledger.doubled.empty());
  CHECK(ledger.changes == all_work);
  CHECK(all_work.size() > 500);
  check_verified(server);
  CHECK(server.stop().exit_code == 0);
}

}  // namespace tern::test
