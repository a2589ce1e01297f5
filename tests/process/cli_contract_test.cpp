// The contract of the programs towards scripts: exit codes, what stands on which stream, JSON, paging, environment.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/process_desk.hpp"

namespace tern::test {
namespace {

/// A server that runs and a device on it.
struct Desk {
  Desk() {
    server.start({"--quiet"});
    ann = std::make_unique<DeviceProcess>(server, folder.file("ann"), "Ann");
  }
  TempDir folder;
  ServerProcess server{folder.file("server")};
  std::unique_ptr<DeviceProcess> ann;
};

/// Refused as the contract says: exit code, nothing on stdout, one error object on stderr that says what to do.
Json refused(const Ended& ended, int exit_code, const std::string& code) {
  INFO("out: " << ended.out << "\nerr: " << ended.err);
  CHECK(ended.exit_code == exit_code);
  CHECK(ended.out.empty());
  const Json error = ended.error();
  CHECK(error["code"].as_string() == code);
  CHECK(!error["message"].as_string().empty());
  CHECK(error.find("hint") != nullptr);
  return error;
}

}  // namespace

TEST_CASE("a command line that cannot be read is exit code 2 with an error object that names the help", "[cli]") {
  const TempDir folder;
  const auto tern = [&](Words words) {
    words.insert(words.begin(), program("tern"));
    words.push_back("--json");
    return run({words, {{"TERN_HOME", folder.path()}}});
  };
  refused(tern({"list", "--bogus"}), 2, "usage");
  CHECK(holds(refused(tern({"list", "--limit", "1000"}), 2, "usage")["hint"].as_string(), "tern list --help"));
  refused(tern({"show"}), 2, "usage");
  refused(tern({}), 2, "usage");
  const Json unknown = refused(tern({"lst"}), 2, "usage");
  CHECK(holds(unknown["message"].as_string(), "nknown command \"lst\", did you mean list?"));
  CHECK(holds(unknown["hint"].as_string(), "tern --help"));
  const Json missing = refused(tern({"enrol"}), 2, "usage");
  CHECK(missing["field"].as_string() == "server");
  const Json listen = refused(
      run({{program("ternd"), "serve", "--data", folder.file("none"), "--listen", "nonsense", "--json"}}), 2, "usage");
  CHECK(listen["field"].as_string() == "listen");
  CHECK(refused(run({{program("ternd"), "status", "--json"}}), 2, "usage")["field"].as_string() == "data");
  refused(run({{program("ternd"), "operator", "add", "--json"}}), 2, "usage");
  refused(run({{program("tern-fleet"), "replay", "--json"}}), 2, "usage");

  const Ended plain = run({{program("tern"), "list", "--bogus"}});
  CHECK(plain.exit_code == 2);
  CHECK(plain.out.empty());
  CHECK(holds(plain.err, "tern list --help"));
}

TEST_CASE("what is not there is exit code 3, and what could be several lists them", "[cli]") {
  const Desk desk;
  const DeviceProcess& ann = *desk.ann;
  CHECK(refused(ann.tern({"show", "T-2026-9999"}), 3, "not_found")["field"].as_string() == "ticket");
  desk.server.admin({"queue", "add", "Fire brigade"});
  ann({"sync"});
  const std::string number = ann.open_ticket("Pump leaks");
  const Json error = refused(ann.tern({"set", number, "queue", "Fi"}), 3, "ambiguous");
  CHECK(holds(to_text(error), "Field"));
  CHECK(holds(to_text(error), "Fire brigade"));
  refused(desk.server.ternd({"operator", "disable", "Nobody"}), 3, "not_found");
}

TEST_CASE("what rights or the lifecycle refuse is exit code 4, and saves nothing", "[cli]") {
  Desk desk;
  const DeviceProcess& ann = *desk.ann;
  const std::string number = ann.open_ticket("Pump leaks");
  const Json move = refused(ann.tern({"resume", number}), 4, "bad_transition");
  CHECK(holds(move["hint"].as_string(), "start"));
  ann({"sync"});
  const DeviceProcess lena(desk.server, desk.folder.file("lena"), "Lena", "light", "all");
  const std::string seen = lena.number_of("Pump leaks");
  refused(lena.tern({"take", seen}), 4, "not_permitted");
  CHECK(lena({"history"}).lines().empty());
  CHECK(lena.tern({"note", seen, "a light agent may write notes"}).exit_code == 0);
}

TEST_CASE("a device asks offline for what is required, and a colleague's shows what was given", "[cli]") {
  Desk desk;
  desk.server.admin({"category", "add", "Meters", "--required", "type due_at"});
  desk.server.admin({"field", "add", "meter_no", "--type", "number", "--required", "1", "--category", "Meters"});
  const DeviceProcess& ann = *desk.ann;
  ann({"sync"});
  desk.server.stop();
  Words make = {"new", "--subject", "Meter stands still", "--category", "Meters", "--queue", "Field"};
  CHECK(refused(ann.tern(make), 2, "invalid")["field"] == Json("type"));
  make.insert(make.end(), {"--type", "bug", "--watcher", "me", "--field", "due_at=2030-01-02T10:00:00Z"});
  const Json missing = refused(ann.tern(make), 2, "invalid");
  CHECK(missing["field"] == Json("meter_no"));
  CHECK(holds(missing["hint"].as_string(), "--field meter_no="));
  CHECK(refused(ann.tern({"new", "--subject", "x", "--field", "meter_no"}), 2, "usage")["field"] == Json("field"));
  make.insert(make.end(), {"--field", "meter_no=12"});
  ann(make);
  desk.server.start();
  ann({"sync"});
  const DeviceProcess lena(desk.server, desk.folder.file("lena"), "Lena", "operator", "all");
  const std::string number = lena.number_of("Meter stands still");
  CHECK(refused(lena.tern({"set", number, "meter_no", "--none"}), 2, "invalid")["field"] == Json("meter_no"));
  CHECK(holds(lena({"show", number}).out, "12"));
  lena({"resolve", number, "--result", "Battery replaced."});
  lena({"sync"});
  check_verified(desk.server);
}

TEST_CASE("work at a customer's is reported with times and signature, is shown and exported, and stays as it was",
          "[cli]") {
  Desk desk;
  const DeviceProcess& ann = *desk.ann;
  desk.server.admin({"contact", "add", "Mill Ltd"});
  ann({"sync"});
  const std::string number = ann.open_ticket("Pump leaks");
  const std::string drawn = desk.folder.file("jo.png");
  std::ofstream(drawn, std::ios::binary) << std::string("\x89PNG\r\n\x1a\n drawn", 14);
  const Words report = {"on-site",   number,     "seal replaced", "--arrived", "2026-01-05T08:10:00Z",
                        "--contact", "Mill Ltd", "--signed-by",   "Jo Miller"};
  const auto with = [&](Words more) {
    Words words = report;
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  CHECK(refused(ann.tern(with({"--left", "2026-01-05T08:09:59Z"})), 2, "usage")["field"].as_string() == "left");
  CHECK(refused(ann.tern(with({"--signature", desk.folder.file("none.png")})), 2, "usage")["field"].as_string() ==
        "signature");
  CHECK(refused(ann.tern(with({"--signature", desk.folder.path()})), 2, "usage")["field"].as_string() == "signature");
  Words unnamed = {"on-site", number, "seal replaced", "--arrived", "2026-01-05T08:10:00Z", "--signature", drawn};
  CHECK(holds(refused(ann.tern(unnamed), 2, "usage")["hint"].as_string(), "--signed-by"));
  const Ended svg = ann.tern(with({"--signature", program("tern")}));
  CHECK(svg.exit_code == 2);
  ann(with({"--left", "2026-01-05T09:45:00Z", "--signature", drawn}));

  const auto reported = [&](const Json& ticket, std::string_view list) {
    for (const Json& line : ticket[list].items())
      if (!line["on_site"].is_null()) return line;
    return Json();
  };
  const Json shown = reported(ann({"show", number}).line(), "timeline");
  CHECK(shown["text"].as_string() == "seal replaced");
  CHECK(shown["on_site"]["from"].as_string() == "2026-01-05T08:10:00.000Z");
  CHECK(shown["on_site"]["contact"].as_string() == "Mill Ltd");
  CHECK(shown["on_site"]["signature"].as_string() == "iVBORw0KGgogZHJhd24=");
  CHECK(holds(run({{program("tern"), "show", number}, {{"TERN_HOME", ann.home()}}}).out, "signed by Jo Miller (drawn"));
  refused(ann.tern({"edit", number, shown["change"]["id"].as_string().substr(0, 8), "all replaced"}), 4,
          "bad_transition");
  ann({"sync"});
  const Json exported = reported(desk.server.admin({"export", "--format", "jsonl"}).line(), "messages");
  CHECK(exported["kind"].as_string() == "on_site");
  CHECK(exported["on_site"]["signed_by"].as_string() == "Jo Miller");
  CHECK(exported["on_site"]["signature"].as_string() == "iVBORw0KGgogZHJhd24=");
  CHECK(desk.server.ternd({"verify"}).exit_code == 0);
  const std::string ledger = desk.folder.file("history.ledger");
  desk.server.admin({"export", "--format", "ledger", "--to", ledger});
  CHECK(run({{program("tern-verify"), ledger}}).exit_code == 0);
}

TEST_CASE("without a connection a sync is exit code 5 and the work stays saved", "[cli]") {
  Desk desk;
  const DeviceProcess& ann = *desk.ann;
  CHECK(desk.server.stop().exit_code == 0);
  const std::string number = ann.open_ticket("Pump leaks");
  CHECK(ann({"note", number, "no network here"}).line()["saved"].as_string() == "saved here");
  refused(ann.tern({"sync"}), 5, "no_connection");
  const Json status = ann({"status"}).line();
  CHECK(status["saved_here"].as_integer() + status["sent"].as_integer() == 3);
  CHECK(ann({"search", "network"}).lines().size() == 1);
  desk.server.start({"--quiet"});
  CHECK(ann({"sync"}).line()["changes_sent"].as_integer() == 3);
  CHECK(ann({"status"}).line()["confirmed"].as_integer() == 3);
  CHECK(desk.server.admin({"device", "list"}).line()["pending"].as_integer() == 0);
  CHECK(desk.server.admin({"status"}).line()["rows"].items()[0]["devices_with_pending_work"].as_integer() == 0);
}

TEST_CASE("a home without a device, a wrong code and a revoked device are exit code 6", "[cli]") {
  Desk desk;
  refused(DeviceProcess(desk.folder.file("empty")).tern({"list"}), 6, "not_enrolled");
  const DeviceProcess stranger(desk.folder.file("stranger"));
  const Words enrol = {"enrol", "--server", desk.server.url(), "--code", "0000-0000-0000-0000", "--yes"};
  refused(stranger.tern(enrol), 6, "login_refused");
  CHECK_FALSE(std::filesystem::exists(desk.folder.file("stranger") + "/device.key"));

  const DeviceProcess& ann = *desk.ann;
  const std::string number = ann.open_ticket("Pump leaks");
  ann({"sync"});
  ann({"note", number, "after the theft"});
  desk.server.admin({"device", "revoke", "Ann's device"});
  refused(ann.tern({"sync"}), 6, "KEY_REVOKED");
  CHECK(ann.tern({"status"}).line()["paused"].is_string());
  CHECK(ann({"show", number}).line()["subject"].as_string() == "Pump leaks");
}

TEST_CASE("enrol without a terminal: a server named by hand is taken, a link wants --yes", "[cli]") {
  Desk desk;
  const DeviceProcess carl(desk.folder.file("carl")), dora(desk.folder.file("dora"));
  const Ended enrolled = carl.tern({"enrol", "--server", desk.server.url(), "--code", desk.server.code_for("Carl")});
  CHECK(enrolled.exit_code == 0);
  CHECK(holds(enrolled.err, "operator  Carl"));
  desk.server.code_for("Dora");
  const std::string link = desk.server.admin({"device", "code", "--operator", "Dora"}).line()["link"].as_string();
  refused(dora.tern({"enrol", "--link", link}), 2, "usage");
  CHECK(dora.tern({"enrol", "--link", link, "--yes"}).exit_code == 0);
}

TEST_CASE("a wiped device says so, whatever it is asked: exit code 6", "[cli]") {
  Desk desk;
  const DeviceProcess& ann = *desk.ann;
  const std::string number = ann.open_ticket("Pump leaks");
  ann({"sync"});
  ann({"note", number, "not sent yet"});
  desk.server.admin({"device", "wipe", "Ann's device"});
  refused(ann.tern({"sync"}), 6, "KEY_REVOKED");
  for (const Words& words :
       {Words{"list"}, Words{"show", number}, Words{"new", "--subject", "Fan hums"}, Words{"note", number, "x"},
        Words{"search", "pump"}, Words{"history"}, Words{"attention"}, Words{"sync"}}) {
    INFO(words.front());
    CHECK(holds(refused(ann.tern(words), 6, "KEY_REVOKED")["message"].as_string(), "was wiped by order"));
  }
  const Ended status = ann.tern({"status"});
  CHECK(status.exit_code == 6);
  CHECK(status.line()["wiped"].as_bool());
  CHECK(holds(status.line()["paused"].as_string(), "has been handed in"));
  CHECK_FALSE(std::filesystem::exists(ann.home() + "/replica.db"));
  CHECK(std::filesystem::exists(ann.home() + "/outbox.db"));
}

TEST_CASE("work that needs attention makes sync, status and attention exit code 7", "[cli]") {
  Desk desk;
  const DeviceProcess& ann = *desk.ann;
  const DeviceProcess ben(desk.server, desk.folder.file("ben"), "Ben");
  static_cast<void>(ann.open_ticket("Pump leaks"));
  ann({"sync"});
  ben({"sync"});
  const std::string number = ann.number_of("Pump leaks");
  CHECK(ann({"take", number}).exit_code == 0);
  CHECK(ben({"take", number}).exit_code == 0);
  CHECK(ann({"sync"}).exit_code == 0);
  CHECK(ben.tern({"sync"}).exit_code == 7);
  CHECK(ben.tern({"status"}).exit_code == 7);
  const Ended attention = ben.tern({"attention"});
  CHECK(attention.exit_code == 7);
  const Json entry = attention.line();
  CHECK(entry["standing"].as_string() != "applied");
  REQUIRE(entry["follow_ups"].size() == 2);
  CHECK(entry["follow_ups"].items()[0]["label"].as_string() == "take anyway");
  CHECK(holds(entry["follow_ups"].items()[0]["command"].as_string(), "--do take-anyway"));
  refused(ben.tern({"attention", "1", "--do", "9"}), 2, "usage");
  refused(ben.tern({"attention", "2", "--do", "1"}), 3, "not_found");
  CHECK(ben.tern({"attention", "1", "--do", "1", "--reason", "I am there"}).line()["saved"].as_string() ==
        "saved here");
  CHECK(ben.tern({"attention"}).exit_code == 0);
  CHECK(ben.tern({"status"}).exit_code == 0);
}

TEST_CASE("a supervisor decides on an estimate, splits a ticket and releases what is held", "[cli]") {
  Desk desk;
  const DeviceProcess& ann = *desk.ann;
  const DeviceProcess eve(desk.server, desk.folder.file("eve"), "Eve", "supervisor", "all");
  static_cast<void>(ann.open_ticket("Pump leaks"));
  ann({"sync"});
  const std::string number = ann.number_of("Pump leaks");
  ann({"take", number});
  ann({"estimate", number, "--hours", "2"});
  ann({"note", number, "the fan hums too"});
  refused(ann.tern({"approve", number}), 4, "not_permitted");
  ann({"sync"});
  eve({"sync"});
  eve({"approve", number, "--reason", "by telephone"});
  const Json decided = eve({"show", number}).line();
  CHECK(decided["status"].as_string() == "in_progress");
  CHECK(decided["estimate_decision"].as_string() == "approved");
  refused(eve.tern({"approve", number}), 4, "bad_transition");

  std::string message;
  for (const Json& entry : decided["timeline"].items())
    if (entry["visibility"].as_string() == "team") message = entry["change"]["id"].as_string().substr(0, 8);
  refused(eve.tern({"split", number, "ffff", "--subject", "Fan hums"}), 3, "not_found");
  eve({"split", number, message, "--subject", "Fan hums", "--inherit-clock"});
  eve({"call", number, "5", "--note", "she sends photos"});
  eve({"call", number, "1", "--unanswered"});
  std::string calls;
  const Json called = eve({"show", number}).line();
  for (const Json& entry : called["timeline"].items())
    if (entry["what"].as_string() == "call") calls += entry["text"].as_string() + "\n";
  CHECK(calls == "5 min, answered: she sends photos\n1 min, not answered\n");
  eve({"sync"});
  CHECK(holds(eve({"show", eve.number_of("Fan hums")}).out, "the fan hums too"));

  desk.server.admin({"operator", "set", "Ann", "--role", "light"});
  ann({"start", number});
  ann({"sync"});
  const Json held = ann.tern({"attention"}).lines().front();
  REQUIRE(held["standing"].as_string() == "held");
  const std::string change = held["change"]["device"].as_string() + ":" + held["change"]["id"].as_string();
  eve({"release", number, change, "--reason", "she was told to"});
  eve({"sync"});
  CHECK(eve({"history", number}).lines().back()["outcome"].as_string() == "applied");
}

TEST_CASE("a ledger that was tampered with is exit code 8 and verify names what is wrong", "[cli]") {
  Desk desk;
  const DeviceProcess& ann = *desk.ann;
  const std::string number = ann.open_ticket("Pump leaks");
  ann({"note", number, "a sentence that somebody will forge"});
  ann({"sync"});
  CHECK(desk.server.stop().exit_code == 0);
  CHECK(desk.server.ternd({"verify"}).exit_code == 0);

  int forged = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(desk.server.data())) {
    if (!file.is_regular_file()) continue;
    std::string bytes = content_of(file.path());
    bool here = false;
    for (std::size_t at = 0; (at = bytes.find("somebody will forge", at)) != std::string::npos; here = true, ++forged)
      bytes.replace(at, 8, "nobodies");
    if (here) std::ofstream(file.path(), std::ios::binary) << bytes;
  }
  REQUIRE(forged > 0);
  const Ended verified = desk.server.ternd({"verify"});
  INFO(verified.out << verified.err);
  CHECK(verified.exit_code == 8);
  CHECK((verified.out.empty() || verified.line()["findings"].size() > 0));
}

TEST_CASE("a home that another program holds is exit code 9 for who writes, and open to who looks", "[cli]") {
  Desk desk;
  const DeviceProcess& ann = *desk.ann;
  const std::string number = ann.open_ticket("Pump leaks");
  const int lock = ::open((ann.home() + "/lock").c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(lock >= 0);
  REQUIRE(::flock(lock, LOCK_EX | LOCK_NB) == 0);
  CHECK(ann({"list"}).lines().size() == 1);
  CHECK(ann({"status"}).line()["saved_here"].as_integer() == 2);
  Child waiting(ann.command({"note", number, "first one waits a little"}));
  sleep_ms(300);
  CHECK(waiting.running());
  refused(ann.tern({"note", number, "then it gives up"}), 9, "busy");
  ::close(lock);
  static_cast<void>(waiting.wait());
  refused(desk.server.ternd({"serve", "--listen", "127.0.0.1:0"}), 9, "busy");
}

TEST_CASE("a command that waits for a busy home does its work when the home is free", "[cli]") {
  Desk desk;
  const DeviceProcess& ann = *desk.ann;
  const std::string number = ann.open_ticket("Pump leaks");
  const int lock = ::open((ann.home() + "/lock").c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(::flock(lock, LOCK_EX | LOCK_NB) == 0);
  Child waiting(ann.command({"note", number, "patience"}));
  sleep_ms(300);
  CHECK(waiting.running());
  ::close(lock);
  CHECK(waiting.wait().exit_code == 0);
  CHECK(ann({"history"}).lines().size() == 3);
}

TEST_CASE("a command that cannot write to the disk is exit code 10 and has saved nothing", "[cli]") {
  Desk desk;
  const DeviceProcess& ann = *desk.ann;
  const std::string number = ann.open_ticket("Pump leaks");
  ann({"note", number, "this one is saved"});
  Command full = ann.command({"note", number, std::string(60'000, 'x')});
  full.file_bytes_max = 4096;
  const Ended ended = run(full);
  INFO(ended.out << ended.err);
  CHECK(ended.exit_code == 10);
  CHECK(ended.out.empty());
  CHECK(ended.error()["code"].as_string().starts_with("storage_"));
  CHECK(ann({"history"}).lines().size() == 3);
  ann({"sync"});
  CHECK(ann({"status"}).line()["confirmed"].as_integer() == 3);
}

TEST_CASE("a device and a server on a full disk say so, lose nothing, and go on when there is room", "[cli]") {
  const TempDir folder;
  const std::string disk = folder.file("disk");
  std::filesystem::create_directory(disk);
  if (run({{"/usr/bin/unshare", "-rm", "/bin/sh", "-c", "mount -t tmpfs -o size=64k none " + disk}}).exit_code != 0) {
    WARN("skipped: this machine lets no test mount a small disk");
    return;
  }
  Desk desk;
  const DeviceProcess& ann = *desk.ann;
  const std::string number = ann.open_ticket("Pump leaks");
  const std::string script =
      "mount -t tmpfs -o size=2m none \"$1\" && cp -a \"$2\"/. \"$1\"/ || exit 99\n"
      "head -c 9000000 /dev/zero >\"$1/filler\" 2>/dev/null\n"
      "\"$3\" note " +
      number +
      " \"$4\" --home \"$1\" --json; echo \"full $?\"\n"
      "rm \"$1/filler\"\n"
      "\"$3\" note " +
      number +
      " 'there is room again' --home \"$1\" >/dev/null; echo \"room $?\"\n"
      "\"$3\" history --home \"$1\" | wc -l\n";
  const Ended ended = run({{"/usr/bin/unshare", "-rm", "/bin/sh", "-c", script, "sh", disk, ann.home(), program("tern"),
                            std::string(40'000, 'x')}});
  INFO(ended.err);
  CHECK(ended.out == "full 10\nroom 0\n3\n");
  CHECK(holds(ended.err, "storage_full"));
}

TEST_CASE("lists come in pages: each holds a token for the next, and together they are the whole list", "[cli]") {
  Desk desk;
  const DeviceProcess& ann = *desk.ann;
  for (int i = 0; i < 7; ++i) static_cast<void>(ann.open_ticket("Ticket " + std::to_string(i)));
  const auto pages_of = [&](const Words& words) {
    std::vector<std::string> subjects;
    std::string after;
    int pages = 0;
    do {
      Words page = words;
      page.insert(page.end(), {"--limit", "3"});
      if (!after.empty()) page.insert(page.end(), {"--after", after});
      after.clear();
      for (const Json& row : ann(page).lines()) {
        if (const Json* next = row.find("next"))
          after = next->as_string();
        else
          subjects.push_back(row["subject"].as_string());
      }
      ++pages;
    } while (!after.empty() && pages < 10);
    CHECK(pages == 3);
    return subjects;
  };
  const std::vector<std::string> all = {"Ticket 0", "Ticket 1", "Ticket 2", "Ticket 3",
                                        "Ticket 4", "Ticket 5", "Ticket 6"};
  CHECK(pages_of({"list", "--sort", "subject", "--ascending"}) == all);
  CHECK(pages_of({"search", "ticket"}).size() == 7);
  refused(ann.tern({"list", "--after", "no token"}), 2, "invalid");
}

TEST_CASE("TERN_HOME and TERN_DATA name the directories that no flag names", "[cli]") {
  Desk desk;
  const Ended listed = run({{program("tern"), "status", "--json"}, {{"TERN_HOME", desk.ann->home()}}});
  CHECK(listed.exit_code == 0);
  CHECK(run({{program("ternd"), "queue", "list", "--json"}, {{"TERN_DATA", desk.server.data()}}})
            .line()["name"]
            .as_string() == "Field");
  std::filesystem::create_directories(desk.folder.file("user/.local/share"));
  std::filesystem::rename(desk.ann->home(), desk.folder.file("user/.local/share/tern"));
  CHECK(run({{program("tern"), "status", "--json"}, {{"HOME", desk.folder.file("user")}}}).exit_code == 0);
}

TEST_CASE("for people a result is on stdout and every other word on stderr", "[cli]") {
  Desk desk;
  const DeviceProcess& ann = *desk.ann;
  const auto plain = [&](const Words& words) {
    Command command = ann.command(words);
    command.words.pop_back();  // --json
    return run(command);
  };
  const Ended none = plain({"list"});
  CHECK(none.out.empty());
  CHECK(holds(none.err, "No tickets"));
  const Ended made = plain({"new", "--subject", "Pump leaks", "--queue", "Field"});
  CHECK(holds(made.out, "saved here"));
  CHECK(made.err.empty());
  const Ended gone = plain({"show", "T-2026-9999"});
  CHECK(gone.exit_code == 3);
  CHECK(gone.out.empty());
  CHECK(holds(gone.err, "list or search"));
  CHECK(std::count(gone.err.begin(), gone.err.end(), '\n') == 1);
  // One line of JSON a ticket, with or without --json: that is the format's name.
  ann({"sync"});
  Command exported{{program("ternd"), "export", "--format", "jsonl", "--data", desk.server.data()}};
  CHECK(run(exported).line()["subject"].as_string() == "Pump leaks");

  // One zone in what people read: their own. Lines end where their text does.
  Command history = ann.command({"history"});
  history.environment["TZ"] = "Asia/Tokyo";
  CHECK(holds(run(history).out, " UTC"));
  history.words.pop_back();
  const Ended told = run(history);
  CHECK(holds(told.out, "counted at"));
  CHECK_FALSE(holds(told.out, "UTC"));
  CHECK_FALSE(holds(plain({"list"}).out, " \n"));
}

TEST_CASE("the name of a home that no directory can have is a usage error, and is not repeated whole", "[cli]") {
  for (const std::string& home :
       {std::string(300, 'h'), std::string("/") + std::string(200, 'd') + std::string(5000, '/')}) {
    const Ended ended = run({{program("tern"), "list", "--home", home, "--json"}});
    CHECK(ended.exit_code == 2);
    CHECK(ended.error()["field"].as_string() == "home");
    CHECK(ended.err.size() < 300);
  }
}

TEST_CASE("ternd takes every command and flag in the form that is promised", "[cli]") {
  const TempDir folder;
  const std::string data = folder.file("server"), sheet = folder.file("sheet");
  const Ended made =
      run({{program("ternd"), "init", "--data", data, "--tenant", "Harbour", "--admin", "admin@harbour.example",
            "--password-stdin", "--recovery-out", sheet, "--zone", "Europe/Kyiv", "--json"},
           {},
           "a password of the tests\n"});
  INFO(made.err);
  REQUIRE(made.exit_code == 0);
  CHECK(made.line()["recovery_sheet"].as_string() == sheet);
  const auto ternd = [&](Words words, const std::string& input = {}) {
    words.insert(words.begin(), program("ternd"));
    words.push_back("--json");
    return run({words, {{"TERN_DATA", data}}, input});
  };
  const auto answer = [&](const Words& words, const std::string& input = {}) {
    const Ended ended = ternd(words, input);
    INFO("ternd " << words.front() << ": " << ended.err);
    REQUIRE(ended.exit_code == 0);
    CHECK(ended.err.empty());
    return ended.lines();
  };
  // The sheet lies where it should not stay: status says so until it is gone.
  CHECK(answer({"status"}).front()["recovery_sheet"].as_string() == sheet);
  CHECK(answer({"tenant", "list"}).front()["zone"].as_string() == "Europe/Kyiv");
  answer({"queue", "add", "Field"});
  answer({"queue", "add", "Office"});
  const Words ann = {"operator", "add",   "--email", "ann@harbour.example",
                     "--name",   "Ann",   "--role",  "operator",
                     "--queue",  "Field", "--queue", "Office"};
  CHECK(answer(ann).front()["queues"].size() == 2);
  CHECK(answer({"operator", "list"}).size() == 2);
  const Json code = answer({"device", "code", "--operator", "Ann", "--scope", "all"}).front();
  CHECK(code["scope"].as_string() == "all");
  CHECK(code["link"].is_null());  // no server ran yet: nobody knows where it is
  const Json named = answer({"device", "code", "--operator", "Ann", "--public-url", "https://desk.example"}).front();
  CHECK(holds(named["link"].as_string(), "desk.example"));
  CHECK(answer({"device", "list"}).empty());
  CHECK(answer({"import", "incidents", std::string(TERN_TEST_DATA_DIR) + "/incidents-sample.csv"})
            .front()["tickets"]
            .as_integer() == 60);
  CHECK(answer({"export", "--format", "jsonl"}).size() == 60);
  const auto page = answer({"export", "--limit", "10"});
  REQUIRE(page.size() == 11);
  CHECK(answer({"export", "--limit", "50", "--after", page.back()["next"].as_string()}).size() == 50);
  CHECK(answer({"verify"}).front()["good"].as_bool());
  CHECK(answer({"backup", "--to", folder.file("backup")}).front()["bytes"].as_integer() > 0);
  CHECK(answer({"erase", "--ticket", "T-2024-0001"}).front()["erased"].as_integer() > 0);
  CHECK(answer({"held", "list"}).empty());
  CHECK(answer({"quarantine", "list"}).empty());
  CHECK(answer({"operator", "disable", "--email", "ann@harbour.example"}).front()["operator"].as_string() == "Ann");
  answer({"tenant", "add", "Second"});
  CHECK(refused(ternd({"queue", "list"}), 2, "usage")["field"].as_string() == "tenant");
  CHECK(answer({"queue", "list", "--tenant", "Harbour"}).size() > 1);

  // A sheet inside the directory, or over a file, is refused before anything is made.
  for (const std::string& place : {folder.file("new") + "/sheet", sheet}) {
    const Ended refused_init = run({{program("ternd"), "init", "--data", folder.file("new"), "--tenant", "T", "--admin",
                                     "a@b.example", "--password-stdin", "--recovery-out", place, "--json"},
                                    {},
                                    "a password of the tests\n"});
    CHECK(refused(refused_init, 2, "invalid")["field"].as_string() == "recovery-out");
    CHECK_FALSE(std::filesystem::exists(folder.file("new")));
  }
}

}  // namespace tern::test
