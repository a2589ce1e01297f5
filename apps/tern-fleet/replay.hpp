// Plays an incident log with one device for each author against a server core, and judges what came out.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "incident_log.hpp"
#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"
#include "tern/protocol/json.hpp"

namespace tern::fleet {

enum class SyncOrder : std::uint8_t { time, shuffled };

struct ReplayOptions {
  std::string log_path;
  std::uint64_t seed = 1;
  std::int64_t offline_hours = 0;  // 0: sync before and after every row
  SyncOrder sync_order = SyncOrder::time;
  std::string work_directory;  // made, emptied first by who names it; holds the server's and the devices' real files
  std::string dump_path;       // JSON lines; empty: none
  std::function<void(std::size_t rows_played, std::size_t rows)> progress;  // may be empty
  std::function<void(Bytes& body, bool up)> tamper;  // sees every body that travels; may be empty
  std::function<void(Json& exported)>
      rewrite;  // each ticket of the export before it is judged: what a wrong server would say
};

struct ReplaySummary {
  std::uint64_t tickets = 0, rows = 0, changes = 0, devices = 0, exchanges = 0;
  std::map<std::string, std::uint64_t> conflicts;  // by rule: changes whose standing is not applied or merged
  std::uint64_t overtaken_moves = 0, amendments = 0, rejected = 0;
  std::map<std::string, std::uint64_t> differences;  // priority, queue, assignee: standing value is not the last row's
  std::uint64_t unexplained = 0;
  std::string facts_digest, state_digest;
  double seconds = 0;
  std::vector<std::string> failures;  // what must hold and does not, one sentence each; at most 50
};

Json to_json(const ReplaySummary& summary);

/// Errors: what keeps it from running (log unreadable, disk, a sync that never succeeds). What must hold and does not
/// is in `failures`.
Result<ReplaySummary> replay(const ReplayOptions& options);

}  // namespace tern::fleet
