// Load on a real ternd in a process of its own: idle streams and what a push costs them, a storm of devices that come
// back at once with work, and peers that trickle while others are served. Loopback only, bounded in count and time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tern/protocol/error.hpp"
#include "tern/protocol/json.hpp"

namespace tern::fleet {

struct LoadOptions {
  std::string server_program;  // ternd
  std::string work_directory;  // holds the server's directory; empty at the start
  std::size_t streams = 10'000;
  std::size_t devices = 1'000;  // of the storm; the streams are theirs as well
  std::size_t sets = 100;       // of each device of the storm
  std::size_t trickling = 2'000;
  std::int64_t trickle_ms = 15'000;                       // how long others are served beside those
  std::int64_t seconds_max = 600;                         // in all
  std::function<void(const std::string& what)> progress;  // may be empty
};

/// Of some times, in milliseconds.
struct Times {
  std::size_t count = 0;
  double p50 = 0, p99 = 0, worst = 0;
};

struct LoadSummary {
  std::size_t streams = 0;  // open, each with a device's frame keys
  double open_seconds = 0, server_mib = 0, kib_per_stream = 0;
  Times push;  // from the sending of a change until a stream has it
  std::size_t pushes_missed = 0;

  std::size_t trickling = 0, trickling_cut = 0;
  Times served;  // exchanges beside them
  std::size_t not_served = 0;

  std::size_t storm_devices = 0, storm_sets = 0, storm_confirmed = 0, storm_busy = 0;
  double storm_seconds = 0;
  Times storm;  // until a device had receipts for all of its sets

  double seconds = 0;
  std::vector<std::string> failures;  // bounds that do not hold, one sentence each
};

Json to_json(const LoadSummary& summary);
/// Errors: what keeps it from running. What must hold and does not is in `failures`.
Result<LoadSummary> put_load(const LoadOptions& options);

}  // namespace tern::fleet
