// A disk that is full under a server and under a device: nothing is acknowledged that is not there, reading goes on,
// and so does work once there is room. What the disk is: support/small_disk.hpp.
#include <signal.h>

#include <filesystem>

#include "process/load.hpp"
#include "support/small_disk.hpp"

namespace tern::test {
namespace {

std::int64_t waiting_on(const DeviceProcess& device) {
  const Json status = device({"status"}).line();
  return status["saved_here"].as_integer() + status["sent"].as_integer();
}

/// What one note of 40,000 letters comes to where the disk is full: it is refused, and everything else is there.
void check_refused(const Ended& ended) {
  INFO(ended.out << ended.err);
  CHECK(ended.exit_code == 10);
  CHECK(ended.out.empty());
  CHECK(ended.error()["code"].as_string().starts_with("storage_"));
  CHECK(holds(ended.err, "not saved"));
}

const std::string long_text(40'000, 'x');

}  // namespace

TEST_CASE("a server on a full disk acknowledges nothing that is not there, and takes work again when there is room",
          "[disk][I39]") {
  const TempDir folder;
  const SmallDisk disk(folder.file("disk"), 256);
  if (disk.was_elsewhere("a server on a full disk *")) return;
  ServerProcess server(disk.file("server"));
  server.environment = disk.environment();
  server.start({"--quiet"});
  const DeviceProcess ann(server, folder.file("ann"), "Ann"), ben(server, folder.file("ben"), "Ben");
  static_cast<void>(ann.open_ticket("Pump leaks"));
  ann({"sync"});
  ben({"sync"});
  const std::string number = ann.number_of("Pump leaks");
  const std::size_t confirmed_before = work_of(ann).confirmed.size();

  disk.fill();
  for (int i = 0; i < 60; ++i) ann({"note", number, long_text});
  for (int attempt = 0; attempt < 3; ++attempt) {
    const Ended refused = ann.tern({"sync"});
    INFO(refused.out << refused.err);
    CHECK(refused.exit_code != 0);
    // What has a receipt is in the ledger, which can be read; what has none waits on the device.
    const OwnWork work = work_of(ann);
    check_each_is_in(work.confirmed, ledger_of(server).changes, "confirmed, and not in the ledger");
    CHECK(waiting_on(ann) == static_cast<std::int64_t>(work.all.size() - work.confirmed.size()));
    disk.fill();
  }
  CHECK(work_of(ann).confirmed.size() < confirmed_before + 60);
  CHECK(holds(ben({"show", number}).out, "Pump leaks"));
  CHECK(server.running());
  check_verified(server);

  // A server that starts there can be read, too, and so can its files without one.
  server.stop();
  disk.fill();
  check_verified(server);
  CHECK(holds(server.admin({"export", "--format", "jsonl"}).out, "Pump leaks"));
  disk.fill();
  server.start({"--quiet"});
  CHECK(ben({"sync"}).exit_code == 0);
  check_verified(server);

  disk.make_room();
  CHECK(until([&] { return ann.tern({"sync"}).exit_code == 0; }, 20'000));
  const OwnWork work = work_of(ann);
  CHECK(work.confirmed == work.all);
  const Ledger ledger = ledger_of(server);
  CHECK(ledger.doubled.empty());
  CHECK(ledger.changes == work.all);
  ben({"sync"});
  CHECK(ben({"show", number}).line()["timeline"].size() >= 60);
  check_verified(server);
}

TEST_CASE("on a small disk that is full a device is revoked and a text erased, the first time", "[disk]") {
  const TempDir folder;
  const SmallDisk disk(folder.file("disk"), 90);
  if (disk.was_elsewhere("on a small disk that is full *")) return;
  ServerProcess server(disk.file("server"));
  server.environment = disk.environment();
  server.start({"--quiet"});
  const DeviceProcess ann(server, folder.file("ann"), "Ann");
  static_cast<void>(ann.open_ticket("Pump leaks"));
  ann({"sync"});
  const std::string number = ann.number_of("Pump leaks"), ballast = server.data() + "/ballast";
  REQUIRE(until([&] { return std::filesystem::exists(ballast); }));
  disk.fill();
  CHECK(server.admin({"erase", "--ticket", number}).line()["erased"].as_integer() > 0);
  CHECK_FALSE(std::filesystem::exists(ballast));
  CHECK(server.admin({"device", "revoke", "Ann's device"}).line()["state"].as_string() == "revoked");
  check_verified(server);
  disk.make_room();
  CHECK(until([&] { return std::filesystem::exists(ballast); }));

  // Without a server, too: its ballast lies there still.
  const std::string other = server.data();
  server.stop();
  CHECK(std::filesystem::exists(ballast));
  disk.fill();
  CHECK(server.admin({"operator", "disable", "Ann"}).line()["active"].as_bool() == false);
  CHECK_FALSE(std::filesystem::exists(ballast));
}

TEST_CASE("a device on a full disk says what is not saved, still reads, and saves again when there is room", "[disk]") {
  const TempDir folder;
  const SmallDisk disk(folder.file("disk"), 4);
  if (disk.was_elsewhere("a device on a full disk *")) return;
  ServerProcess server(folder.file("server"));
  server.start({"--quiet"});
  const DeviceProcess made(server, folder.file("ann"), "Ann");
  const std::string number = made.open_ticket("Pump leaks");
  CHECK(holds(made({"search", "pump"}).out, "Pump leaks"));  // it is indexed when somebody looks
  std::filesystem::copy(made.home(), disk.file("ann"), std::filesystem::copy_options::recursive);
  const DeviceProcess ann(disk.file("ann"), disk.environment());
  disk.fill();
  check_refused(ann.tern({"note", number, long_text}));
  disk.fill();  // not a block is left
  CHECK(ann({"history"}).lines().size() == 2);
  CHECK(holds(ann({"show", number}).out, "Pump leaks"));
  CHECK(holds(ann({"search", "pump"}).out, "Pump leaks"));
  {
    Child watching(ann.command({"sync", "--watch"}));  // it has the home, and cannot share it
    REQUIRE(until([&] { return std::filesystem::exists(ann.home() + "/watch.sock"); }));
    CHECK(holds(ann({"show", number}).out, "Pump leaks"));
    CHECK(ann({"list"}).lines().size() == 1);
    watching.signal(SIGTERM);
    CHECK(watching.wait().exit_code != 1);
  }
  disk.make_room();
  ann({"note", number, long_text});
  ann({"sync"});
  CHECK(work_of(ann).confirmed.size() == 3);
  CHECK(ledger_of(server).changes == work_of(ann).all);
}

}  // namespace tern::test
