// Running a server: administration beside it and without it, a clean end, several tenants, a restored backup.
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <list>
#include <thread>
#include <utility>

#include "process/load.hpp"
#include "support/files.hpp"
#include "support/must.hpp"
#include "tern/protocol/enrolment.hpp"

namespace tern::test {
namespace {

/// A log of so many incidents that an import of it takes longer than anything else here.
std::string long_log(const TempDir& folder, int incidents) {
  const std::string path = folder.file("long.csv");
  std::ofstream out(path);
  out << "number,incident_state,sys_updated_by,sys_updated_at,priority\n";
  for (int i = 0; i < incidents; ++i) out << "INC" << i << ",New,Editor 1,01-02-2024 10:00,3 - Moderate\n";
  return path;
}

/// Connected to a socket of this machine until it is destroyed; never reads.
class LocalPeer {
public:
  explicit LocalPeer(const std::string& path) : descriptor_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    REQUIRE(::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~LocalPeer() { ::close(descriptor_); }
  LocalPeer(const LocalPeer&) = delete;
  LocalPeer& operator=(const LocalPeer&) = delete;
  void say(const std::string& line) {
    REQUIRE(::send(descriptor_, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size()));
  }

private:
  int descriptor_;
};

/// A server in name only: to whoever comes to its socket it says a line, or nothing, and goes.
class FaultyServer {
public:
  FaultyServer(const std::string& path, std::string line) : line_(std::move(line)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_, 1) == 0);
    thread_ = std::thread([this] {
      const int connection = ::accept(listener_, nullptr, nullptr);
      char asked[4096];
      static_cast<void>(::recv(connection, asked, sizeof asked, 0));
      static_cast<void>(::send(connection, line_.data(), line_.size(), MSG_NOSIGNAL));
      ::close(connection);
    });
  }
  ~FaultyServer() {
    ::shutdown(listener_, SHUT_RDWR);  // nobody came: the thread waits no longer
    thread_.join();
    ::close(listener_);
  }
  FaultyServer(const FaultyServer&) = delete;
  FaultyServer& operator=(const FaultyServer&) = delete;

private:
  const std::string line_;
  const int listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::thread thread_;
};

}  // namespace

TEST_CASE("a fault inside the server is exit code 1, in one sentence", "[operating]") {
  const TempDir folder;
  const ServerProcess server(folder.file("server"));
  const std::string socket = server.data() + "/admin.sock";
  for (const char* answer : {"", R"({"error":{"code":"internal","message":"it fell over","hint":"","field":""}})"
                                 "\n"}) {
    INFO(answer);
    const FaultyServer faulty(socket, answer);
    const Ended ended = server.ternd({"status"});
    CHECK(ended.exit_code == 1);
    CHECK(ended.signal == 0);
    CHECK(ended.out.empty());
    CHECK(ended.error()["code"].as_string() == "internal");
    std::filesystem::remove(socket);
  }
  CHECK(server.ternd({"status"}).exit_code == 0);
}

TEST_CASE("a log that is no CSV is refused with line and column, and nothing of it is stored", "[operating]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start({"--quiet"});
  const std::string path = long_log(folder, 3);
  std::ofstream(path, std::ios::app) << "INC4,\"New,Editor 1,01-02-2024 10:00,3 - Moderate\n";
  for (const bool beside_it : {true, false}) {
    if (!beside_it) server.stop();
    const Ended refused = server.ternd({"import", "incidents", path});
    INFO(refused.out << refused.err);
    CHECK(refused.exit_code == 2);
    CHECK(refused.out.empty());
    CHECK(refused.error()["code"].as_string() == "csv_invalid");
    CHECK(refused.error()["field"].as_string() == "line 6, column 2");
    CHECK(server.admin({"export", "--format", "jsonl"}).out.empty());
  }
}

TEST_CASE("SIGTERM lets requests finish, ends with exit code 0 and loses nothing", "[operating]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start();
  const DeviceProcess ann(server, folder.file("ann"), "Ann"), ben(server, folder.file("ben"), "Ben");
  Child busy(load_command(ann, {})), watching(ben.command({"sync", "--watch"}));
  REQUIRE(busy.says("synced"));
  for (int round = 0; round < 5; ++round) {
    const Ended ended = server.stop();
    CHECK(ended.exit_code == 0);
    CHECK(holds(ended.err, "\"stopped\""));
    CHECK_FALSE(std::filesystem::exists(server.data() + "/admin.sock"));
    server.start();
    sleep_ms(100);
  }
  CHECK(busy.running());
  CHECK(watching.running());
  busy.kill_hard();
  ann({"sync"});
  const OwnWork work = work_of(ann);
  CHECK(work.confirmed == work.all);
  check_each_is_in(said_saved(busy), work.all, "saved, and not in the history");
  CHECK(ledger_of(server).doubled.empty());
  check_verified(server);
}

