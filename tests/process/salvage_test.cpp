// tern salvage: a device whose outbox is damaged or lost goes on, beside a real server.
#include <filesystem>
#include <fstream>

#include "process/load.hpp"

namespace tern::test {
namespace {

constexpr std::uintmax_t page_bytes = 4096;

struct SalvageDesk {
  SalvageDesk() {
    server.start({"--quiet"});
    ann = std::make_unique<DeviceProcess>(server, folder.file("ann"), "Ann");
    static_cast<void>(ann->open_ticket("Pump leaks"));
    (*ann)({"sync"});
    number = ann->number_of("Pump leaks");
    for (int i = 0; i < 4; ++i) note("confirmed " + std::to_string(i));
    (*ann)({"sync"});
  }
  void note(const std::string& text) const { (*ann)({"note", number, text + ' ' + std::string(1500, 'x')}); }
  std::string outbox() const { return ann->home() + "/outbox.db"; }
  /// The next sync reaches the server, and its answer is lost.
  void lose_an_answer() {
#ifdef TERN_TEST_CRASH_POINTS
    server.stop();
    server.start({"--quiet"}, {{"TERN_CRASH_AT", "after_commit:1"}});
    note("sent, and not answered");
    CHECK(ann->tern({"sync"}).exit_code == 5);
    CHECK(until([&] { return !server.running(); }));
    server.start({"--quiet"});
#endif
  }
  /// All that the ledger has of the device it has once, and all that the device has is confirmed.
  OwnWork check_synced() const {
    const OwnWork work = work_of(*ann);
    CHECK(work.confirmed == work.all);
    const Ledger ledger = ledger_of(server);
    CHECK(ledger.doubled.empty());
    check_each_is_in(work.all, ledger.changes, "not on the server");
    check_verified(server);
    return work;
  }
  Json status() const {
    return (*ann)({"status"}).line();
  }

  TempDir folder;
  ServerProcess server{folder.file("server")};
  std::unique_ptr<DeviceProcess> ann;
  std::string number;
};

void zero_page(const std::string& path, std::uintmax_t page) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(page * page_bytes));
  file << std::string(page_bytes, '\0');
}

/// One whose loss takes some unsent work and leaves some, found on copies of the home.
std::uintmax_t page_with_work(const SalvageDesk& desk) {
  for (std::uintmax_t page = std::filesystem::file_size(desk.outbox()) / page_bytes; page-- > 1;) {
    const DeviceProcess copy(desk.folder.file("copy"));
    std::filesystem::remove_all(copy.home());
    std::filesystem::copy(desk.ann->home(), copy.home(), std::filesystem::copy_options::recursive);
    zero_page(copy.home() + "/outbox.db", page);
    const Ended done = copy({"salvage", "--yes"});
    INFO("page " << page << ": " << done.out << done.err);
    const Json report = done.line();
    if (report["found"].as_string() != "damaged" || report["lost"].as_integer() == 0) continue;
    CHECK(copy({"status"}).exit_code == 7);
    return page;
  }
  FAIL("no page holds changes");
  return 0;
}

}  // namespace

TEST_CASE("a device that lost a page of its outbox keeps the rest, which the server has once", "[salvage]") {
  SalvageDesk desk;
  const DeviceProcess& ann = *desk.ann;
  desk.lose_an_answer();
  for (int i = 0; i < 10; ++i) desk.note("unsent " + std::to_string(i));
  const OwnWork before = work_of(ann);
#ifdef TERN_TEST_CRASH_POINTS
  const Words last = {"note", desk.number, "saved as it was killed"};
  CHECK(ann.tern(last, {}, {{"TERN_CRASH_AT", "after_outbox_commit:1"}}).exit_code != 0);
  REQUIRE(std::filesystem::file_size(desk.outbox() + "-wal") > 0);
#endif
  zero_page(desk.outbox(), page_with_work(desk));

  CHECK(ann.tern({"salvage"}).exit_code == 2);  // nobody to ask
  const Ended salvaged = ann({"salvage", "--yes"});
  CHECK(salvaged.exit_code == 7);
  const Json report = salvaged.line();
  INFO(salvaged.out);
  const auto lost = static_cast<std::size_t>(report["lost"].as_integer());
  CHECK(report["kept"].as_integer() > 5);
  REQUIRE(report["lost_tickets"].items().size() == 1);
  CHECK(holds(report["lost_tickets"].items().front().as_string(), desk.number));
  CHECK(std::filesystem::exists(report["set_aside"].as_string()));

  const Ended told = ann({"attention"});
  CHECK(told.exit_code == 7);
  REQUIRE_FALSE(told.lines().empty());
  CHECK(holds(told.lines().back()["notice"].as_string(), "could not be read"));
  ann({"sync"});
  CHECK(holds(desk.status()["notice"].as_string(), desk.number));
  const OwnWork after = desk.check_synced();
  std::size_t missing = 0;
  for (const std::string& change : before.all) missing += after.all.contains(change) ? 0 : 1;
  CHECK(missing > 0);
  CHECK(missing <= lost);
  check_each_is_in(before.confirmed, after.all, "did not come back");
  CHECK(holds(ann({"show", desk.number}).out, "confirmed 3"));
#ifdef TERN_TEST_CRASH_POINTS
  CHECK(holds(ann({"show", desk.number}).out, "sent, and not answered"));
  CHECK(holds(ann({"show", desk.number}).out, "saved as it was killed"));
#endif

  ann({"attention", "--dismiss", "notice"});
  CHECK(desk.status()["notice"].is_null());
  CHECK(ann({"attention"}).out.empty());
  CHECK(ann({"salvage", "--yes"}).line()["found"].as_string() == "whole");
}

