// tern_bench: what the product's main jobs cost, each beside the least that its parts could cost on this machine now.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "tern/protocol/crypto.hpp"
#include "works.hpp"

namespace {

using namespace tern;
using namespace tern::bench;
namespace fs = std::filesystem;

constexpr int exit_bug = 1, exit_usage = 2;

constexpr const char* usage =
    "usage: tern_bench [--json] [--quick] [--only W1,W2] [--work DIR] [--idle-streams N]\n"
    "                  [--tickets N] [--messages N]\n"
    "\n"
    "  --json            one object on stdout: per work {value, unit, floor, ratio, goal, met}\n"
    "  --quick           smaller sizes and fewer pairs, for a gate\n"
    "  --only NAMES      of: floor W1 W2 W3 W4 W5 W6 W7 group idle sla search list get_ticket\n"
    "                    figures index\n"
    "  --work DIR        where the run's files go (default: TMPDIR or /tmp); on the disk to be measured\n"
    "  --idle-streams N  instead of 10,000\n"
    "  --tickets N       of the desk for search to index, instead of 100,000\n"
    "  --messages N      of each of its tickets beside the description, instead of 9\n"
    "\n"
    "W7 plays the log named by TERN_INCIDENT_LOG, else the sample of the tree; with --quick the sample.\n";

struct Invocation {
  BenchOptions options;
  std::vector<std::string> only;
  std::string work_parent;
  bool json = false;
  std::string serve_idle;  // the run of measure_idle_streams' other process
  std::int64_t clock_offset_ms = 0;
  TlsFiles tls;
};

std::vector<std::string> split(const std::string& names) {
  std::vector<std::string> out;
  for (std::size_t from = 0; from <= names.size();) {
    const std::size_t to = std::min(names.find(',', from), names.size());
    if (to > from) out.push_back(names.substr(from, to - from));
    from = to + 1;
  }
  return out;
}

/// The log of W7: what the environment names, the real one beside the tree, or the sample. A gate plays the real one
/// with tern-fleet, seven times.
std::string incident_log(bool quick) {
  const fs::path sample = fs::path(TERN_TEST_DATA_DIR) / "incidents-sample.csv";
  if (quick) return sample.string();
  if (const char* named = std::getenv("TERN_INCIDENT_LOG"); named != nullptr && *named != '\0') return named;
  const fs::path real =
      fs::path(TERN_TEST_DATA_DIR).parent_path().parent_path().parent_path() / "shared/data/incidents.csv";
  return fs::exists(real) ? real.string() : sample.string();
}

bool take_value(Invocation& call, const std::string& flag, const std::string& value) {
  if (flag == "--only")
    call.only = split(value);
  else if (flag == "--work")
    call.work_parent = value;
  else if (flag == "--idle-streams")
    call.options.idle_streams = std::strtoull(value.c_str(), nullptr, 10);
  else if (flag == "--tickets")
    call.options.large_tickets = std::strtoull(value.c_str(), nullptr, 10);
  else if (flag == "--messages")
    call.options.large_messages = std::strtoull(value.c_str(), nullptr, 10);
  else if (flag == "--serve-idle")
    call.serve_idle = value;
  else if (flag == "--clock-offset")
    call.clock_offset_ms = std::strtoll(value.c_str(), nullptr, 10);
  else if (flag == "--tls-cert")
    call.tls.certificate = value;
  else if (flag == "--tls-key")
    call.tls.key = value;
  else
    return false;
  return true;
}

std::optional<Invocation> parse(int argc, char** argv) {
  Invocation call;
  const char* parent = std::getenv("TMPDIR");
  call.work_parent = parent != nullptr && *parent != '\0' ? parent : "/tmp";
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--json") {
      call.json = true;
    } else if (flag == "--quick") {
      call.options.quick = true;
    } else {
      if (i + 1 == argc || !take_value(call, flag, argv[i + 1])) return std::nullopt;
      ++i;
    }
  }
  return call;
}

/// A directory of its own, gone with the object; empty when it cannot be made.
class RunDirectory {
public:
  explicit RunDirectory(const std::string& parent) {
    std::string pattern = parent + "/tern-bench-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~RunDirectory() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

private:
  std::string path_;
};

Result<void> measure_all(const BenchOptions& options, Report& report) {
  BenchEnvironment environment(options.seed);
  Desk desk(options, environment);
  TERN_CHECKED(measure_sla(options, report));
  TERN_CHECKED(measure_floors(desk, report));
  TERN_CHECKED(measure_first_replica(desk, report));
  TERN_CHECKED(measure_push(desk, report));
  TERN_CHECKED(measure_latency(desk, report));
  TERN_CHECKED(measure_group_commit(desk, report));
  TERN_CHECKED(measure_search(desk, report));
  TERN_CHECKED(measure_idle_streams(desk, report, fs::read_symlink("/proc/self/exe").string()));
  return measure_replay(desk, report);
}

int run(Invocation call) {
  const RunDirectory disk(call.work_parent);
  const RunDirectory memory("/dev/shm");
  if (disk.path().empty()) {
    std::fprintf(stderr, "tern_bench: cannot make a directory under %s; name another with --work\n",
                 call.work_parent.c_str());
    return exit_usage;
  }
  call.options.work_directory = disk.path();
  call.options.memory_directory = memory.path();
  call.options.incident_log = incident_log(call.options.quick);
  Report report(call.only);
  const auto done = measure_all(call.options, report);
  if (!done) {
    std::fprintf(stderr, "tern_bench: %s\n", done.error().message.c_str());
    return exit_bug;
  }
  if (call.json)
    std::cout << to_text(report.to_json()) << std::endl;
  else
    std::cout << report.to_table() << std::flush;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  auto call = parse(argc, argv);
  if (!call) {
    std::fputs(usage, stderr);
    return argc == 2 && std::strcmp(argv[1], "--help") == 0 ? 0 : exit_usage;
  }
  if (!protocol::init_crypto()) return exit_bug;
  if (call->serve_idle.empty()) return run(std::move(*call));
  const auto served = serve_idle_streams(call->serve_idle, call->clock_offset_ms, call->tls);
  if (!served) std::fprintf(stderr, "tern_bench: %s\n", served.error().message.c_str());
  return served ? 0 : exit_bug;
}