TEST_CASE("a server at rest has at most sixteen threads, however many processors, after work too", "[operating]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start();
  const auto threads = [&] {
    const std::filesystem::directory_iterator of("/proc/" + std::to_string(server.child().pid()) + "/task");
    return static_cast<std::size_t>(std::distance(of, {}));
  };
  const auto committers = std::clamp(std::thread::hardware_concurrency(), 1U, 4U);
  const std::size_t at_rest = 12 + committers;  // 16 on four processors or more
  CHECK(until([&] { return threads() == at_rest; }));
  const DeviceProcess ann(server, folder.file("ann"), "Ann"), ben(server, folder.file("ben"), "Ben");
  Child watching(ben.command({"sync", "--watch"}));
  REQUIRE(watching.says("\"exchanges\""));
  server.admin({"webhook", "add", "Billing", "--url", "https://localhost/", "--owner", "Ann"});
  server.admin({"webhook", "test", "Billing"});
  const auto said = [&] { return server.admin({"webhook", "log", "Billing", "--limit", "1"}).line()["said"]; };
  REQUIRE(until([&] { return said() == Json("the address is an inner one"); }, 20'000));
  static_cast<void>(ann.open_ticket("Pump leaks"));
  ann({"sync"});
  CHECK(until([&] { return threads() == at_rest; }, 20'000));
}

TEST_CASE("a port that the system chose is the one that links and status tell", "[operating]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.admin({"operator", "add", "--email", "ann@example.org", "--role", "operator"});
  server.port = 0;
  for (int run = 0; run < 2; ++run) {  // another one each time
    server.start();
    const std::string url = must(parse_json(server.child().out()))["listening"].as_string();
    CHECK(url.rfind(":0") != url.size() - 2);
    CHECK(server.admin({"status"}).line()["public_url"].as_string() == url);
    const std::string link =
        server.admin({"device", "code", "--operator", "ann@example.org"}).line()["link"].as_string();
    CHECK(must(protocol::enrolment_link_from_text(link)).url == url);
    server.stop();
  }
}

TEST_CASE("lists of administration come in pages that miss nothing", "[operating]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  for (const char* name : {"A", "B", "C", "D", "E"}) server.admin({"queue", "add", name});
  std::vector<std::string> names;
  std::string after;
  for (int page = 0; page < 3; ++page) {
    Words words{"queue", "list", "--limit", "2"};
    if (!after.empty()) words.insert(words.end(), {"--after", after});
    const auto lines = server.admin(words).lines();
    REQUIRE(lines.size() == (page < 2 ? 3 : 1));
    after = lines.back()["next"].as_string();
    for (const Json& line : lines)
      if (line.find("name") != nullptr) names.push_back(line["name"].as_string());
  }
  CHECK(names == std::vector<std::string>{"A", "B", "C", "D", "E"});
  CHECK(server.admin({"queue", "list"}).lines().size() == 5);
  for (const Words& list : {Words{"tenant", "list"},
                            {"operator", "list"},
                            {"device", "list"},
                            {"held", "list"},
                            {"quarantine", "list"},
                            {"contact", "list"},
                            {"erase", "--list"}}) {
    Words words = list;
    words.insert(words.end(), {"--limit", "1"});
    CHECK(server.admin(words).lines().size() <= 2);
  }
  CHECK(server.ternd({"queue", "list", "--limit", "0"}).exit_code == 2);
  CHECK(server.ternd({"erase", "--ticket", "T-1", "--limit", "1"}).exit_code == 2);
}

TEST_CASE("administration goes through the running server, and to the directory when none runs", "[operating]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.admin({"queue", "add", "Without"});
  server.start();
  struct stat socket {};
  REQUIRE(::stat((server.data() + "/admin.sock").c_str(), &socket) == 0);
  CHECK((socket.st_mode & 0777) == 0600);
  server.admin({"queue", "add", "Beside"});
  CHECK(holds(server.child().err(), "queue add"));  // the server did it
  const Ended second = server.ternd({"serve", "--listen", "127.0.0.1:0"});
  CHECK(second.exit_code == 9);
  CHECK(second.error()["code"].as_string() == "busy");
  server.kill_hard();
  CHECK(std::filesystem::exists(server.data() + "/admin.sock"));  // left by the dead
  CHECK(server.admin({"queue", "list"}).lines().size() == 2);
  server.start();
  CHECK(server.admin({"queue", "list"}).lines().size() == 2);
  const auto key = server.recovery_key() + "\n";
  const Ended restore = server.ternd({"restore", "--from", folder.file("none"), "--recovery-key-stdin"}, key);
  CHECK(restore.exit_code != 0);
  check_verified(server);
}

TEST_CASE("a client of administration that says nothing, or takes nothing, holds up neither others nor the end",
          "[operating]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start({"--quiet"});
  server.admin({"import", "incidents", std::string(TERN_TEST_DATA_DIR) + "/incidents-sample.csv"});
  std::list<LocalPeer> peers;
  for (int i = 0; i < 12; ++i) peers.emplace_back(server.data() + "/admin.sock");
  for (int i = 0; i < 3; ++i) peers.emplace_back(server.data() + "/admin.sock").say("{\"command\":\"export\"}\n");
  CHECK(server.ternd({"status"}, {}, 20'000).exit_code == 0);
  const Ended ended = server.stop();
  CHECK(ended.exit_code == 0);
}

TEST_CASE("while a command takes long, the running server does the short ones, and does not wait for it to end",
          "[operating]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start({"--quiet"});
  const DeviceProcess ben(server, folder.file("ben"), "Ben");
  Child watching(ben.command({"sync", "--watch"}));
  const std::string log = long_log(folder, 100'000);
  const auto tickets = [&] { return server.admin({"status"}).line()["rows"].items()[0]["tickets"].as_integer(); };
  const auto import = [&] {
    return Command{{program("ternd"), "import", "incidents", log, "--data", server.data(), "--json"}};
  };
  constexpr int slow_build_ms = 60'000;  // what is there already is passed over first
  {
    Child importing(import());
    REQUIRE(until([&] { return tickets() > 0; }, slow_build_ms));
    server.admin({"device", "revoke", "Ben's device"});
    CHECK(watching.wait(5'000).exit_code == 6);
    server.admin({"backup", "--to", folder.file("made")});
    check_verified(server);
    CHECK(importing.running());
    importing.signal(SIGINT);  // it goes, and the import with it
    CHECK(importing.wait().signal == SIGINT);
  }
  std::int64_t before = -1;
  CHECK(until([&] { return std::exchange(before, tickets()) == tickets(); }));
  Child importing(import());
  REQUIRE(until([&] { return tickets() > before; }, slow_build_ms));
  CHECK(server.stop().exit_code == 0);
  const Ended ended = importing.wait();
  CHECK(ended.exit_code == 9);
  CHECK(holds(ended.error()["message"].as_string(), "Interrupted"));
  check_verified(server);
}

TEST_CASE("a backup whose asker goes away leaves nothing half-made on the running server", "[operating]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.admin({"import", "incidents", std::string(TERN_TEST_DATA_DIR) + "/incidents-sample.csv"});
  server.start({"--quiet"});
  const std::string made = folder.file("made"), staging = server.data() + "/backup.staging";
  const auto is_there = [](const std::string& path) { return std::filesystem::exists(path); };
  int stopped = 0;
  for (int round = 0; round < 10; ++round) {
    Child child({{program("ternd"), "backup", "--to", made, "--data", server.data(), "--json"}});
    while (child.running() && !is_there(staging)) sleep_ms(1);
    child.signal(SIGHUP);
    child.wait();
    CHECK(until([&] { return !is_there(made + ".new") && !is_there(staging); }));
    server.ternd({"status"});
    if (!std::filesystem::remove(made)) ++stopped;
  }
  CHECK(stopped > 0);
  check_verified(server);
}

TEST_CASE("a backup, an export or a restore that is told to stop leaves nothing half-made", "[operating]") {
  const TempDir folder;
  const ServerProcess server(folder.file("server"));
  server.admin({"import", "incidents", std::string(TERN_TEST_DATA_DIR) + "/incidents-sample.csv"});
  const std::string good = folder.file("good"), made = folder.file("made"), there = folder.file("there");
  server.admin({"backup", "--to", good});
  const auto interrupted = [&](const Words& words, const std::string& data, int signal, int after_ms) {
    Command command{{program("ternd")}};
    command.words.insert(command.words.end(), words.begin(), words.end());
    command.words.insert(command.words.end(), {"--data", data, "--json"});
    command.input = server.recovery_key() + "\n";
    Child child(command);
    sleep_ms(after_ms);
    child.signal(signal);
    const Ended ended = child.wait();
    INFO(words.front() << " after " << after_ms << " ms: " << ended.err);
    CHECK((ended.signal == signal || ended.exit_code == 0));
    for (const std::string& left : {made + ".new", server.data() + "/backup.staging", there + ".restoring"})
      CHECK_FALSE(std::filesystem::exists(left));
    std::filesystem::remove(made);
    std::filesystem::remove_all(there);
    return ended.signal == signal;
  };
  int stopped = 0;
  for (int after_ms = 2; after_ms <= 60; after_ms += 4)
    for (const int signal : {SIGINT, SIGTERM}) {
      stopped += interrupted({"backup", "--to", made}, server.data(), signal, after_ms) ? 1 : 0;
      stopped += interrupted({"export", "--to", made}, server.data(), signal, after_ms) ? 1 : 0;
      stopped += interrupted({"restore", "--from", good, "--recovery-key-stdin"}, there, signal, after_ms) ? 1 : 0;
    }
  CHECK(stopped > 0);
  check_verified(server);

  // `-` is stdout; a ledger goes to a file.
  CHECK(server.admin({"export", "--to", "-"}).lines().size() == 60);
  CHECK(server.ternd({"export", "--format", "ledger", "--to", "-"}).exit_code == 2);
  CHECK_FALSE(std::filesystem::exists("-"));
}

TEST_CASE("two tenants of one server never see a word of each other", "[operating]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"), "Harbour");
  server.start();
  server.tenant_flag = "Harbour";
  server.admin({"field", "add", "location", "--type", "text"});
  const DeviceProcess ann(server, folder.file("ann"), "Ann", "operator", "all");
  server.tenant_flag.clear();
  server.admin({"tenant", "add", "Airport"});
  CHECK(server.admin({"tenant", "list"}).lines().size() == 2);
  const Ended unnamed = server.ternd({"operator", "list"});
  CHECK(unnamed.exit_code != 0);
  CHECK(holds(unnamed.err, "Harbour"));
  CHECK(holds(unnamed.err, "Airport"));
  server.tenant_flag = "Airport";
  server.admin({"queue", "add", "Field"});
  server.admin({"field", "add", "location", "--type", "text"});
  const DeviceProcess bob(server, folder.file("bob"), "Bob", "operator", "all");

  const auto work = [](const DeviceProcess& device, const std::string& canary) {
    const std::string number = device.open_ticket(canary + " subject");
    device({"note", number, canary + " note"});
    device({"set", number, "location", canary + " place"});
    device({"sync"});
  };
  work(ann, "CANARYHARBOUR");
  work(bob, "CANARYAIRPORT");
  for (const DeviceProcess* device : {&ann, &bob}) (*device)({"sync"});

  CHECK_FALSE(holds(ann({"list", "--status", "all"}).out, "CANARYAIRPORT"));
  CHECK(ann({"search", "CANARYAIRPORT"}).out.empty());
  CHECK_FALSE(holds(bob({"list", "--status", "all"}).out, "CANARYHARBOUR"));
  server.tenant_flag = "Harbour";
  const std::string harbour = server.admin({"export"}).out;
  CHECK(holds(harbour, "CANARYHARBOUR"));
  CHECK_FALSE(holds(harbour, "CANARYAIRPORT"));
  CHECK_FALSE(holds(server.child().err(), "CANARY"));
  const std::string metrics = run({{program("ternd"), "status", "--data", server.data()}}).out;
  CHECK_FALSE(holds(metrics, "CANARY"));
  for (const char* tenant : {"Harbour", "Airport"}) {
    server.tenant_flag = tenant;
    check_verified(server);
  }
  server.tenant_flag.clear();
  CHECK(server.stop().exit_code == 0);

  // A tenant is a file: none holds words of both.
  const auto with_harbour = files_holding(server.data(), "CANARYHARBOUR"),
             with_airport = files_holding(server.data(), "CANARYAIRPORT");
  CHECK(with_harbour.size() == 1);
  CHECK(with_airport.size() == 1);
  CHECK(with_harbour != with_airport);
  // Devices keep theirs encrypted.
  CHECK(files_holding(ann.home(), "CANARY").empty());
}

TEST_CASE("a backup restored under devices that are ahead of it loses nothing that they hold", "[operating]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start();
  const DeviceProcess ann(server, folder.file("ann"), "Ann"), ben(server, folder.file("ben"), "Ben");
  static_cast<void>(ann.open_ticket("Pump leaks"));
  ann({"sync"});
  ben({"sync"});
  const std::string number = ann.number_of("Pump leaks"), backup = folder.file("backup");
  server.admin({"backup", "--to", backup});
  for (const std::string& file : files_holding(folder.path(), "Pump leaks"))
    CHECK(file.starts_with(server.data() + "/"));  // not the backup

  ann({"note", number, "confirmed after the backup"});
  ann({"sync"});
  ann({"note", number, "not sent yet"});
  ben({"sync"});
  ben({"set", number, "priority", "high"});
  CHECK(server.stop().exit_code == 0);

  const Ended wrong_key =
      server.ternd({"restore", "--from", backup, "--replace", "--recovery-key-stdin"}, "0000-0000\n");
  CHECK(wrong_key.exit_code != 0);
  CHECK(server.ternd({"restore", "--from", backup, "--recovery-key-stdin"}, server.recovery_key() + "\n").exit_code ==
        2);  // a server is there
  server.admin({"restore", "--from", backup, "--replace", "--recovery-key-stdin"}, server.recovery_key() + "\n");
  server.start();
  CHECK(server.admin({"export"}).line()["messages"].size() == 0);

  const Ended told = ann({"sync"});
  CHECK(told.exit_code == 7);
  CHECK(holds(told.line()["notice"].as_string(), "restored"));
  ben({"sync"});
  ann({"sync"});
  for (const DeviceProcess* device : {&ann, &ben}) {
    const OwnWork work = work_of(*device);
    CHECK(work.confirmed == work.all);
    const std::string shown = (*device)({"show", number}).out;
    CHECK(holds(shown, "confirmed after the backup"));
    CHECK(holds(shown, "not sent yet"));
    CHECK(holds(shown, "\"priority\":\"high\""));
  }
  const Ledger ledger = ledger_of(server);
  CHECK(ledger.doubled.empty());
  check_each_is_in(work_of(ann).all, ledger.changes, "of a device that was ahead, and not in the restored ledger");
  check_verified(server);
}

TEST_CASE("a stolen log key is replaced: devices learn of it, nobody takes an order by the old one", "[operating]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start({"--quiet"});
  const DeviceProcess ann(server, folder.file("ann"), "Ann"), ben(server, folder.file("ben"), "Ben");
  const DeviceProcess lost(server, folder.file("lost"), "Cleo");
  const std::string number = ann.open_ticket("Pump leaks");
  ann({"note", number, "a sentence to be erased"});
  ann({"sync"});
  ben({"sync"});
  server.admin({"device", "wipe", "Cleo's device"});
  const std::string known = ann.number_of("Pump leaks");
  server.admin({"erase", "--ticket", known});
  const std::string key = server.recovery_key() + "\n";
  CHECK(server.ternd({"keys", "replace", "--recovery-key-stdin"}, key).exit_code == 9);  // while it runs
  server.stop();

  const ServerProcess stranger(folder.file("stranger"));
  const Ended refused = server.ternd({"keys", "replace", "--recovery-key-stdin"}, stranger.recovery_key() + "\n");
  CHECK(refused.exit_code == 4);
  CHECK(refused.error()["field"].as_string() == "recovery-key");
  const Json first = server.admin({"keys", "replace", "--recovery-key-stdin"}, key).line();
  CHECK(first["key_list_version"].as_integer() == 2);
  const Json second = server.admin({"keys", "replace", "--stolen", "--recovery-key-stdin"}, key).line();
  CHECK(second["key_list_version"].as_integer() == 3);
  CHECK(second["log_key"] != first["log_key"]);
  CHECK(second["signed_again"].as_integer() >= 3);
  check_verified(server);

  server.start({"--quiet"});
  // Orders from before reach devices under the new key, and so does new work.
  ben({"sync"});
  CHECK_FALSE(holds(ben({"show", known}).out, "a sentence to be erased"));
  static_cast<void>(lost.tern({"sync"}));
  CHECK_FALSE(std::filesystem::exists(lost.home() + "/replica.key"));
  static_cast<void>(ann.open_ticket("Gate is stuck"));
  ann({"sync"});
  CHECK(ann({"status"}).line()["confirmed"].as_integer() >= 4);
  const DeviceProcess dora(server, folder.file("dora"), "Dora");  // enrolled under the new key
  CHECK(dora({"list"}).lines().size() == 2);
  // A backup is signed by the new key, and restores.
  server.admin({"backup", "--to", folder.file("backup")});
  server.stop();
  server.admin({"restore", "--from", folder.file("backup"), "--replace", "--recovery-key-stdin"}, key);
  server.start({"--quiet"});
  ann({"sync"});
  check_verified(server);
}

}  // namespace tern::test
