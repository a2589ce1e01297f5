#include "load/load.hpp"

#include <cmath>

#include "load/phases.hpp"
#include "system_environment.hpp"
#include "tern/server/edge.hpp"

namespace tern::fleet {
namespace {

Json to_json(const Times& times) {
  return Json::object({{"count", Json(times.count)},
                       {"p50_ms", Json(std::llround(times.p50))},
                       {"p99_ms", Json(std::llround(times.p99))},
                       {"worst_ms", Json(std::llround(times.worst))}});
}

/// Descriptors for every connection at once, and some more.
Result<void> make_room(const LoadOptions& options) {
  const std::uint64_t wanted = options.streams + options.trickling + options.devices + 200;
  const std::uint64_t there = server::raise_descriptor_limit();
  if (there >= wanted) return {};
  return fail(ErrorCode::usage,
              "This needs " + std::to_string(wanted) + " descriptors; the system gives " + std::to_string(there) + ".",
              "Raise the limit (ulimit -Hn), or ask for fewer streams.", "streams");
}

Result<std::string> url_of(const ChildServer& server) {
  TERN_TRY(const Json line, parse_json(server.first_line()));
  return line["listening"].as_string();
}

}  // namespace

double ms_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

Times times_of(std::vector<double> ms) {
  Times times;
  times.count = ms.size();
  if (ms.empty()) return times;
  std::sort(ms.begin(), ms.end());
  const auto at = [&](double part) {
    return ms[std::min(ms.size() - 1, static_cast<std::size_t>(part * static_cast<double>(ms.size())))];
  };
  times.p50 = at(0.5);
  times.p99 = at(0.99);
  times.worst = ms.back();
  return times;
}

Result<std::unique_ptr<client::HttpTransport>> LoadRun::connect() const {
  client::TransportOptions to;
  to.server_url = url;
  to.connect_ms = 60'000;
  to.stall_ms = 120'000;
  return client::HttpTransport::open(to);
}

Json to_json(const LoadSummary& summary) {
  Json failures = Json::array();
  for (const std::string& failure : summary.failures) failures.push(Json(failure));
  const auto tenths = [](double value) { return Json(std::round(value * 10) / 10); };
  return Json::object({{"streams", Json::object({{"open", Json(summary.streams)},
                                                 {"open_seconds", tenths(summary.open_seconds)},
                                                 {"server_mib", tenths(summary.server_mib)},
                                                 {"kib_per_stream", tenths(summary.kib_per_stream)},
                                                 {"push", to_json(summary.push)},
                                                 {"pushes_missed", Json(summary.pushes_missed)}})},
                       {"trickle", Json::object({{"peers", Json(summary.trickling)},
                                                 {"cut", Json(summary.trickling_cut)},
                                                 {"served", to_json(summary.served)},
                                                 {"not_served", Json(summary.not_served)}})},
                       {"storm", Json::object({{"devices", Json(summary.storm_devices)},
                                               {"sets", Json(summary.storm_sets)},
                                               {"confirmed", Json(summary.storm_confirmed)},
                                               {"turned_away", Json(summary.storm_busy)},
                                               {"seconds", tenths(summary.storm_seconds)},
                                               {"device", to_json(summary.storm)}})},
                       {"seconds", tenths(summary.seconds)},
                       {"failures", std::move(failures)}});
}

Result<LoadSummary> put_load(const LoadOptions& options) {
  TERN_CHECKED(make_room(options));
  const auto began = Clock::now();
  apps::SystemEnvironment environment;
  const std::string directory = options.work_directory + "/server";
  LoadRun run{options, environment, {}, {}, began + std::chrono::seconds(options.seconds_max), {}};
  run.say("enrolling " + std::to_string(options.devices) + " devices");
  TERN_TRY(run.devices, prepare(options, directory, environment.wall_ms()));
  TERN_TRY(const auto server,
           ChildServer::start(options.server_program,
                              {"serve", "--data", directory, "--listen", "127.0.0.1:0", "--json", "--quiet"},
                              StopBy::sigterm));
  TERN_TRY(run.url, url_of(*server));
  {
    StreamCrowd crowd;
    TERN_CHECKED(idle_streams(run, *server, crowd));
    TERN_CHECKED(trickle(run));
    if (crowd.open() < options.streams) run.fails("Streams were closed while others trickled.");
  }
  TERN_CHECKED(storm(run));
  run.summary.seconds = ms_between(began, Clock::now()) / 1000;
  return std::move(run.summary);
}

}  // namespace tern::fleet
