// tern sync --watch: what others do shows here at once, and what is done here goes out at once.
#include <signal.h>

#include "support/catch.hpp"
#include "support/process_desk.hpp"

namespace tern::test {
namespace {

constexpr int at_once_ms = 2'000;

bool shows(const DeviceProcess& device, const std::string& number, const std::string& text) {
  return until([&] { return device({"show", number}).out.find(text) != std::string::npos; }, at_once_ms);
}

}  // namespace

TEST_CASE("a watching device shows within two seconds what another one did, also after the server was killed",
          "[watch]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start();
  const DeviceProcess ann(server, folder.file("ann"), "Ann"), ben(server, folder.file("ben"), "Ben");
  static_cast<void>(ann.open_ticket("Pump leaks"));
  ann({"sync"});
  const std::string number = ann.number_of("Pump leaks");
  Child watching(ben.command({"sync", "--watch"}));
  const auto streams = [&] { return server.child().err().find("\"status\":101") != std::string::npos; };
  REQUIRE(until(streams));

  ann({"note", number, "told over the stream"});
  ann({"sync"});
  CHECK(shows(ben, number, "told over the stream"));
  CHECK(watching.says("\"patches\":2", at_once_ms));

  // Its home is its own: the work of other commands on it goes through it, and out.
  CHECK(ben({"note", number, "answered beside the watcher"}).line()["saved"].as_string() == "saved here");
  CHECK(until([&] { return ben({"status"}).line()["confirmed"].as_integer() == 1; }, at_once_ms));
  ann({"sync"});
  CHECK(shows(ann, number, "answered beside the watcher"));

  server.kill_hard();
  ann({"note", number, "while the server was away"});
  server.start();
  ann({"sync"});
  CHECK(until([&] { return streams() && shows(ben, number, "while the server was away"); }, 15'000));
  ann({"note", number, "and after it came back"});
  ann({"sync"});
  CHECK(shows(ben, number, "and after it came back"));

  watching.signal(SIGTERM);
  CHECK(watching.wait().exit_code == 0);
  CHECK(ben({"note", number, "the home is free again"}).exit_code == 0);
}

TEST_CASE("a revoked device is cut off its stream within five seconds", "[watch]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start();
  const DeviceProcess ann(server, folder.file("ann"), "Ann"), ben(server, folder.file("ben"), "Ben");
  static_cast<void>(ann.open_ticket("Pump leaks"));
  Child watching(ben.command({"sync", "--watch"}));
  REQUIRE(until([&] { return server.child().err().find("\"status\":101") != std::string::npos; }));
  server.admin({"device", "revoke", "Ben's device"});
  CHECK(until([&] { return watching.err().find("KEY_REVOKED") != std::string::npos; }, 5'000));
  ann({"sync"});
  sleep_ms(300);
  CHECK(ben({"list", "--status", "all"}).lines().empty());
}

TEST_CASE("a command beside a watcher that was stopped ends, and nothing of it lands later", "[watch]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start();
  const DeviceProcess ann(server, folder.file("ann"), "Ann");
  static_cast<void>(ann.open_ticket("Pump leaks"));
  ann({"sync"});
  const std::string number = ann.number_of("Pump leaks");
  Child watching(ann.command({"sync", "--watch"}));
  REQUIRE(until([&] { return server.child().err().find("\"status\":101") != std::string::npos; }));

  watching.signal(SIGSTOP);
  Child killed(ann.command({"note", number, "of one that was killed"}));
  sleep_ms(300);
  killed.kill_hard();
  const Ended given_up = run(ann.command({"note", number, "of one that gave up"}), 40'000);
  CHECK(given_up.exit_code == 9);
  CHECK(given_up.error()["message"].as_string().find("Nothing was saved") != std::string::npos);
  watching.signal(SIGCONT);
  CHECK(ann({"note", number, "of one that was answered"}).exit_code == 0);
  const std::string shown = ann({"show", number}).out;
  CHECK(shown.find("answered") != std::string::npos);
  CHECK(shown.find("killed") == std::string::npos);
  CHECK(shown.find("gave up") == std::string::npos);
}

}  // namespace tern::test
