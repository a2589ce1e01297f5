// The security scenarios with real programs and a real line between them. Those that take a device's key in a
// stranger's hand, or a moment inside a commit, are of tests/world alone, as its security_test.cpp lists; 1, 8 and 12
// are in away_test.cpp.
#include <algorithm>
#include <filesystem>
#include <regex>

#include "process/load.hpp"
#include "support/files.hpp"
#include "support/relay.hpp"
#include "support/secret_search.hpp"
#include "support/zstd_bomb.hpp"

namespace tern::test {
namespace {

constexpr const char* exchange_route = "/sync/v1/exchange";

/// A server, a relay before it, and a device behind that.
struct RelayedDesk {
  RelayedDesk() {
    server.start({"--quiet"});
    relay = std::make_unique<Relay>(server.port);
    ann = std::make_unique<const DeviceProcess>(folder.file("ann"));
    enrol(*ann, server.code_for("Ann"));
    (*ann)({"sync"});
    static_cast<void>(ann->open_ticket("Pump leaks"));
    (*ann)({"sync"});
    number = ann->number_of("Pump leaks");
  }
  void enrol(const DeviceProcess& device, const std::string& code) const {
    device({"enrol", "--server", relay->url(), "--code", code, "--yes", "--name", "device"});
  }
  [[nodiscard]] std::int64_t newest_commit() const {
    return server.admin({"status"}).line()["rows"].items()[0]["commit_seq"].as_integer();
  }
  /// What a captive portal must not alter.
  [[nodiscard]] std::string held() const {
    const std::string shown = (*ann)({"show", number}).out;
    // What is left until a deadline runs down by itself.
    std::string all = (*ann)({"history"}).out + std::regex_replace(shown, std::regex("\"left_s\":[0-9]+"), "");
    const Json status = (*ann)({"status"}).line();
    for (const char* member : {"confirmed", "tickets", "cursor", "wiped", "notice"})
      all += std::string(member) + to_text(status[member]) + "\n";
    return all;
  }
  TempDir folder;
  ServerProcess server{folder.file("server")};
  std::unique_ptr<Relay> relay;
  std::unique_ptr<const DeviceProcess> ann;
  std::string number;
};

std::string change_named(const Json& entry) {
  return entry["change"]["device"].as_string() + ":" + entry["change"]["id"].as_string();
}

/// All that programs of a server's machine say, each with and without --json.
struct Machine {
  TempDir folder;
  ServerProcess server{folder.file("server")};
  SecretSearch secrets;
  std::vector<std::pair<std::string, std::string>> said;  // by whom

