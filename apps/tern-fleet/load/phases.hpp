// The parts of a load run, in order. Each fills its part of the summary.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "child_server.hpp"
#include "load/load.hpp"
#include "load/load_device.hpp"
#include "load/stream_crowd.hpp"

namespace tern::fleet {

/// What all phases share.
struct LoadRun {
  const LoadOptions& options;
  Environment& environment;
  std::string url;
  std::vector<std::unique_ptr<LoadDevice>> devices;
  Clock::time_point ends;
  LoadSummary summary;

  [[nodiscard]] bool has_time() const { return Clock::now() < ends; }
  [[nodiscard]] Result<std::unique_ptr<client::HttpTransport>> connect() const;
  void say(const std::string& what) const {
    if (options.progress) options.progress(what);
  }
  void fails(const std::string& what) { summary.failures.push_back(what); }
};

[[nodiscard]] double ms_between(Clock::time_point from, Clock::time_point to);
[[nodiscard]] Times times_of(std::vector<double> ms);

/// Makes the server's directory and enrols the devices, under a clock that ends now.
Result<std::vector<std::unique_ptr<LoadDevice>>> prepare(const LoadOptions& options, const std::string& directory,
                                                         std::int64_t now_ms);
/// Opens the streams and pushes to them.
Result<void> idle_streams(LoadRun& run, const ChildServer& server, StreamCrowd& crowd);
/// Beside whatever is open.
Result<void> trickle(LoadRun& run);
Result<void> storm(LoadRun& run);

}  // namespace tern::fleet
