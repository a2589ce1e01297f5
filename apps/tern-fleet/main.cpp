// tern-fleet: a simulated fleet of devices. `replay` plays a real incident log through real devices and a real server
// core; `load` puts load on a real server.
#include <CLI/CLI.hpp>

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <iostream>

#include "exit_codes.hpp"
#include "load/load.hpp"
#include "man_page.hpp"
#include "program.hpp"
#include "replay.hpp"
#include "terminal.hpp"

namespace {

using namespace tern;

using apps::exit_differs;

int report(const Error& error, bool json) {
  // in one process only broken bytes break the line
  if (error.code == ErrorCode::no_connection)
    return apps::report({ErrorCode::verification_failed, error.message, error.hint, error.field}, json);
  return apps::report(error, json);
}

/// A directory of its own for one run, gone with it.
class WorkDirectory {
public:
  explicit WorkDirectory(const std::string& parent) {
    std::string pattern = parent + "/tern-fleet-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~WorkDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  WorkDirectory(const WorkDirectory&) = delete;
  WorkDirectory& operator=(const WorkDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

private:
  std::string path_;
};

void print_for_people(const fleet::ReplaySummary& summary) {
  std::printf("%llu rows of %llu incidents, played by %llu devices: %llu changes in %llu exchanges, %.1f s\n",
              static_cast<unsigned long long>(summary.rows), static_cast<unsigned long long>(summary.tickets),
              static_cast<unsigned long long>(summary.devices), static_cast<unsigned long long>(summary.changes),
              static_cast<unsigned long long>(summary.exchanges), summary.seconds);
  for (const auto& [rule, count] : summary.conflicts)
    std::printf("  %6llu  %s\n", static_cast<unsigned long long>(count), apps::safe(rule).c_str());
  std::printf(
      "%llu amendments, %llu overtaken moves, %llu rejected\n", static_cast<unsigned long long>(summary.amendments),
      static_cast<unsigned long long>(summary.overtaken_moves), static_cast<unsigned long long>(summary.rejected));
  for (const auto& [field, count] : summary.differences)
    std::printf("%s: %llu tickets stand at another value than their last row\n", apps::safe(field).c_str(),
                static_cast<unsigned long long>(count));
  std::printf("%llu differences without an explanation\nfacts %s\nstate %s\n",
              static_cast<unsigned long long>(summary.unexplained), summary.facts_digest.c_str(),
              summary.state_digest.c_str());
}

int refuse_work(const std::string& work_parent, bool json) {
  return report({ErrorCode::storage_failed, "Cannot make a directory under " + work_parent + ".",
                 "Name another with --work.", "work"},
                json);
}

int run_replay(fleet::ReplayOptions options, const std::string& work_parent, bool json) {
  const WorkDirectory work(work_parent);
  if (work.path().empty()) return refuse_work(work_parent, json);
  options.work_directory = work.path();
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  if (terminal)
    options.progress = [](std::size_t done, std::size_t all) {
      if (done % 50 == 0 || done == all) std::fprintf(stderr, "\r%zu of %zu rows", done, all);
      if (done == all) std::fprintf(stderr, "\r                              \r");
    };
  const auto summary = fleet::replay(options);
  if (!summary) return report(summary.error(), json);
  if (json)
    std::cout << to_text(fleet::to_json(*summary)) << std::endl;
  else
    print_for_people(*summary);
  for (const std::string& failure : summary->failures) std::cerr << apps::safe(failure) << '\n';
  return summary->failures.empty() && summary->unexplained == 0 ? 0 : exit_differs;
}

void print_for_people(const fleet::LoadSummary& summary) {
  std::printf("%zu streams, opened in %.1f s: the server holds %.0f MiB, %.1f KiB for each\n", summary.streams,
              summary.open_seconds, summary.server_mib, summary.kib_per_stream);
  std::printf("a push reaches half of them in %.0f ms, 99 %% in %.0f ms, all in %.0f ms\n", summary.push.p50,
              summary.push.p99, summary.push.worst);
  std::printf("beside %zu peers that trickle (%zu were cut): %zu exchanges, half in %.1f ms, 99 %% in %.1f ms\n",
              summary.trickling, summary.trickling_cut, summary.served.count, summary.served.p50, summary.served.p99);
  std::printf("%zu devices came back at once: %zu of %zu sets confirmed in %.1f s; half of them were done in %.1f s\n",
              summary.storm_devices, summary.storm_confirmed, summary.storm_sets, summary.storm_seconds,
              summary.storm.p50 / 1000);
}

int run_load(fleet::LoadOptions options, const std::string& work_parent, bool json) {
  const WorkDirectory work(work_parent);
  if (work.path().empty()) return refuse_work(work_parent, json);
  options.work_directory = work.path();
  options.progress = [](const std::string& what) { std::fprintf(stderr, "%s ...\n", what.c_str()); };
  const auto summary = fleet::put_load(options);
  if (!summary) return report(summary.error(), json);
  if (json)
    std::cout << to_text(fleet::to_json(*summary)) << std::endl;
  else
    print_for_people(*summary);
  for (const std::string& failure : summary->failures) std::cerr << apps::safe(failure) << '\n';
  return summary->failures.empty() ? 0 : exit_differs;
}

/// The server beside this program.
std::string sibling(const std::string& name) {
  std::error_code ignored;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
  return (self.parent_path() / name).string();
}

void add_load(CLI::App& app, fleet::LoadOptions& options, std::int64_t& trickle_seconds, std::string& work,
              bool& json) {
  CLI::App* load = app.add_subcommand(
      "load", "Put load on a real ternd: idle streams, peers that trickle, a storm of devices with work.");
  load->footer(
      "The server runs in a process of its own, on loopback; this one runs at nice 10.\n"
      "Exit code 0: every bound holds. 8: one does not; stderr says which.\n\n"
      "Example: tern-fleet load --streams 2000 --devices 200 --json");
  const auto count = [load](const char* flag, std::size_t& into, const char* help, std::size_t least,
                            std::size_t most) {
    load->add_option(flag, into, help)->check(CLI::Range(least, most))->capture_default_str();
  };
  count("--streams", options.streams, "Idle streams", 2, 50'000);
  count("--devices", options.devices, "Devices: the streams are theirs, and all of them come back at once", 1, 5'000);
  count("--sets", options.sets, "Change sets that each of them brings", 1, 1'000);
  count("--trickling", options.trickling, "Peers that send a byte at a time", 0, 10'000);
  load->add_option("--trickle-seconds", trickle_seconds, "How long others are served beside them")
      ->check(CLI::Range(1, 600))
      ->capture_default_str();
  load->add_option("--seconds", options.seconds_max, "It ends after so long, whatever is left")
      ->check(CLI::Range(10, 3'600))
      ->capture_default_str();
  load->add_option("--server", options.server_program, "The ternd to load; the one beside this program when left out");
  load->add_option("--work", work, "Parent of the run's directory")->capture_default_str();
  load->add_flag("--json", json, "The figures as one JSON object on stdout");
}

int run(int argc, char** argv, bool& json) {
  if (!apps::begin_program()) return apps::exit_bug;
  CLI::App app{"A simulated fleet of Tern devices."};
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string(TERN_VERSION));

  fleet::ReplayOptions options;
  std::string order = "time", work = "/tmp";
  if (const char* log = std::getenv("TERN_INCIDENT_LOG")) options.log_path = log;
  if (const char* tmp = std::getenv("TMPDIR")) work = tmp;

  CLI::App* replay = app.add_subcommand(
      "replay", "Play a real incident log: one device for each author, real files, real bytes, a virtual clock.");
  replay->footer(
      "Each row becomes the intents its author must have had. What the server folds is compared with the log.\n"
      "Exit code 0: everything holds. 8: something differs; stderr says what.\n\n"
      "Example: tern-fleet replay --log incidents.csv --offline 8 --sync-order shuffled --seed 2");
  replay->add_option("--log", options.log_path, "The incident log (CSV); TERN_INCIDENT_LOG when left out");
  replay->add_option("--seed", options.seed, "Seed of keys, ids and shuffling")->capture_default_str();
  replay
      ->add_option("--offline", options.offline_hours,
                   "Hours that devices work between exchanges; 0 syncs around every row")
      ->check(CLI::Range(0, 24 * 365))
      ->capture_default_str();
  replay->add_option("--sync-order", order, "Order of devices at the end of a window")
      ->check(CLI::IsMember({"time", "shuffled"}))
      ->capture_default_str();
  replay->add_option("--dump", options.dump_path, "Write one JSON object per ticket to this file");
  replay->add_option("--work", work, "Parent of the run's directory")->capture_default_str();
  replay->add_flag("--json", json, "The summary as one JSON object on stdout");

  fleet::LoadOptions load;
  load.server_program = sibling("ternd");
  std::int64_t trickle_seconds = 15;
  add_load(app, load, trickle_seconds, work, json);

  if (argc == 2 && std::string_view(argv[1]) == "--man") return apps::print_man_page(app, "tern-fleet");
  if (argc == 2 && std::string_view(argv[1]) == "--completion") return apps::print_completion(app, "tern-fleet");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    return apps::report_usage(error.what(), app.got_subcommand("load") ? "tern-fleet load" : "tern-fleet replay", argc,
                              argv);
  }
  if (app.got_subcommand("load")) {
    load.trickle_ms = trickle_seconds * 1000;
    if (::nice(10) == -1) std::fprintf(stderr, "tern-fleet: the load runs at the usual priority\n");
    return run_load(std::move(load), work, json);
  }
  if (options.log_path.empty())
    return report({ErrorCode::usage, "No incident log was named.", "Pass --log FILE, or set TERN_INCIDENT_LOG.", "log"},
                  json);
  options.sync_order = order == "shuffled" ? fleet::SyncOrder::shuffled : fleet::SyncOrder::time;
  return run_replay(std::move(options), work, json);
}

}  // namespace

int main(int argc, char** argv) {
  bool json = false;
  const int done = run(argc, argv, json);
  return apps::finish_output(done, json);
}
