// The desk that the works begin with: a server directory and the homes of its agents' devices, made through the real
// client and the real ingest, once for a run. A work that changes it gets a copy.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench_environment.hpp"
#include "desk_data.hpp"
#include "harness.hpp"
#include "rig.hpp"
#include "tern/sync/change.hpp"

namespace tern::bench {

/// Copies of server and homes side by side, gone with the object. Devices and their server are always copied together:
/// each copy is a world of its own, in which nobody exists twice.
class WorldCopy {
public:
  explicit WorldCopy(std::string directory);
  ~WorldCopy();
  WorldCopy(const WorldCopy&) = delete;
  WorldCopy& operator=(const WorldCopy&) = delete;

  /// `from` becomes `name` in it. Nobody has it open.
  void add(const std::string& name, const std::string& from);
  [[nodiscard]] std::string path(const std::string& name) const { return directory_ + "/" + name; }

private:
  std::string directory_;
};

/// Owner: the run. Thread: one.
class Desk {
public:
  Desk(const BenchOptions& options, BenchEnvironment& environment);

  /// The data, without making a server.
  const std::vector<TicketData>& tickets();
  [[nodiscard]] const DeskSize& size() const { return size_; }
  [[nodiscard]] BenchEnvironment& environment() { return environment_; }
  [[nodiscard]] const BenchOptions& options() const { return options_; }

  /// Makes it all at the first call: every agent's device created and took its tickets and wrote their messages. Homes:
  /// agent_home(i); the device `field` (scope all) with its first replica.
  Result<void> prepare();
  static std::string agent_home(std::size_t agent) { return "agent" + std::to_string(agent); }
  static std::string agent_name(std::size_t agent) { return "Agent " + std::to_string(agent); }
  static constexpr const char* field_home = "field";
  static constexpr const char* server_home = "server";
  /// Operators without a device, for first replicas. One for each number below 20.
  static std::string reader_name(std::size_t reader) { return "Reader " + std::to_string(reader); }

  /// A world with a copy of the server, and of nothing else yet. `in_memory`: where a commit costs nothing; nothing
  /// when this machine has no such place.
  std::unique_ptr<WorldCopy> copy_of_server(bool in_memory = false);
  /// Where the server or a home lies that was made here: in memory where there is such a place, so only to be copied.
  [[nodiscard]] std::string path(const std::string& name) const { return made_in() + "/desk/" + name; }
  /// Where homes are prepared further.
  [[nodiscard]] const std::string& made_in() const {
    return options_.memory_directory.empty() ? options_.work_directory : options_.memory_directory;
  }
  /// A path in the run's directory that nobody has used yet; `in` another directory.
  std::string fresh_path(const std::string& name) { return fresh_path(name, options_.work_directory); }
  std::string fresh_path(const std::string& name, const std::string& in);

  /// The tickets that this replica holds, in the order of their numbers.
  static Result<std::vector<TicketId>> tickets_of(client::Client& client);

private:
  Result<void> init_server();
  Result<void> load_agent(std::size_t agent);
  std::vector<sync::Change> changes_of(const TicketData& ticket) const;
  [[nodiscard]] RecordId record(const std::string& kind, const std::string& name) const;

  const BenchOptions& options_;
  BenchEnvironment& environment_;
  DeskSize size_;
  std::vector<TicketData> tickets_;
  bool prepared_ = false;
  std::size_t paths_ = 0;
  std::vector<std::pair<std::string, RecordId>> records_;  // by kind and name, sorted
  std::unique_ptr<RunningServer> server_;                  // while the desk is made
};

}  // namespace tern::bench
