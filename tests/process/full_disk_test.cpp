// A disk that is full under a server and under a device: nothing is acknowledged that is not there, reading goes on,
// and so does work once there is room.
//
// The disk is a tmpfs: mounted, where a test may; else in namespaces of its own; else writes fail by a limit on the
// size of files. Which it was is printed. The VFS layer's quota is tried by simulation_tests.
#include <signal.h>
#include <sys/mount.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "process/load.hpp"

namespace tern::test {
namespace {

constexpr const char* inside_variable = "TERN_TEST_INSIDE_NAMESPACE";

/// A tmpfs in `path`, for as long as it lives.
class SmallDisk {
public:
  SmallDisk(const std::string& path, int mib) : path_(path) {
    std::filesystem::create_directory(path);
    const std::string size = "size=" + std::to_string(mib) + "m";
    mounted_ = ::mount("tmpfs", path.c_str(), "tmpfs", 0, size.c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  [[nodiscard]] bool is_mounted() const { return mounted_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  void fill() const {
    std::ofstream filler(file("filler"), std::ios::binary);
    const std::string piece(1 << 20, 'f');
    while (filler.write(piece.data(), static_cast<std::streamsize>(piece.size())).flush()) {
    }
    filler.clear();
    while (filler.write(piece.data(), 512).flush()) {
    }
  }
  void make_room() const { std::filesystem::remove(file("filler")); }

private:
  std::string path_;
  bool mounted_ = false;
};

void say(const std::string& how) {
  std::printf("small disk: %s\n", how.c_str());
}

/// Runs the test of this name again where it may mount. False when there is no such place.
bool ran_in_a_namespace(const std::string& test) {
  const auto self = std::filesystem::read_symlink("/proc/self/exe").string();
  if (run({{"/usr/bin/unshare", "-rm", "/bin/true"}}).exit_code != 0) return false;
  say("tmpfs in namespaces of its own");
  const Ended ended = run({{"/usr/bin/unshare", "-rm", self, test}, {{inside_variable, "1"}}}, 120'000);
  INFO(ended.out);
  CHECK(ended.exit_code == 0);
  return true;
}

/// True when the test goes on here, on the disk.
bool go_on_here(const SmallDisk& disk, const std::string& test) {
  const bool inside = std::getenv(inside_variable) != nullptr;
  if (disk.is_mounted()) {
    if (!inside) say("tmpfs by mount");
    return true;
  }
  if (inside || !ran_in_a_namespace(test)) say("none: a limit on the size of files takes its place");
  return false;
}

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
          "[disk]") {
  const TempDir folder;
  const SmallDisk disk(folder.file("disk"), 256);
  if (!go_on_here(disk, "a server on a full disk *")) return;
  ServerProcess server(disk.file("server"));
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
  if (!go_on_here(disk, "on a small disk that is full *")) return;
  ServerProcess server(disk.file("server"));
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
  const bool on_disk = go_on_here(disk, "a device on a full disk *");
  if (!on_disk && std::getenv(inside_variable) == nullptr &&
      run({{"/usr/bin/unshare", "-rm", "/bin/true"}}).exit_code == 0)
    return;  // it ran in there
  ServerProcess server(folder.file("server"));
  server.start({"--quiet"});
  const DeviceProcess made(server, folder.file("ann"), "Ann");
  const std::string number = made.open_ticket("Pump leaks");
  CHECK(holds(made({"search", "pump"}).out, "Pump leaks"));  // it is indexed when somebody looks
  if (on_disk) std::filesystem::copy(made.home(), disk.file("ann"), std::filesystem::copy_options::recursive);
  const DeviceProcess ann(on_disk ? disk.file("ann") : made.home());
  if (on_disk) {
    disk.fill();
    check_refused(ann.tern({"note", number, long_text}));
  } else {
    Command full = ann.command({"note", number, long_text});
    full.file_bytes_max = 4096;
    check_refused(run(full));
  }
  if (on_disk) disk.fill();  // not a block is left
  CHECK(ann({"history"}).lines().size() == 2);
  CHECK(holds(ann({"show", number}).out, "Pump leaks"));
  CHECK(holds(ann({"search", "pump"}).out, "Pump leaks"));
  if (on_disk) {
    Child watching(ann.command({"sync", "--watch"}));  // it has the home, and cannot share it
    REQUIRE(until([&] { return std::filesystem::exists(ann.home() + "/watch.sock"); }));
    CHECK(holds(ann({"show", number}).out, "Pump leaks"));
    CHECK(ann({"list"}).lines().size() == 1);
    watching.signal(SIGTERM);
    CHECK(watching.wait().exit_code != 1);
  }
  if (on_disk) disk.make_room();
  ann({"note", number, long_text});
  ann({"sync"});
  CHECK(work_of(ann).confirmed.size() == 3);
  CHECK(ledger_of(server).changes == work_of(ann).all);
}

}  // namespace tern::test