  Ended run_plain(const Words& words, const std::string& input = {}) const {
    Command command{{program("ternd")}, server.environment, input};
    command.words.insert(command.words.end(), words.begin(), words.end());
    command.words.insert(command.words.end(), {"--data", server.data()});
    return run(command);
  }
  static std::string all_of(const Words& words) {
    std::string out;
    for (const std::string& word : words) out += word + " ";
    return out;
  }
  /// What is shown once: known from then on, and looked for in what is said later.
  std::string shown(const Words& words, const char* member, const std::string& input = {}) {
    const std::string secret = server.admin(words, input).line()[member].as_string();
    INFO(all_of(words));
    REQUIRE(secret.size() > 8);
    secrets.add(secret);
    return secret;
  }
  void hear(const Words& words, const std::string& input = {}) {
    const Ended json = server.ternd(words, input), plain = run_plain(words, input);
    said.emplace_back(all_of(words), json.out + json.err + plain.out + plain.err);
  }
};

}  // namespace

TEST_CASE("what programs print and write names no secret that was shown before, and nothing of another organisation",
          "[security][I16][I36]") {
  Machine machine;
  ServerProcess& server = machine.server;
  machine.secrets.add(server.recovery_key());
  server.admin({"tenant", "add", "Other"});
  const std::string password = "the password of somebody", canary = "canaryofa";
  machine.secrets.add(password);
  for (const char* tenant : {"Harbour", "Other"}) {
    server.tenant_flag = tenant;
    const std::string mark = server.tenant_flag == "Other" ? canary : "ofb", address = mark + "@harbour.example";
    server.admin(
        {"operator", "add", "--email", address, "--name", "Ann " + mark, "--role", "supervisor", "--password-stdin"},
        password + "\n");
    server.admin({"organisation", "add", "Client " + mark, "--portal-domain", mark + ".example"});
    server.admin({"contact", "add", "Joe " + mark, "--email", "joe@" + mark + ".example"});
    server.admin(
        {"mail", "set", "--host", "smtp." + mark + ".example", "--from", address, "--user", mark, "--password-stdin"},
        password + "\n");
    machine.shown({"key", "add", "Key " + mark}, "key");
    machine.shown({"webhook", "add", "Hook", "--url", "https://" + mark + ".example/hook", "--owner", address},
                  "secret");
    machine.shown({"webhook", "rotate", "Hook"}, "secret");
    machine.shown({"inbound", "add", "Alerts", "--mapping", R"({"subject":"{a}","description":"{b}"})"}, "secret");
    server.admin({"oidc", "set", "--domain", mark + ".example", "--issuer", "https://id." + mark + ".example",
                  "--client-id", mark, "--client-secret-stdin"},
                 password + "\n");
    server.admin({"widget", "add", "Shop " + mark, "--origins", "https://" + mark + ".example"});
    machine.shown({"device", "code", "--operator", address}, "code");
    server.admin({"api", "create_ticket", "--subject", "Leaks " + mark, "--description", "In hall 2 " + mark});
    machine.shown({"operator", "reset-link", address, "--public-url", "https://desk.example"}, "link");
  }
  for (const auto& key : std::filesystem::directory_iterator(std::filesystem::path(server.data()) / "keys"))
    if (key.path().extension() == ".key") machine.secrets.add(content_of(key.path()));
  server.tenant_flag.clear();
  server.start();
  // What is written for the one organisation, beside its server.
  const auto file = [&](const char* name) { return machine.folder.file(name); };
  int singing = 0;
  for (const char* tenant : {"Harbour", "Other"}) {
    const std::size_t from = machine.said.size();
    const bool is_other = std::string_view(tenant) == "Other";
    for (Words words : {Words{"operator", "list"},
                        Words{"device", "list"},
                        Words{"key", "list"},
                        Words{"widget", "list"},
                        Words{"token", "list"},
                        Words{"webhook", "list"},
                        Words{"webhook", "log", "Hook"},
                        Words{"inbound", "list"},
                        Words{"inbound", "log", "Alerts"},
                        Words{"mail", "show"},
                        Words{"mail", "log"},
                        Words{"oidc", "show"},
                        Words{"contact", "list"},
                        Words{"organisation", "list"},
                        Words{"verify"},
                        Words{"export"},
                        Words{"export", "--what", "records"},
                        Words{"export", "--what", "contacts", "--format", "csv"},
                        Words{"person", "export", is_other ? "Joe " + canary : "Joe ofb"},
                        Words{"operator", "set", "nobody", "--password-stdin"},
                        Words{"mail", "set", "--port", "x", "--password-stdin"},
                        Words{"key", "add"},
                        Words{"webhook", "rotate", "none"}}) {
      words.insert(words.end(), {"--tenant", tenant});
      const bool reads = std::ranges::find(words, "--password-stdin") != words.end();
      machine.hear(words, reads ? password + "\n" : std::string());
    }
    for (const char* format : {"jsonl", "ledger"}) {
      const std::string to = file((std::string(tenant) + "." + format).c_str());
      server.admin({"export", "--format", format, "--to", to, "--tenant", tenant});
      machine.said.emplace_back(to, content_of(to));
    }
    for (std::size_t i = from; i < machine.said.size(); ++i) {
      INFO(machine.said[i].first);
      if (is_other)
        singing += holds(machine.said[i].second, canary) ? 1 : 0;
      else
        CHECK_FALSE(holds(machine.said[i].second, canary));
    }
  }
  CHECK(singing > 8);  // the net does catch
  const std::string key = server.recovery_key() + "\n";
  machine.hear({"backup", "--to", file("backup"), "--replace"});
  machine.said.emplace_back("the backup", content_of(file("backup")));
  for (const Words& words : {Words{"status"}, Words{"tenant", "list"}, Words{"recovery"}}) machine.hear(words);
  machine.hear({"keys", "replace", "--recovery-key-stdin"}, key);
  machine.hear({"restore", "--from", "/nowhere", "--recovery-key-stdin"}, key);
  machine.hear({"restore", "--from", file("backup"), "--recovery-key-stdin"}, "x" + key);
  const Ended ended = server.stop();
  machine.said.emplace_back("ternd serve", ended.out + ended.err);
  machine.hear({"restore", "--from", file("backup"), "--replace", "--recovery-key-stdin"}, "x" + key);
  machine.hear({"restore", "--from", file("backup"), "--replace", "--recovery-key-stdin"}, key);
  machine.hear({"keys", "replace", "--recovery-key-stdin"}, key);
  CHECK(machine.secrets.in("{\"x\":\"" + password + "\"}").size() == 1);
  for (const auto& [who, text] : machine.said) {
    INFO(who << ":\n" << text.substr(0, 1'000));
    CHECK_FALSE(text.empty());
    CHECK(machine.secrets.in(text).empty());
  }
}

TEST_CASE("a session's id that somebody read off the line opens nothing", "[security][scenario-3]") {
  RelayedDesk line;
  std::string sid;
  for (const Message& request : line.relay->requests()) {
    const std::string auth = request.header("tern-auth");
    if (!auth.empty()) sid = auth.substr(auth.find("sid=") + 4, 32);
  }
  REQUIRE(sid.size() == 32);
  for (const std::string& header : std::vector<std::string>{"x-mobile-token: " + sid, "x-mobile-token: mt_" + sid,
                                                            "authorization: Bearer " + sid, "cookie: sid=" + sid}) {
    const Message answer =
        ask(line.server.port, std::string("POST ") + exchange_route + " HTTP/1.1\r\nhost: 127.0.0.1\r\n" + header +
                                  "\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n");
    INFO(header);
    CHECK(holds(answer.head, " 401 "));
    CHECK(holds(answer.body, "mac_required"));
  }
}

TEST_CASE("a proxy in the handshake gets no exchange, and a server that does not know the code enrols nobody",
          "[security][scenario-4]") {
  RelayedDesk line;
  (*line.ann)({"note", line.number, "must not reach the proxy"});
  const std::string before = line.held();
  const std::size_t asked = line.relay->requests().size();
  line.relay->alter([](const Message& request, Message& answer) {
    if (request.is_to("/sync/v1/session")) answer.body.at(200) = static_cast<char>(answer.body.at(200) ^ 1);
    return true;
  });
  const Ended refused = line.ann->tern({"sync"});
  CHECK(refused.exit_code == 5);
  for (std::size_t i = asked; i < line.relay->requests().size(); ++i)
    CHECK_FALSE(line.relay->requests()[i].is_to(exchange_route));
  CHECK(line.held() == before);
  line.relay->alter({});
  CHECK((*line.ann)({"sync"}).exit_code == 0);

  // Another server stands in for the one that made the code; then somebody who has seen another enrolment's answer.
  ServerProcess stranger(line.folder.file("stranger"));
  stranger.start({"--quiet"});
  const std::string code = line.server.admin({"device", "code", "--operator", "Ann"}).line()["code"].as_string();
  const DeviceProcess ben(line.folder.file("ben"));
  const Words words = {"enrol", "--server", stranger.url(), "--code", code, "--yes"};
  CHECK(ben.tern(words).exit_code == 6);
  const DeviceProcess cas(line.folder.file("cas"));
  std::string other_answer;
  line.relay->alter([&](const Message&, Message& answer) {
    other_answer = answer.wire();
    return true;
  });
  line.enrol(cas, line.server.code_for("Cas"));
  line.relay->alter({});
  line.relay->answer_instead([&](const Message&) { return other_answer; });
  const Words through = {"enrol", "--server", line.relay->url(), "--code", code, "--yes"};
  CHECK(ben.tern(through).exit_code == 6);
  CHECK(ben.tern({"list"}).exit_code == 6);
  std::string plain = code;
  std::erase(plain, '-');
  for (const Message& request : line.relay->requests()) {
    CHECK_FALSE(holds(request.wire(), code));  // it never travels
    CHECK_FALSE(holds(request.wire(), plain));
  }
  line.relay->answer_instead({});
  CHECK(ben.tern(through).exit_code == 0);  // and still works
}

TEST_CASE("two enrolments race for one code and one wins; a lost answer costs nothing", "[security][scenario-5]") {
  RelayedDesk line;
  const std::string code = line.server.code_for("Ben");
  std::vector<std::unique_ptr<Child>> racers;
  for (const char* name : {"one", "two", "three"}) {
    const DeviceProcess device(line.folder.file(name));
    racers.push_back(std::make_unique<Child>(
        device.command({"enrol", "--server", line.server.url(), "--code", code, "--yes", "--name", name})));
  }
  int won = 0;
  std::set<std::string> refusals;
  for (const auto& racer : racers) {
    const Ended ended = racer->wait();
    won += ended.exit_code == 0;
    if (ended.exit_code != 0) CHECK(ended.exit_code == 6);
    if (ended.exit_code != 0) refusals.insert(ended.err);
  }
  CHECK(won == 1);
  CHECK(refusals.size() == 1);
  CHECK(line.server.admin({"device", "list", "--operator", "Ben"}).lines().size() == 1);

  const DeviceProcess cas(line.folder.file("cas")), thief(line.folder.file("thief"));
  const Words enrol = {"enrol", "--server", line.relay->url(), "--code", line.server.code_for("Cas"), "--yes"};
  line.relay->alter([](const Message&, Message&) { return false; });
  CHECK(cas.tern(enrol).exit_code == 5);
  line.relay->alter({});
  CHECK(thief.tern(enrol).exit_code == 6);  // it is used
  CHECK(cas.tern(enrol).exit_code == 0);    // the key it made is in the home
  CHECK(line.server.admin({"device", "list", "--operator", "Cas"}).lines().size() == 1);
  const DeviceProcess late(line.folder.file("late"));
  const Ended wrong = late.tern({"enrol", "--server", line.server.url(), "--code", "0000-0000-0000-0000", "--yes"});
  CHECK(wrong.exit_code == 6);
  CHECK(wrong.err == *refusals.begin());  // one refusal for all
}

TEST_CASE("an erased text is in no file of the server, also after an older backup was restored and devices gave back",
          "[security][scenario-6]") {
  RelayedDesk line;
  const std::string canary = "CANARY-OF-A-TEXT";
  const DeviceProcess ben(line.server, line.folder.file("ben"), "Ben");
  (*line.ann)({"note", line.number, canary + " in the backup"});
  (*line.ann)({"sync"});
  const std::string backup = line.folder.file("backup");
  line.server.admin({"backup", "--to", backup});
  (*line.ann)({"note", line.number, canary + " after the backup"});
  (*line.ann)({"sync"});
  ben({"sync"});
  CHECK_FALSE(files_holding(line.server.data(), canary).empty());
  for (const Json& entry : (*line.ann)({"history"}).lines())
    if (holds(to_text(entry["text"]), canary)) line.server.admin({"erase", "--change", change_named(entry)});
  const auto check_gone = [&] {
    for (const DeviceProcess* device : {line.ann.get(), &ben, line.ann.get(), &ben}) (*device)({"sync"});
    for (const DeviceProcess* device : {line.ann.get(), &ben}) {
      CHECK((*device)({"search", "CANARY"}).out.empty());
      CHECK_FALSE(holds((*device)({"show", line.number}).out, canary));
      CHECK_FALSE(holds((*device)({"history"}).out, canary));
    }
    check_verified(line.server);
    CHECK_FALSE(holds(line.server.admin({"export"}).out, canary));
    CHECK(line.server.stop().exit_code == 0);
    CHECK(files_holding(line.server.data(), canary).empty());
    for (const DeviceProcess* device : {line.ann.get(), &ben}) CHECK(files_holding(device->home(), canary).empty());
  };
  check_gone();
  line.server.admin({"restore", "--from", backup, "--replace", "--recovery-key-stdin"},
                    line.server.recovery_key() + "\n");
  line.server.start({"--quiet"});
  check_gone();
}

TEST_CASE("recorded requests do nothing when they come again: at once, after a restart, after a restore",
          "[security][scenario-7]") {
  RelayedDesk line;
  const std::string backup = line.folder.file("backup");
  line.server.admin({"backup", "--to", backup});
  (*line.ann)({"note", line.number, "recorded work"});
  (*line.ann)({"sync"});
  std::vector<Message> recorded = line.relay->requests();
  // Whoever enrols again with the same key gets the same answer, and can read it only with the code.
  std::erase_if(recorded, [](const Message& request) { return request.is_to("/sync/v1/enrol"); });
  const auto play_again = [&](std::string_view why) {
    INFO(why);
    const std::int64_t before = line.newest_commit();
    int exchanges = 0;
    for (const Message& request : recorded) {
      const Message answer = ask(line.server.port, request.wire());
      if (request.is_to("/sync/v1/hello")) continue;  // anybody may ask for a challenge
      INFO(request.head << answer.head);
      CHECK_FALSE(holds(answer.head.substr(0, 16), " 200"));
      exchanges += request.is_to(exchange_route);
    }
    CHECK(exchanges >= 3);
    CHECK(line.newest_commit() == before);
  };
  play_again("at once");
  line.server.stop();
  line.server.start({"--quiet"});
  play_again("after a restart");
  line.server.stop();
  line.server.admin({"restore", "--from", backup, "--replace", "--recovery-key-stdin"},
                    line.server.recovery_key() + "\n");
  line.server.start({"--quiet"});
  play_again("after a restore");
  (*line.ann)({"sync"});
  CHECK((*line.ann)({"show", line.number}).line()["timeline"].size() == 3);  // create, queue, note
  CHECK(ledger_of(line.server).doubled.empty());
  check_verified(line.server);
}

TEST_CASE("a captive portal, a forged 401, a forged revocation, a gigabyte in 32 KiB: outbox and replica stay",
          "[security][scenario-9][scenario-14]") {
  RelayedDesk line;
  (*line.ann)({"note", line.number, "not confirmed yet"});
  line.relay->answer_instead([](const Message& request) {
    return request.is_to(exchange_route) ? std::optional<std::string>("") : std::nullopt;
  });
  CHECK(line.ann->tern({"sync"}).exit_code == 5);  // from here on it counts as sent
  const std::string before = line.held(), json = "application/problem+json", proto = "application/x-protobuf";
  const std::vector<std::string> portals = {
      http_answer("200 OK", "text/html", "<html>Welcome to the hotel. Log in.</html>"),
      http_answer("302 Found", "text/html", "", "location: http://127.0.0.1:1/login\r\n"),
      http_answer("500 Internal Server Error", "text/plain", "boom"),
      http_answer("401 Unauthorized", json, R"({"code":"KEY_REVOKED","title":"Your key is revoked","status":401})"),
      http_answer("401 Unauthorized", json, R"({"code":"session_unknown","title":"no","status":401})"),
      http_answer("403 Forbidden", json, R"({"code":"login_refused","title":"no","status":403})"),
      http_answer("200 OK", proto, std::string(300, 'x')),
      http_answer("200 OK", proto, zstd_bomb(), "content-encoding: zstd\r\n"),
      "",
  };
  for (const std::string& portal : portals)
    for (const bool from_the_start : {true, false}) {
      INFO(portal.substr(0, 60) << (from_the_start ? "" : " in a session"));
      line.relay->answer_instead([&](const Message& request) -> std::optional<std::string> {
        if (!from_the_start && !request.is_to(exchange_route)) return std::nullopt;
        return portal;
      });
      const Ended refused = line.ann->tern({"sync"});
      CHECK((refused.exit_code == 5 || refused.exit_code == 6));  // "whoever answered for the server refused"
      const std::string sentence = refused.error()["message"].as_string();
      CHECK_FALSE(sentence.empty());
      CHECK(line.held() == before);
    }
  line.relay->answer_instead({});
  CHECK((*line.ann)({"sync"}).exit_code == 0);
  const Json status = (*line.ann)({"status"}).line();
  CHECK(status["saved_here"].as_integer() + status["sent"].as_integer() == 0);
  CHECK(status["paused"].is_null());  // a refusal that nothing proves had paused it, no longer

  // The other direction: what has no MAC is not unpacked.
  const std::string frame = zstd_bomb();
  const Message up =
      ask(line.server.port,
          std::string("POST ") + exchange_route + " HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: " + proto +
              "\r\ncontent-encoding: zstd\r\ncontent-length: " + std::to_string(frame.size()) + "\r\n\r\n" + frame);
  CHECK(holds(up.head, " 401 "));
  check_verified(line.server);
}

TEST_CASE("thief and owner push by turns for ten rounds: at most one new device epoch, and nobody's work is lost",
          "[security][scenario-10]") {
  RelayedDesk line;
  const DeviceProcess& owner = *line.ann;
  std::filesystem::copy(owner.home(), line.folder.file("thief"), std::filesystem::copy_options::recursive);
  const DeviceProcess thief(line.folder.file("thief"));
  for (int round = 0; round < 10; ++round)
    for (const DeviceProcess* device : {&owner, &thief}) {
      (*device)({"note", line.number, (device == &owner ? "owner " : "thief ") + std::to_string(round)});
      static_cast<void>(device->tern({"sync"}));
    }
  const Json listed = line.server.admin({"device", "list", "--operator", "Ann"}).lines().front();
  CHECK(listed["device_epoch"].as_integer() <= 2);
  std::string known = line.server.admin({"export"}).out + line.server.admin({"quarantine", "list"}).out;
  for (const DeviceProcess* device : {&owner, &thief}) {
    const std::string own = (*device)({"history"}).out;
    for (int round = 0; round < 10; ++round) {
      const std::string text =
          "\"" + std::string(device == &owner ? "owner " : "thief ") + std::to_string(round) + "\"";
      INFO(text);
      CHECK(holds(own, text));    // on the device that wrote it
      CHECK(holds(known, text));  // and in the ledger or in quarantine
    }
  }
  CHECK(ledger_of(line.server).doubled.empty());
  check_verified(line.server);
}

}  // namespace tern::test