TEST_CASE("a device whose outbox is gone gets back what the server had of it, and works on", "[salvage]") {
  SalvageDesk desk;
  const DeviceProcess& ann = *desk.ann;
  desk.lose_an_answer();
  const OwnWork before = work_of(ann);
  desk.note("unsent");
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(desk.outbox() + suffix);
  const Ended refused = ann.tern({"sync"});
  CHECK(refused.exit_code == 8);
  CHECK(holds(refused.err, "tern salvage"));
  CHECK(ann({"salvage", "--yes"}).line()["found"].as_string() == "missing");
  desk.note("made afterwards");
  ann({"sync"});
  const OwnWork after = desk.check_synced();
  check_each_is_in(before.all, after.all, "did not come back");
  CHECK(after.all.size() == before.all.size() + 1);
  CHECK(holds(ann({"show", desk.number}).out, "made afterwards"));
  CHECK(holds(desk.status()["notice"].as_string(), "not known"));
}

TEST_CASE("a home with a passphrase is salvaged with it, and with nothing else", "[salvage]") {
  SalvageDesk desk;
  const DeviceProcess carl(desk.folder.file("carl"));
  const std::map<std::string, std::string> right = {{"TERN_PASSPHRASE", "correct horse"}};
  const Words enrol = {"enrol", "--server", desk.server.url(), "--code", desk.server.code_for("Carl"), "--yes"};
  REQUIRE(carl.tern(enrol, {}, right).exit_code == 0);
  zero_page(carl.home() + "/outbox.db", 0);
  const Ended locked = carl.tern({"salvage", "--yes"});
  CHECK(locked.exit_code == 6);
  CHECK(holds(locked.err, "TERN_PASSPHRASE"));
  CHECK(carl.tern({"salvage", "--yes"}, {}, right).line()["found"].as_string() == "unreadable");
  CHECK(carl.tern({"sync"}, {}, right).exit_code == 0);
}

#ifdef TERN_TEST_CRASH_POINTS
TEST_CASE("a device that goes on under a later certificate does so also when its outbox is lost", "[salvage]") {
  SalvageDesk desk;
  const DeviceProcess& ann = *desk.ann;
  const DeviceProcess twin(desk.folder.file("twin"));
  std::filesystem::copy(ann.home(), twin.home(), std::filesystem::copy_options::recursive);
  desk.server.stop();
  desk.server.start({"--quiet"}, {{"TERN_CRASH_AT", "before_commit:1"}});
  desk.note("by the first");
  CHECK(ann.tern({"sync"}).exit_code == 5);
  CHECK(until([&] { return !desk.server.running(); }));
  desk.server.start({"--quiet"});
  twin({"note", desk.number, "by the twin"});
  twin({"sync"});
  CHECK(holds(ann({"sync"}).line()["notice"].as_string(), "exists twice"));
  REQUIRE(std::filesystem::exists(ann.home() + "/device.cert"));

  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(desk.outbox() + suffix);
  ann({"salvage", "--yes"});
  desk.note("made afterwards");
  ann({"sync"});
  CHECK(desk.server.admin({"device", "list", "--operator", "Ann"}).line()["state"].as_string() == "active");
  const std::string shown = ann({"show", desk.number}).out;
  CHECK(holds(shown, "by the first"));
  CHECK(holds(shown, "made afterwards"));
  static_cast<void>(desk.check_synced());
}
#endif

}  // namespace tern::test
