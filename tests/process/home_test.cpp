// What happens to a home: copied, set back, damaged, locked with a passphrase.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "process/load.hpp"

namespace tern::test {
namespace {

struct Homes : TwoAgents {
  Homes() : TwoAgents({"--quiet"}) {}
  DeviceProcess copy_of(const DeviceProcess& device, const std::string& name) const {
    std::filesystem::copy(device.home(), folder.file(name), std::filesystem::copy_options::recursive);
    return DeviceProcess(folder.file(name));
  }
};

}  // namespace

TEST_CASE("a device that was set back to an older copy is told, and has its newer work again", "[home]") {
  const Homes desk;
  const DeviceProcess& ann = *desk.ann;
  const DeviceProcess old = desk.copy_of(ann, "old");
  ann({"note", desk.number, "written after the copy"});
  ann({"sync"});
  old({"note", desk.number, "written on the old copy"});
  const Ended told = old({"sync"});
  CHECK(told.exit_code == 7);
  CHECK(holds(told.line()["notice"].as_string(), "older state"));
  CHECK(work_of(old).all.size() == 4);
  CHECK(holds(old({"show", desk.number}).out, "written after the copy"));
  CHECK(old({"sync"}).exit_code == 0);  // told once
  CHECK(holds(old({"status"}).line()["notice"].as_string(), "older state"));
  CHECK(ledger_of(desk.server).doubled.empty());
  check_verified(desk.server);
}

#ifdef TERN_TEST_CRASH_POINTS
TEST_CASE("of a device that exists twice both are told, and the work of neither is lost", "[home]") {
  Homes desk;
  const DeviceProcess& ann = *desk.ann;
  const DeviceProcess twin = desk.copy_of(ann, "twin");
  // Both seal a set with the same number: the first one's answer, and its commit, are lost.
  desk.server.stop();
  desk.server.start({"--quiet"}, {{"TERN_CRASH_AT", "before_commit:1"}});
  ann({"note", desk.number, "by the first"});
  CHECK(ann.tern({"sync"}).exit_code == 5);
  CHECK(until([&] { return !desk.server.running(); }));
  desk.server.start({"--quiet"});
  twin({"note", desk.number, "by the twin"});
  CHECK(twin({"sync"}).exit_code == 0);

  const Ended told = ann({"sync"});
  CHECK(told.exit_code == 7);
  CHECK(holds(told.line()["notice"].as_string(), "exists twice"));
  CHECK(work_of(ann).confirmed == work_of(ann).all);
  const Json listed = desk.server.admin({"device", "list", "--operator", "Ann"}).line();
  CHECK_FALSE(listed["forked_at"].is_null());
  (*desk.ben)({"sync"});
  const std::string shown = (*desk.ben)({"show", desk.number}).out;
  CHECK(holds(shown, "by the first"));
  CHECK(holds(shown, "by the twin"));

  // The twin writes on under the old certificate: a second fork, and the key is frozen. Its work is handed in.
  twin({"note", desk.number, "by the twin again"});
  const Ended frozen = twin.tern({"sync"});
  CHECK(frozen.exit_code == 6);
  CHECK(holds(twin({"show", desk.number}).out, "by the twin again"));
  CHECK(desk.server.admin({"device", "list", "--operator", "Ann"}).line()["state"].as_string() == "frozen");
  CHECK(ledger_of(desk.server).doubled.empty());
  check_verified(desk.server);
}
#endif

TEST_CASE("a damaged or missing replica is built again, and unsent work is still there", "[home]") {
  const Homes desk;
  const DeviceProcess& ann = *desk.ann;
  ann({"note", desk.number, "not sent yet"});
  const std::string replica = ann.home() + "/replica.db";
  const auto damage = [&](const std::string& how) {
    std::filesystem::remove(replica + "-wal");
    std::filesystem::remove(replica + "-shm");
    if (how == "deleted")
      std::filesystem::remove(replica);
    else if (how == "cut")
      std::filesystem::resize_file(replica, 3 * 4096 + 17);
    else {
      std::fstream file(replica, std::ios::in | std::ios::out | std::ios::binary);
      for (std::size_t at = 100; at < std::filesystem::file_size(replica); at += 500) {
        file.seekp(static_cast<std::streamoff>(at));
        file << "hand edited";
      }
    }
  };
  for (const std::string how : {"edited", "cut", "deleted"}) {
    INFO(how);
    damage(how);
    CHECK(work_of(ann).all.size() == 3);
    CHECK(ann({"search", "not sent"}).lines().size() == 1);
    CHECK(ann({"status"}).line()["saved_here"].as_integer() == 1);
    CHECK(holds(ann({"list"}).err, "does not hold all its tickets yet"));  // few are not all
  }
  ann({"sync"});
  CHECK(ann({"list"}).err.empty());
  CHECK(holds(ann({"show", desk.number}).out, "Pump leaks"));
  CHECK(ann({"status"}).line()["confirmed"].as_integer() == 3);
  check_verified(desk.server);
}

TEST_CASE("a home with a passphrase opens with it and with nothing else", "[home]") {
  Homes desk;
  const DeviceProcess carl(desk.folder.file("carl"));
  const std::map<std::string, std::string> right = {{"TERN_PASSPHRASE", "correct horse"}},
                                           wrong = {{"TERN_PASSPHRASE", "wrong horse"}};
  const Words enrol = {"enrol", "--server", desk.server.url(), "--code", desk.server.code_for("Carl"), "--yes"};
  REQUIRE(carl.tern(enrol, {}, right).exit_code == 0);
  CHECK(carl.tern({"sync"}, {}, right).exit_code == 0);
  CHECK(carl.tern({"list"}, "correct horse\n").exit_code == 6);
  CHECK(carl.tern({"list", "--passphrase-stdin"}, "correct horse\n").exit_code == 0);
  CHECK(carl.tern({"list"}, {}, wrong).exit_code == 6);
  CHECK(carl.tern({"status"}, {}, right).line()["passphrase_protected"].as_bool());
  CHECK_FALSE((*desk.ann)({"status"}).line()["passphrase_protected"].as_bool());
  Command plain = desk.ann->command({"status"});
  plain.words.pop_back();
  CHECK(holds(run(plain).out, "whoever has the disk can read"));
}

TEST_CASE("a home that cannot be written is read all the same", "[home]") {
  namespace fs = std::filesystem;
  const Homes desk;
  const DeviceProcess& ann = *desk.ann;
  ann({"note", desk.number, "kept for later"});
  std::unique_ptr<Child> watching;
  const std::string name = GENERATE(as<std::string>(), "at rest", "with a log");
  CAPTURE(name);
  if (name == "with a log") {
    watching = std::make_unique<Child>(ann.command({"sync", "--watch"}));
    REQUIRE(until([&] { return fs::exists(ann.home() + "/watch.sock"); }));
    ann({"note", desk.number, "only in the log"});
  }
  const std::string home = desk.folder.file(name);
  fs::create_directory(home);
  for (const auto& entry : fs::directory_iterator(ann.home()))
    if (entry.is_regular_file() && !entry.path().filename().string().ends_with("-shm"))
      fs::copy_file(entry.path(), home + "/" + entry.path().filename().string());
  CHECK(fs::exists(home + "/outbox.db-wal") == (watching != nullptr));
  for (const auto& entry : fs::directory_iterator(home)) fs::permissions(entry.path(), fs::perms::owner_read);
  fs::permissions(home, fs::perms::owner_read | fs::perms::owner_exec);

  const DeviceProcess copy(home);
  const auto run_there = [&](Words words) {
    Command command = copy.command(std::move(words));
    if (::geteuid() == 0)  // root writes where nobody may
      command.words.insert(command.words.begin(),
                           {"/usr/bin/setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--"});
    return run(command);
  };
  for (const Words& words : std::vector<Words>{{"list"}, {"search", "pump"}, {"status"}, {"history"}, {"attention"}}) {
    CAPTURE(words.front());
    const Ended read = run_there(words);
    CAPTURE(read.err);
    CHECK(read.exit_code == 0);
    CHECK(read.out.empty() == (words.front() == "attention"));
  }
  const std::string shown = run_there({"show", desk.number}).out;
  CHECK(holds(shown, "kept for later"));
  CHECK(holds(shown, "only in the log") == (watching != nullptr));
  const Ended refused = run_there({"note", desk.number, "not here"});
  CHECK(refused.exit_code == 4);
  CHECK(holds(refused.error()["message"].as_string(), "nothing was saved"));
  fs::permissions(home, fs::perms::owner_all);
}

}  // namespace tern::test
