// kill -9 of a device while it saves and syncs over TLS, beside another one that goes on.
#include <random>
#include <set>
#include <string_view>

#include "process/load.hpp"
#include "support/authority.hpp"
#include "tern/protocol/crash_point.hpp"

namespace tern::test {
namespace {

std::string_view device_point_of(int round) {
  return device_crash_points[static_cast<std::size_t>(round) / 2 % device_crash_points.size()];
}

std::map<std::string, std::string> device_death(int round) {
#ifdef TERN_TEST_CRASH_POINTS
  if (round % 2 == 1)
    return {{"TERN_CRASH_AT", std::string(device_point_of(round)) + ":" + std::to_string(1 + round % 7)}};
#else
  static_cast<void>(round);
#endif
  return {};
}

/// What both sides show of each ticket.
using Shown = std::map<std::string, std::string>;

std::string shown(const Json& ticket) {
  return ticket["subject"].as_string() + '|' + ticket["status"].as_string() + '|' + ticket["priority"].as_string() +
         '|' + ticket["queue"].as_string();
}

Shown shown_by(const DeviceProcess& device) {
  Shown all;
  std::string after;
  for (;;) {
    Words words = {"list", "--status", "all", "--limit", "500"};
    if (!after.empty()) words.insert(words.end(), {"--after", after});
    after.clear();
    for (const Json& row : device(words).lines()) {
      if (const Json* next = row.find("next"))
        after = next->as_string();
      else
        all[row["number"].as_string()] = shown(row);
    }
    if (after.empty()) return all;
  }
}

Shown shown_by(const ServerProcess& server) {
  Shown all;
  for (const Json& ticket : server.admin({"export"}).lines()) all[ticket["number"].as_string()] = shown(ticket);
  return all;
}

void check_equal(const Shown& device, const Shown& server) {
  CHECK(device.size() == server.size());
  for (const auto& [number, ticket] : server) {
    const auto here = device.find(number);
    if (here == device.end())
      FAIL_CHECK(number << " is not on the device");
    else if (here->second != ticket)
      FAIL_CHECK(number << " is " << here->second << " on the device, " << ticket << " on the server");
  }
}

}  // namespace

TEST_CASE("a device that is killed again and again keeps what it said was saved, and the server has it once",
          "[kill]") {
  const TempDir folder;
  const Authority authority(folder, "ours", "IP:127.0.0.1");
  ServerProcess server(folder.file("server"));
  server.scheme = "https";
  server.start({"--quiet", "--tls-cert", authority.certificate, "--tls-key", authority.key});
  const Words trusting = {"--ca", authority.ca};
  const DeviceProcess ann(server, folder.file("ann"), "Ann", "operator", "own", trusting),
      ben(server, folder.file("ben"), "Ben", "operator", "own", trusting);
  Child beside(load_command(ben, {"--pause-ms", "15", "--seed", "77"}));
  REQUIRE(beside.says("synced"));

  std::mt19937 random(20261121);
  const int rounds = kill_rounds();
  int at_points = 0;
  std::set<std::string_view> points;  // at which it died
  std::set<std::string> saved;
  for (int round = 0; round < rounds; ++round) {
    const auto death = device_death(round);
    Child worker(load_command(ann, {"--row-budget", "1", "--sync-every", "2", "--seed", std::to_string(round)}, death));
    REQUIRE(worker.says("ready"));
    if (death.empty()) {
      sleep_ms(std::uniform_int_distribution<int>(5, 120)(random));
    } else if (until([&] { return !worker.running(); }, 5'000)) {
      ++at_points;
      points.insert(device_point_of(round));
    }
    const Ended ended = worker.kill_hard();
    INFO("round " << round << ": " << ended.err);
    REQUIRE(ended.signal == 9);
    saved.merge(said_saved(worker));
    const OwnWork work = work_of(ann);
    check_each_is_in(saved, work.all, "saved, and not in the device's history");
    if (round % (round < 50 ? 5 : 25) != 4) continue;  // what a check reads grows with the rounds
    const Ledger ledger = ledger_of(server);
    CHECK(ledger.doubled == std::vector<std::string>{});
    check_each_is_in(work.confirmed, ledger.changes, "confirmed, and not in the ledger");
  }
#ifdef TERN_TEST_CRASH_POINTS
  CHECK(at_points == rounds / 2);
  if (rounds / 2 >= static_cast<int>(device_crash_points.size())) CHECK(points.size() == device_crash_points.size());
#endif

  const auto beside_saved = said_saved(beside);
  if (!beside.running()) FAIL("the other device ended by itself: " << beside.err());
  beside.kill_hard();
  for (const DeviceProcess* device : {&ann, &ben, &ann}) (*device)({"sync"});
  const OwnWork anns = work_of(ann), bens = work_of(ben);
  CHECK(anns.confirmed == anns.all);
  CHECK(bens.confirmed == bens.all);
  check_each_is_in(beside_saved, bens.all, "saved by the other device, and not in its history");
  std::set<std::string> all_work = anns.all;
  all_work.insert(bens.all.begin(), bens.all.end());
  const Ledger ledger = ledger_of(server);
  CHECK(ledger.doubled.empty());
  CHECK(ledger.changes == all_work);
  CHECK(anns.all.size() > 200);
  check_equal(shown_by(ann), shown_by(server));
  check_verified(server);
}

#ifdef TERN_TEST_CRASH_POINTS
TEST_CASE("tern itself, killed at each step of saving and syncing, goes on where it was", "[kill]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start({"--quiet"});
  const DeviceProcess ann(server, folder.file("ann"), "Ann"), ben(server, folder.file("ben"), "Ben");
  static_cast<void>(ann.open_ticket("Pump leaks"));
  ann({"sync"});
  ben({"sync"});
  const std::string number = ben.number_of("Pump leaks");

  const auto killed = [](const DeviceProcess& device, const Words& words, const std::string& point) {
    const Ended ended = device.tern(words, {}, {{"TERN_CRASH_AT", point + ":1"}});
    INFO(point << ": " << ended.err);
    CHECK(ended.signal == 9);
    CHECK(ended.out.empty());
  };
  killed(ann, {"note", number, "written before the crash"}, "after_outbox_commit");
  CHECK(work_of(ann).all.size() == 3);
  killed(ann, {"sync"}, "after_receipts");
  CHECK(work_of(ann).confirmed.size() == 3);
  killed(ben, {"sync"}, "before_apply");
  ben({"sync"});
  CHECK(ben({"show", number}).out.find("written before the crash") != std::string::npos);
  CHECK(ledger_of(server).doubled.empty());
  check_verified(server);
}
#endif

}  // namespace tern::test
