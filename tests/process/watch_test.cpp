// tern sync --watch: what others do shows here at once, and what is done here goes out at once.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include <utility>

#include "support/catch.hpp"
#include "support/fault_proxy.hpp"
#include "support/process_desk.hpp"

namespace tern::test {
namespace {

constexpr int at_once_ms = 2'000;

bool shows(const DeviceProcess& device, const std::string& number, const std::string& text) {
  return until([&] { return device({"show", number}).out.find(text) != std::string::npos; }, at_once_ms);
}

/// One end of the socket in a home, in the words of some version.
class RawSocket {
public:
  explicit RawSocket(const std::string& home) : path_(home + "/watch.sock") {}
  ~RawSocket() {
    for (const int descriptor : {peer_, listener_})
      if (descriptor >= 0) ::close(descriptor);
  }
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  void connect() {
    peer_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = address_of(path_);
    REQUIRE(::connect(peer_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  void listen() {
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = address_of(path_);
    ::unlink(path_.c_str());
    REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_, 4) == 0);
  }
  void accept() {
    REQUIRE(readable(listener_));
    if (peer_ >= 0) ::close(peer_);
    peer_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    REQUIRE(peer_ >= 0);
  }
  void write(const Json& value) {
    const std::string line = to_text(value) + "\n";
    REQUIRE(::send(peer_, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size()));
  }
  /// A null when the other end closed.
  Json read() {
    std::string line;
    for (char byte = 0; byte != '\n'; line += byte) {
      REQUIRE(readable(peer_));
      if (::recv(peer_, &byte, 1, 0) != 1) return {};
    }
    auto parsed = parse_json(line, JsonLimits{.decimals = true});
    REQUIRE(parsed);
    return std::move(*parsed);
  }

private:
  static sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
  }
  static bool readable(int descriptor) {
    pollfd wait{descriptor, POLLIN, 0};
    return ::poll(&wait, 1, 10'000) == 1;
  }
  std::string path_;
  int listener_ = -1, peer_ = -1;
};

/// A device that knows no other way to its server.
DeviceProcess enrolled_through(const FaultProxy& proxy, ServerProcess& server, const std::string& home,
                               const std::string& name) {
  const std::uint16_t own_port = std::exchange(server.port, proxy.port());
  DeviceProcess device(server, home, name);
  server.port = own_port;
  return device;
}

/// A home with one ticket, its watcher connected.
struct WatchedHome : AnnsDesk {
  WatchedHome() {
    watching.emplace(ann->command({"sync", "--watch"}));
    REQUIRE(until([&] { return holds(server.child().err(), "\"status\":101"); }));
  }
  std::optional<Child> watching;
};

/// A home with one ticket whose watcher the test plays: it has the lock, and what listens.
struct PlayedHome {
  PlayedHome() {
    server.start();
    ann.emplace(server, folder.file("ann"), "Ann");
    number = ann->open_ticket("Pump leaks");
    lock = ::open((ann->home() + "/lock").c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(::flock(lock, LOCK_EX | LOCK_NB) == 0);
    watcher.emplace(ann->home()).listen();
  }
  ~PlayedHome() { ::close(lock); }
  PlayedHome(const PlayedHome&) = delete;
  PlayedHome& operator=(const PlayedHome&) = delete;

  TempDir folder;
  ServerProcess server{folder.file("server")};
  std::optional<DeviceProcess> ann;
  std::string number;
  int lock = -1;
  std::optional<RawSocket> watcher;
};

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
  ben({"on-site", number, "seal replaced", "--arrived", "2026-01-05T08:10:00Z", "--left", "2026-01-05T09:45:00Z",
       "--internal"});
  const Json shown = ben({"show", number}).line();
  CHECK(shown["timeline"].items().back()["on_site"]["to"].as_string().starts_with("2026-01-05T09:45"));

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
  CHECK(watching.wait(5'000).exit_code == 6);  // there is nothing to come back for
  ann({"sync"});
  sleep_ms(300);
  CHECK(ben({"list", "--status", "all"}).lines().empty());
}

TEST_CASE("what a revoked device handed in waits for an administrator, and is recorded by the server in their name",
          "[watch]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start();
  const DeviceProcess ann(server, folder.file("ann"), "Ann");
  static_cast<void>(ann.open_ticket("Pump leaks"));
  ann({"sync"});
  ann({"note", ann.number_of("Pump leaks"), "not sent yet"});
  server.admin({"operator", "disable", "Ann"});
  const Ended ended = run(ann.command({"sync", "--watch"}));
  CHECK(ended.exit_code == 6);
  CHECK(holds(ended.err, "handed in"));
  CHECK(holds(ann({"history"}).out, "an administrator decides about it"));
  const Json waiting = server.admin({"quarantine", "list"}).line();

  const DeviceProcess ben(server, folder.file("ben"), "Ben");
  server.admin({"quarantine", "release", waiting["set"].as_string(), "--by", "admin@harbour.example"});
  ben({"sync"});
  Command shown = ben.command({"show", ben.number_of("Pump leaks")});
  const Json timeline = run(shown).line()["timeline"];
  REQUIRE(timeline.size() >= 2);
  CHECK(timeline.items().front().find("recorded") == nullptr);  // Ann's key signed it
  CHECK(timeline.items().back()["recorded"].as_bool());
  CHECK(timeline.items().back()["author"].as_string() != "Ann");
  shown.words.pop_back();  // for people
  CHECK(holds(run(shown).out, "recorded by the server for " + timeline.items().back()["author"].as_string()));
}

TEST_CASE("a sync beside a watcher is done by it, at once, and counts what it did itself", "[watch]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start();
  const DeviceProcess ann(server, folder.file("ann"), "Ann"), ben(server, folder.file("ben"), "Ben");
  static_cast<void>(ann.open_ticket("Pump leaks"));
  Child watching(ann.command({"sync", "--watch"}));
  REQUIRE(until([&] { return holds(server.child().err(), "\"status\":101"); }));
  for (int i = 0; i < 3; ++i) {
    const std::int64_t begun_ms = steady_ms();
    const Ended ended = ann.tern({"sync"});
    INFO(ended.err);
    CHECK(ended.exit_code == 0);
    CHECK(ended.line()["changes_sent"].as_integer() == 0);
    CHECK(steady_ms() - begun_ms < 4'000);
  }
  const Ended second = ann.tern({"sync", "--watch"});
  CHECK(second.exit_code == 9);
  CHECK(holds(second.error()["hint"].as_string(), "one is enough"));
  // The stream is there again.
  ben({"sync"});
  ben({"note", ben.number_of("Pump leaks"), "after the syncs"});
  ben({"sync"});
  CHECK(until([&] { return holds(ann({"show", ann.number_of("Pump leaks")}).out, "after the syncs"); }, 5'000));
  watching.signal(SIGTERM);
  CHECK(watching.wait().exit_code == 0);
}

TEST_CASE("a message that does not come to its end costs a watching device seconds, not its stream", "[watch][slow]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start();
  FaultProxy proxy(server.port);
  const DeviceProcess ann = enrolled_through(proxy, server, folder.file("ann"), "Ann");
  const DeviceProcess ben(server, folder.file("ben"), "Ben");
  static_cast<void>(ben.open_ticket("Pump leaks"));
  ben({"sync"});
  Child watching(ann.command({"sync", "--watch"}));
  REQUIRE(until([&] { return holds(server.child().err(), "\"status\":101"); }));
  sleep_ms(300);
  proxy.plan({LineFault::unfinished, std::nullopt, std::nullopt});
  const std::string number = ben.number_of("Pump leaks");
  ben({"note", number, "cut off"});
  ben({"sync"});
  CHECK(until([&] { return holds(ann({"show", number}).out, "cut off"); }, 18'000));
}

TEST_CASE("what is written while the stream has fallen silent goes out within twenty seconds", "[watch][slow]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start();
  FaultProxy proxy(server.port);
  const DeviceProcess ann = enrolled_through(proxy, server, folder.file("ann"), "Ann");
  static_cast<void>(ann.open_ticket("Pump leaks"));
  Child watching(ann.command({"sync", "--watch"}));
  REQUIRE(until([&] { return holds(server.child().err(), "\"status\":101"); }));
  proxy.plan({LineFault::silence_open, std::nullopt, std::nullopt});
  ann({"note", ann.number_of("Pump leaks"), "into the silence"});
  CHECK(until([&] { return holds(server.admin({"export"}).out, "into the silence"); }, 22'000));
}

TEST_CASE("a command beside a watcher that was stopped ends, and nothing of it lands later", "[watch]") {
  WatchedHome home;
  const DeviceProcess& ann = *home.ann;

  home.watching->signal(SIGSTOP);
  Child killed(ann.command({"note", home.number, "of one that was killed"}));
  sleep_ms(300);
  killed.kill_hard();
  const Ended given_up = run(ann.command({"note", home.number, "of one that gave up"}), 40'000);
  CHECK(given_up.exit_code == 9);
  CHECK(given_up.error()["message"].as_string().find("Nothing was saved") != std::string::npos);
  home.watching->signal(SIGCONT);
  CHECK(ann({"note", home.number, "of one that was answered"}).exit_code == 0);
  const std::string shown = ann({"show", home.number}).out;
  CHECK(shown.find("answered") != std::string::npos);
  CHECK(shown.find("killed") == std::string::npos);
  CHECK(shown.find("gave up") == std::string::npos);
}

TEST_CASE("a watcher does the command of an older version, which takes the first line for its answer", "[watch]") {
  WatchedHome home;
  const DeviceProcess& ann = *home.ann;

  RawSocket older(ann.home());
  older.connect();
  older.write(Json::object({{"command", Json("note")},
                            {"json", Json(true)},
                            {"ticket", Json(home.number)},
                            {"text", Json("of an older version")}}));
  const Json answer = older.read();
  CHECK(answer["out"].as_string().find("saved here") != std::string::npos);
  CHECK(answer["exit"].as_integer(-1) == 0);
  CHECK(shows(ann, home.number, "of an older version"));
}

TEST_CASE("a command beside a watcher of another version is done by it, or refused in words", "[watch]") {
  PlayedHome home;
  RawSocket& watcher = *home.watcher;
  const Json done = Json::object({{"out", Json("done by the other\n")}, {"error", Json("")}, {"exit", Json(0)}});

  Child asking(home.ann->command({"note", home.number, "handed over"}));
  watcher.accept();
  CHECK(watcher.read()["text"].as_string() == "handed over");
  SECTION("one that answers at once") {
    watcher.write(done);
    CHECK(asking.wait().out == "done by the other\n");
  }
  SECTION("one that asks back and names no version") {
    watcher.write(Json::object({{"ready", Json(true)}}));
    CHECK(watcher.read()["go"].as_bool());
    watcher.write(done);
    CHECK(asking.wait().out == "done by the other\n");
  }
  SECTION("one that is newer") {
    watcher.write(Json::object({{"ready", Json(true)}, {"talk", Json(99)}}));
    CHECK(watcher.read()["go"].as_bool());
    watcher.write(done);
    CHECK(asking.wait().out == "done by the other\n");
  }
  SECTION("one that is too old") {
    watcher.write(Json::object({{"ready", Json(true)}, {"talk", Json(0)}}));
    CHECK(watcher.read().is_null());
    const Ended refused = asking.wait();
    CHECK(refused.exit_code == 9);
    CHECK(refused.error()["message"].as_string().find("of an older version. Nothing was saved.") != std::string::npos);
  }
}

TEST_CASE("a watcher that knows no macros is not asked for one", "[watch]") {
  PlayedHome home;
  RawSocket& watcher = *home.watcher;
  for (const Words& words :
       {Words{"macro", "apply", home.number, "Part ordered"}, Words{"reply", home.number, "--quick", "omw"}}) {
    Child asking(home.ann->command(words));
    watcher.accept();
    CHECK(watcher.read()["ticket"].as_string() == home.number);
    watcher.write(Json::object({{"ready", Json(true)}, {"talk", Json(3)}}));
    CHECK(watcher.read().is_null());
    CHECK(asking.wait().exit_code == 9);
  }
}

}  // namespace tern::test
