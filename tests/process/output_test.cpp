// What reaches a terminal, and what is said when nothing can be written.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/process_desk.hpp"

namespace tern::test {
namespace {

const std::string title = "van\x1b]0;pwned\x07\x1b[31m";

bool is_plain(const std::string& text) {
  return text.find('\x1b') == std::string::npos && text.find('\x07') == std::string::npos &&
         text.find('\r') == std::string::npos && text.find("\xE2\x80\xAE") == std::string::npos;
}

/// With stdout on a device that is full.
Ended onto_full_device(Words words, const std::map<std::string, std::string>& environment = {}) {
  words.insert(words.begin(), {"/bin/sh", "-c", "exec \"$@\" > /dev/full", "sh"});
  return run({words, environment});
}

}  // namespace

TEST_CASE("no text of others and no argument steers the terminal", "[output]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  const auto people = [&](Words words) {
    words.insert(words.begin(), program("ternd"));
    words.insert(words.end(), {"--data", server.data()});
    return run({words});
  };
  for (const Words& words : {Words{"queue", "add", title}, Words{"tenant", "add", "T\xE2\x80\xAE"},
                             Words{"contact", "add", "two\nlines"}, Words{"category", "add", "C1 \xC2\x9B"}}) {
    const Ended refused = people(words);
    CHECK(refused.exit_code == 2);
    CHECK(holds(refused.err, "holds no control characters"));
    CHECK(is_plain(refused.err));
  }
  CHECK(is_plain(people({"queue", title}).err));
  CHECK(is_plain(people({"device", "revoke", title}).err));
  const Ended missing = run({{program("tern"), "list", "--home", folder.file(title)}});
  CHECK(missing.exit_code == 6);
  CHECK(is_plain(missing.err));

  // A file whose names hold line ends, and one with a reason that is only shown.
  const std::string log = folder.file("log.csv");
  std::ofstream(log) << "number,incident_state,sys_updated_by,sys_updated_at,priority,category\n"
                        "INC1,New,\"Ann\r\nEve\",29-02-2016 01:23,3 - Moderate,Pumps\n";
  const Ended import = people({"import", "incidents", log});
  CHECK(import.exit_code == 2);
  CHECK(holds(import.err, "Line 2"));
  CHECK(server.admin({"operator", "list"}).lines().size() == 1);

  server.start({"--quiet"});
  const DeviceProcess van(folder.file("van"));
  const Words enrol = {"enrol", "--server", server.url(), "--code", server.code_for("Ann"), "--yes"};
  Words named = enrol;
  named.insert(named.end(), {"--name", title});
  CHECK(van.tern(named).exit_code == 2);
  CHECK(van.tern(enrol).exit_code == 0);  // the code was not used up
  van({"sync"});
  static_cast<void>(van.open_ticket("Pump \x1b[31m\xE2\x80\xAE leaks"));
  van({"sync"});
  const Ended list = run({{program("tern"), "list", "--home", van.home()}});
  CHECK(holds(list.out, "leaks"));
  CHECK(is_plain(list.out));
}

TEST_CASE("output that cannot be written is exit code 10 and one sentence", "[output]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start({"--quiet"});
  const DeviceProcess ann(server, folder.file("ann"), "Ann");
  static_cast<void>(ann.open_ticket("Pump leaks"));
  ann({"sync"});
  const std::string tern = program("tern"), ternd = program("ternd");
  for (const Words& words :
       {Words{tern, "list", "--home", ann.home(), "--json"}, Words{tern, "list", "--home", ann.home()},
        Words{ternd, "status", "--data", server.data(), "--json"}, Words{ternd, "export", "--data", server.data()},
        Words{tern, "--version"}, Words{ternd, "--man"}, Words{program("tern-verify"), "--help"},
        Words{program("tern-fleet"), "--help"}}) {
    INFO(words[0] << " " << words[1]);
    const Ended ended = onto_full_device(words);
    CHECK(ended.exit_code == 10);
    CHECK(holds(ended.err, "output could not be written"));
  }
  // Whoever stops reading has seen enough.
  const Ended piped = run({{"/bin/sh", "-c", "\"$@\" | true", "sh", tern, "list", "--home", ann.home(), "--json"}});
  CHECK(piped.err.empty());
}

TEST_CASE("an empty variable is none, and flags of all commands may come first", "[output]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start({"--quiet"});
  const DeviceProcess ann(server, folder.file("ann"), "Ann");
  const std::string tern = program("tern"), ternd = program("ternd");
  CHECK(run({{tern, "--home", ann.home(), "--json", "status"}}).line()["tickets"].as_integer() == 0);
  CHECK(run({{ternd, "--data", server.data(), "--json", "status"}}).exit_code == 0);
  const Ended unset = run({{tern, "list"}, {{"TERN_HOME", ""}, {"HOME", folder.file("nobody")}}});
  CHECK(unset.exit_code == 6);
  CHECK(holds(unset.err, folder.file("nobody") + "/.local/share/tern"));
  CHECK(run({{tern, "list", "--home", ""}}).exit_code == 2);
  CHECK(holds(run({{ternd, "status"}, {{"TERN_DATA", ""}}}).err, "No server directory was named"));
}

TEST_CASE("the file that the recovery sheet was written to opens a backup", "[output]") {
  const TempDir folder;
  const std::string data = folder.file("server"), sheet = folder.file("sheet.txt"), backup = folder.file("backup");
  REQUIRE(run({{program("ternd"), "init", "--data", data, "--tenant", "Harbour", "--admin", "a@b.example",
                "--password-stdin", "--recovery-out", sheet},
               {},
               "a password of the tests\n"})
              .exit_code == 0);
  REQUIRE(run({{program("ternd"), "backup", "--data", data, "--to", backup}}).exit_code == 0);
  const Ended restored =
      run({{program("ternd"), "restore", "--data", folder.file("restored"), "--from", backup, "--recovery-key-stdin"},
           {},
           content_of(sheet)});
  INFO(restored.err);
  CHECK((restored.exit_code == 0 || restored.exit_code == 7));
  CHECK(std::filesystem::exists(folder.file("restored") + "/server.db"));
}

TEST_CASE("a home that may not be looked into, or not be written, says so", "[output]") {
  if (::geteuid() == 0) return;  // root may everything
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start({"--quiet"});
  const DeviceProcess ann(server, folder.file("ann"), "Ann");
  const auto with_rights = [&](std::filesystem::perms rights) {
    std::filesystem::permissions(ann.home(), rights);
    const Ended ended = ann.tern({"list"});
    std::filesystem::permissions(ann.home(), std::filesystem::perms::owner_all);
    return ended;
  };
  const Ended closed = with_rights(std::filesystem::perms::none);
  CHECK(closed.exit_code == 4);
  CHECK(holds(closed.err, "may not look into"));
  CHECK(ann.tern({"list"}).exit_code == 0);
}

}  // namespace tern::test
