// One run: a world on a simulated disk, faults for a while, then a healed world that must come to rest, then judgement.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "simulation/integration.hpp"
#include "simulation/outside.hpp"
#include "simulation/plan.hpp"
#include "simulation/sim_vfs.hpp"
#include "support/world_agent.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::test {

/// How often what a run is for came to pass: required over many runs, or the runs test less than they say.
using Markers = std::map<std::string, std::uint64_t>;

/// Those that every thousand runs of all profiles must have met, each at least once.
const std::vector<std::string>& required_markers();
/// Of a run with a planned fault: how many places there were for it.
inline constexpr const char* marker_calls = "calls to the disk";
inline constexpr const char* marker_changing_calls = "calls that change the disk";
inline constexpr const char* marker_statements = "statements";

struct RunResult {
  std::string invariant;  // "I5"; empty: all holds
  std::string what;
  std::uint64_t event = 0;  // at which it showed
  std::uint64_t trace = 0;  // hash of all that happened
  std::uint64_t changes = 0;
  std::int64_t device_ms = 0;
  Markers markers;
  std::vector<std::string> lines;  // of the trace, when they were asked for
};

class Run;

/// Something that may happen. A new one is a line in acts_others.cpp, and a weight in a profile.
struct Act {
  const char* name;
  void (*happen)(Run& run, Random& random);
};
const std::vector<Act>& acts();

class Run {
public:
  Run(const Plan& plan, const Profile& profile);
  ~Run();

  RunResult go(bool keep_lines);

  // ---- for acts ----
  struct Seat {
    Device* device;
    std::unique_ptr<Agent> agent;
    std::string copy;           // of its home, to be put back
    std::size_t work_then = 0;  // saved work when the copy was made
    bool neighbour = false;
    std::uint64_t drift_ppm = 0;  // by which its clocks are fast
    TicketId piled_on;
  };
  /// One that is neither given up nor of the neighbours. Perhaps without power, or closed by a fault.
  Seat& a_seat(Random& random);
  /// One that works; null when the drawn one does not.
  Seat* a_working_seat(Random& random);
  Seat& seat(Device& device, bool neighbour = false);
  /// Everything of the server without disk faults; false when it is not there.
  bool office(const std::function<void()>& what);
  Result<Json> administer(const std::string& command, std::initializer_list<Json::Member> arguments = {});
  void mark(const std::string& marker, std::uint64_t times = 1) { result_.markers[marker] += times; }
  [[nodiscard]] bool met(const std::string& marker) const { return result_.markers.contains(marker); }
  void note(const std::string& what);
  /// With which the customer asks over the portal; empty: the server gave none.
  std::string portal_token();
  /// Time passes, for each clock at its own pace.
  void pass(std::int64_t ms);
  bool has(const std::string& kind) const { return !plan_.without.contains(kind); }
  /// Comes back when its disk lets it.
  void reopen(Device& device);
  void open_server();
  /// Jumps up to here are taken for right by a server that runs.
  static constexpr std::int64_t believed_jump_ms = 60'000;
  /// Somebody sets it wrong, by so much; 0: right again.
  void set_server_clock(std::int64_t off_ms);
  /// Another program begins to write to the file of the first organisation; false: it could not.
  bool hold_server_busy();
  void let_server_go();
  [[nodiscard]] std::uint64_t newest_commit() const;
  /// All that this device saved and nobody has may be gone from here on.
  void give_up_unsent(Device& device, std::size_t since = 0);
  /// A restore is about to lose what stands above this commit; not all of it can come back.
  void tear_above(std::uint64_t commit_seq);
  /// I6: a number that a ticket had at any time is no other's, whatever a restore takes back.
  void note_numbers();
  /// After a restore this device will not bring back all it did.
  void tear_work_of(const DeviceId& device);
  static bool works(const Device& device) { return device.is_open() && device.powered() && !device.gone; }

  const Plan plan_;
  const Profile profile_;
  const Seed seed_;
  SimDisk disk_;
  Outside outside_;
  World world_;
  Shop shop_;
  RecordId customer_;
  std::vector<std::unique_ptr<Seat>> seats_;
  std::string first_;  // the first organisation's name, where there are two
  struct Backup {
    std::string path;
    std::uint64_t commit_seq;
  };
  std::vector<Backup> backups_;
  std::set<std::string> erased_texts_;
  std::unique_ptr<Integration> integration_;  // null: nobody writes over the API
  std::string api_key_, newest_token_;        // of an integration, of the customer at the portal
  std::uint64_t written_ = 0;                 // over the API
  std::size_t tenants_ = 0;                   // that the server serves when it is well
  std::map<std::string, TicketId> numbers_;   // and the tickets that had them
  /// What the office did, with the newest commit after it: who was what from when on, whose key ended when.
  std::vector<std::pair<std::uint64_t, std::string>> roles_of_ben_;
  std::map<DeviceId, std::uint64_t> revoked_at_;
  std::set<DeviceId> ended_;             // keys that had ended when the server was restored
  std::map<std::string, int> answered_;  // requests under a session, by their token
  std::uint64_t enrolled_ = 0;
  std::uint64_t kept_seq_ = UINT64_MAX;  // what all restores so far have in common
  bool restored_ = false;
  std::int64_t believed_wrong_ms_ = 0;  // by which the server may have taken a wrong clock for right
  bool all_know_ = true;                // of the newest epoch: receipts of the one before are no promise any more

private:
  void set_up();
  void open_to_others();
  void plan_fault();
  [[nodiscard]] std::string planned_root() const;
  void draw_faults(Random& random);
  void happen(std::uint64_t event);
  void heal();
  [[nodiscard]] std::uint64_t requests_to_rest();
  void look_at_wiped();
  void settle();
  void judge();
  void count_markers();
  void on_power_lost(const std::string& root);
  void trace(const std::string& line);

  std::vector<std::pair<const Act*, std::uint64_t>> wheel_;
  std::uint64_t weights_ = 0;
  RunResult result_;
  bool keep_lines_ = false;
  std::int64_t began_ms_ = 0;
  DiskCalls calls_before_;         // of the machine that a fault is planned for
  std::uint64_t opened_then_ = 0;  // how often the server had been opened when its clock was set wrong
  std::unique_ptr<sqlite::Database> other_program_;
  std::optional<sqlite::Transaction> held_;
};

/// From beginning to end, whatever goes wrong: what is thrown is a failure like any other.
RunResult run(const Plan& plan, const Profile& profile, bool keep_lines = false);

}  // namespace tern::test
