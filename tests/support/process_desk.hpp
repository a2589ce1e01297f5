// A small service desk of real processes: one ternd on a directory of its own, and devices that are `tern` on homes.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "support/process.hpp"

namespace tern::test {

using Words = std::vector<std::string>;

/// A TCP port that nothing listens on, below those that systems give to outgoing connections, and that no other test
/// program gets: it stays free while a killed server is away.
std::uint16_t free_port();

/// ternd on one directory. Administration goes through the program as well: beside the running server or without it.
class ServerProcess {
public:
  explicit ServerProcess(const std::string& data, const std::string& tenant = "Harbour");

  /// Starts it and waits until it listens. `more`: further flags.
  void start(const Words& more = {}, const std::map<std::string, std::string>& variables = {});
  Ended stop();       // SIGTERM
  Ended kill_hard();  // SIGKILL
  [[nodiscard]] bool running() const { return child_ && child_->running(); }
  Child& child() { return *child_; }

  /// `ternd WORDS --data ... --json`; `admin` demands exit code 0.
  Ended ternd(const Words& words, const std::string& input = {}, int deadline_ms = 60'000) const;
  Ended admin(const Words& words, const std::string& input = {}) const;
  /// A fresh enrolment code for a new operator of the queue "Field", or for one that is there.
  std::string code_for(const std::string& operator_name, const std::string& role = "operator",
                       const std::string& scope = "own");

  [[nodiscard]] const std::string& data() const { return data_; }
  [[nodiscard]] std::string url() const { return scheme + "://127.0.0.1:" + std::to_string(port); }
  [[nodiscard]] std::string recovery_key() const;

  std::uint16_t port;
  std::string scheme = "http";
  std::map<std::string, std::string> environment;  // of every program that is started here
  std::string tenant_flag;                         // --tenant of every administration command, when there are several

private:
  std::string data_;
  std::unique_ptr<Child> child_;
  std::set<std::string> operators_;
};

/// One home.
class DeviceProcess {
public:
  explicit DeviceProcess(std::string home, std::map<std::string, std::string> variables = {})
      : environment(std::move(variables)), home_(std::move(home)) {}

  /// Enrols as `operator_name` and syncs once. Its environment is the server's.
  DeviceProcess(ServerProcess& server, const std::string& home, const std::string& operator_name,
                const std::string& role = "operator", const std::string& scope = "own", const Words& enrol_flags = {});

  /// `tern WORDS --home ... --json`, whatever comes of it; `operator()` demands exit code 0 or 7.
  [[nodiscard]] Ended tern(const Words& words, const std::string& input = {},
                           const std::map<std::string, std::string>& variables = {}) const;
  Ended operator()(const Words& words, const std::string& input = {}) const;
  [[nodiscard]] Command command(Words words) const;

  /// A new ticket of the queue "Field"; its provisional number.
  [[nodiscard]] std::string open_ticket(const std::string& subject) const;
  /// What a ticket with this subject is called now.
  [[nodiscard]] std::string number_of(const std::string& subject) const;

  [[nodiscard]] const std::string& home() const { return home_; }

  std::map<std::string, std::string> environment;  // of every `tern`

private:
  std::string home_;
};

/// Ann, whose ticket "Pump leaks" the server has.
struct AnnsDesk {
  explicit AnnsDesk(const Words& server_flags = {});
  TempDir folder;
  ServerProcess server{folder.file("server")};
  std::optional<DeviceProcess> ann;
  std::string number;  // of the ticket
};

/// And Ben, who got it with his first download.
struct TwoAgents : AnnsDesk {
  explicit TwoAgents(const Words& server_flags = {});
  std::optional<DeviceProcess> ben;
};

/// What the server's ledger holds, by its export. Changes are named "device:change".
struct Ledger {
  std::set<std::string> changes;
  std::vector<std::string> doubled;  // what stands in a ticket twice
};
Ledger ledger_of(const ServerProcess& server);

/// What a device knows of its own work.
struct OwnWork {
  std::set<std::string> all;        // of its history
  std::set<std::string> confirmed;  // those with a receipt
};
OwnWork work_of(const DeviceProcess& device);

/// `ternd verify` finds nothing.
void check_verified(const ServerProcess& server);

}  // namespace tern::test
