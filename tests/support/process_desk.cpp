#include "support/process_desk.hpp"

#include <signal.h>
#include <unistd.h>

#include <fstream>

#include "support/catch.hpp"
#include "support/loopback.hpp"

namespace tern::test {
namespace {

constexpr int port_first = 12'000, port_last = 30'000;

std::string name_of(const Json& change, const Json& id) {
  return change.as_string() + ":" + id.as_string();
}

}  // namespace

std::uint16_t free_port() {
  static int next = port_first + static_cast<int>(::getpid()) * 997 % (port_last - port_first);
  for (int tries = 0; tries < port_last - port_first; ++tries) {
    next = next + 1 < port_last ? next + 1 : port_first;
    if (claim_on_loopback(static_cast<std::uint16_t>(next))) return static_cast<std::uint16_t>(next);
  }
  FAIL("no free port");
  return 0;
}

// ---- the server ----

ServerProcess::ServerProcess(const std::string& data, const std::string& tenant) : port(free_port()), data_(data) {
  const Ended made = run({{program("ternd"), "init", "--data", data, "--tenant", tenant, "--admin",
                           "admin@harbour.example", "--password-stdin", "--recovery-out", data + ".sheet", "--json"},
                          {},
                          "a password of the tests\n"});
  INFO(made.err);
  REQUIRE(made.exit_code == 0);
}

void ServerProcess::start(const Words& more, const std::map<std::string, std::string>& variables) {
  Command command{
      {program("ternd"), "serve", "--data", data_, "--listen", "127.0.0.1:" + std::to_string(port), "--json"},
      variables};
  command.environment.insert(environment.begin(), environment.end());
  command.words.insert(command.words.end(), more.begin(), more.end());
  child_ = std::make_unique<Child>(command);
  if (!child_->says("\"listening\"")) FAIL("the server did not start: " << child_->err());
}

Ended ServerProcess::stop() {
  child_->signal(SIGTERM);
  const Ended ended = child_->wait(15'000);
  child_.reset();
  return ended;
}

Ended ServerProcess::kill_hard() {
  const Ended ended = child_->kill_hard();
  child_.reset();
  return ended;
}

Ended ServerProcess::ternd(const Words& words, const std::string& input, int deadline_ms) const {
  Command command{{program("ternd")}, environment, input};
  command.words.insert(command.words.end(), words.begin(), words.end());
  command.words.insert(command.words.end(), {"--data", data_, "--json"});
  if (!tenant_flag.empty()) command.words.insert(command.words.end(), {"--tenant", tenant_flag});
  return run(command, deadline_ms);
}

Ended ServerProcess::admin(const Words& words, const std::string& input) const {
  Ended ended = ternd(words, input);
  INFO("ternd " << words.front() << ": " << ended.err);
  REQUIRE(ended.exit_code == 0);
  return ended;
}

std::string ServerProcess::code_for(const std::string& operator_name, const std::string& role,
                                    const std::string& scope) {
  if (operators_.empty()) admin({"queue", "add", "Field"});
  if (operators_.insert(operator_name).second)
    admin({"operator", "add", "--name", operator_name, "--email", operator_name + "@harbour.example", "--role", role,
           "--queue", "Field"});
  return admin({"device", "code", "--operator", operator_name, "--scope", scope}).line()["code"].as_string();
}

std::string ServerProcess::recovery_key() const {
  std::ifstream in(data_ + ".sheet");
  for (std::string line; std::getline(in, line);)
    if (line.find('-') != std::string::npos && line.size() > 50 && line.find_first_of("abcdefgh") == std::string::npos)
      return line.substr(line.find_first_not_of(' '));
  FAIL("the recovery sheet shows no key");
  return {};
}

// ---- a device ----

DeviceProcess::DeviceProcess(ServerProcess& server, const std::string& home, const std::string& operator_name,
                             const std::string& role, const std::string& scope, const Words& enrol_flags)
    : environment(server.environment), home_(home) {
  Words words = {"enrol",
                 "--server",
                 server.url(),
                 "--code",
                 server.code_for(operator_name, role, scope),
                 "--yes",
                 "--name",
                 operator_name + "'s device"};
  words.insert(words.end(), enrol_flags.begin(), enrol_flags.end());
  (*this)(words);
  (*this)({"sync"});
}

Command DeviceProcess::command(Words words) const {
  words.insert(words.begin(), program("tern"));
  words.insert(words.end(), {"--home", home_, "--json"});
  return {std::move(words), environment};
}

Ended DeviceProcess::tern(const Words& words, const std::string& input,
                          const std::map<std::string, std::string>& variables) const {
  Command asked = command(words);
  asked.input = input;
  asked.environment = variables;
  asked.environment.insert(environment.begin(), environment.end());
  return run(asked);
}

Ended DeviceProcess::operator()(const Words& words, const std::string& input) const {
  Ended ended = tern(words, input);
  INFO("tern " << words.front() << " in " << home_ << ": " << ended.err);
  REQUIRE((ended.exit_code == 0 || ended.exit_code == 7));
  return ended;
}

std::string DeviceProcess::open_ticket(const std::string& subject) const {
  return (*this)({"new", "--subject", subject, "--queue", "Field"}).lines().front()["number"].as_string();
}

std::string DeviceProcess::number_of(const std::string& subject) const {
  for (const Json& row : (*this)({"list", "--status", "all", "--limit", "500"}).lines())
    if (row["subject"].as_string() == subject) return row["number"].as_string();
  FAIL("no ticket \"" << subject << "\" in " << home_);
  return {};
}

// ---- what became of it ----

AnnsDesk::AnnsDesk(const Words& server_flags) {
  server.start(server_flags);
  ann.emplace(server, folder.file("ann"), "Ann");
  static_cast<void>(ann->open_ticket("Pump leaks"));
  (*ann)({"sync"});
  number = ann->number_of("Pump leaks");
}

TwoAgents::TwoAgents(const Words& server_flags) : AnnsDesk(server_flags) {
  ben.emplace(server, folder.file("ben"), "Ben");
}

Ledger ledger_of(const ServerProcess& server) {
  Ledger ledger;
  std::set<std::string> entries;
  const auto add = [&](const Json& entry, const std::string& what) {
    const std::string change = name_of(entry["device"], entry["change"]);
    ledger.changes.insert(change);
    if (!entries.insert(change + what).second) ledger.doubled.push_back(change + what);
  };
  for (const Json& ticket : server.admin({"export", "--format", "jsonl"}).lines()) {
    for (const Json& message : ticket["messages"].items()) add(message, " message");
    for (const Json& entry : ticket["history"].items())
      add(entry, " " + entry["field"].as_string() + " " + entry["key"].as_string());
  }
  return ledger;
}

OwnWork work_of(const DeviceProcess& device) {
  OwnWork work;
  for (const Json& entry : device({"history"}).lines()) {
    const Json& change = entry["change"];
    const std::string name = name_of(change["device"], change["id"]);
    work.all.insert(name);
    if (entry.find("commit") != nullptr) work.confirmed.insert(name);
  }
  return work;
}

void check_verified(const ServerProcess& server) {
  const Ended verified = server.ternd({"verify"});
  INFO(verified.out << verified.err);
  CHECK(verified.exit_code == 0);
  CHECK(verified.line()["good"].as_bool());
}

}  // namespace tern::test
