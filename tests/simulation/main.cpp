// tern_sim: runs seeds of the simulator on all cores, shrinks what fails, looks for mutants.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "simulation/catch_session.hpp"
#include "simulation/crew.hpp"
#include "simulation/mutants.hpp"
#include "simulation/shrink.hpp"

namespace {

using namespace tern;
using namespace tern::test;

constexpr std::uint64_t marker_runs_min = 1'000;  // fewer runs need not have met everything: some come once in 300
constexpr std::uint64_t profile_runs_min = 50;    // of one profile, for what it says that its runs meet
constexpr unsigned shrink_seconds = 60;
constexpr std::uint64_t mutant_seeds_max = 200;
constexpr const char* script_profile = "directed/script";

struct Options {
  std::uint64_t seeds = 20, from = 1, mutant_seeds = 200, every = 1, min_rate = 0;
  std::vector<std::string> profiles;  // empty: all
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  int mutant = 0;
  bool mutants = false, trace = false, shrinking = true, regressions = false, systematic = false;
  std::string resume;
  std::vector<std::string> plan;  // the words of a single run
};

int usage(const std::string& wrong) {
  std::fprintf(
      stderr,
      "tern_sim: %s\n\n"
      "usage: tern_sim [--seeds N] [--from SEED] [--profile NAME] [--jobs N] [--resume FILE] [--no-shrink]\n"
      "                [--regressions]                (the cases that are kept, before the seeds)\n"
      "                [--min-rate N]                 (fails below so many simulated device-days per core-minute)\n"
      "       tern_sim --seed SEED [--profile NAME] [--without WORDS] [--events RANGES]\n"
      "                [--fault MACHINE:once|ever|power|statement:N] [--trace]\n"
      "       tern_sim --systematic [--every N] [--from SEED] [--profile NAME]\n"
      "                                               (a fault at each Nth call to each disk and Nth statement)\n"
      "       tern_sim --mutants [--from SEED]        (builds with TERN_MUTANTS)\n"
      "       --mutant N                              with any of the first two\n",
      wrong.c_str());
  return 2;
}

std::optional<Options> read_options(const std::vector<std::string>& words, std::string& wrong) {
  Options options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--mutants") {
      options.mutants = true;
      continue;
    }
    if (word == "--systematic") {
      options.systematic = true;
      continue;
    }
    if (word == "--trace") {
      options.trace = true;
      continue;
    }
    if (word == "--regressions") {
      options.regressions = true;
      continue;
    }
    if (word == "--no-shrink") {
      options.shrinking = false;
      continue;
    }
    if (i + 1 == words.size()) {
      wrong = word + " is unknown, or wants a value";
      return std::nullopt;
    }
    const std::string& value = words[++i];
    const auto number = std::strtoull(value.c_str(), nullptr, 10);
    if (word == "--seeds") {
      options.seeds = options.mutant_seeds = number;
    } else if (word == "--from") {
      options.from = number;
    } else if (word == "--every") {
      options.every = std::max<std::uint64_t>(1, number);
    } else if (word == "--min-rate") {
      options.min_rate = number;
    } else if (word == "--jobs") {
      options.jobs = std::max(1U, static_cast<unsigned>(number));
    } else if (word == "--mutant") {
      options.mutant = static_cast<int>(number);
    } else if (word == "--resume") {
      options.resume = value;
    } else if (word == "--profile") {
      options.profiles.push_back(value);
    } else if (word == "--seed" || word == "--without" || word == "--events" || word == "--fault") {
      options.plan.insert(options.plan.end(), {word, value});
    } else {
      wrong = "there is no " + word;
      return std::nullopt;
    }
  }
  return options;
}

std::string command_of(const Plan& plan, int mutant) {
  return "tern_sim " + to_text(plan) + (mutant == 0 ? "" : " --mutant " + std::to_string(mutant));
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string runs_of(const Options& options) {
  if (options.systematic) return "a script with one fault each";
  return options.profiles.empty() ? "all profiles" : joined(options.profiles);
}

/// What the runs came to, together.
struct Sum {
  std::uint64_t runs = 0, changes = 0;
  std::int64_t device_ms = 0;
  double cpu_s = 0;
  Markers markers;
  struct OfProfile {
    std::uint64_t runs = 0;
    std::set<std::string> met;
  };
  std::map<std::string, OfProfile> profiles;
  std::vector<Report> failures;

  void add(const Report& report) {
    ++runs;
    add(report.plan.profile, report.result.markers);
    changes += report.result.changes;
    device_ms += report.result.device_ms;
    cpu_s += report.cpu_s;
    if (!report.result.invariant.empty()) failures.push_back(report);
  }
  void add(const std::string& profile, const Markers& more) {
    ++profiles[profile].runs;
    for (const auto& [marker, times] : more) {
      markers[marker] += times;
      if (times != 0) profiles[profile].met.insert(marker);
    }
  }
  /// What profiles say that their runs meet, and those here did not.
  [[nodiscard]] std::vector<std::string> unmet() const {
    std::vector<std::string> missing;
    for (const auto& [name, of_it] : profiles) {
      const auto profile = read_profile(name);
      if (!profile || of_it.runs < profile_runs_min) continue;
      for (const std::string& marker : profile->meets)
        if (!of_it.met.contains(marker)) missing.push_back(marker + " (" + name + ")");
    }
    return missing;
  }
};

int run_one(const Options& options) {
  std::vector<std::string> words = options.plan;
  if (!options.profiles.empty()) words.insert(words.end(), {"--profile", options.profiles.front()});
  const auto plan = plan_from(words);
  if (!plan) return usage(plan.error().message);
  if (options.trace) {
    const auto profile = read_profile(plan->profile);
    if (!profile) return usage(profile.error().message);
    set_mutant(options.mutant);
    bool held = false;
    in_catch_session([&] {
      RunResult result;
      try {
        result = run(*plan, *profile, true);
      } catch (...) {
        result.invariant = "must";
        result.what = last_failure();
      }
      for (const std::string& line : result.lines) std::printf("%s\n", line.c_str());
      std::printf("%s%s\n", result.invariant.c_str(), result.what.empty() ? "all holds" : ("\n" + result.what).c_str());
      held = result.invariant.empty();
    });
    return held ? 0 : 1;
  }
  const Report report = run_apart(*plan, options.mutant);
  if (report.result.invariant.empty()) {
    std::printf("all holds; trace %016llx, %llu changes, %.2f s\n",
                static_cast<unsigned long long>(report.result.trace),
                static_cast<unsigned long long>(report.result.changes), report.cpu_s);
    return 0;
  }
  std::printf("%s at event %llu\n%s\n", report.result.invariant.c_str(),
              static_cast<unsigned long long>(report.result.event), report.result.what.c_str());
  return 1;
}

void tell_failure(const Report& report, const Options& options) {
  std::printf("\nFAILED %s: %s\n  again:  %s\n", report.result.invariant.c_str(),
              first_line(report.result.what).c_str(), command_of(report.plan, options.mutant).c_str());
  if (!options.shrinking) return;
  const auto profile = read_profile(report.plan.profile);
  if (!profile) return;
  ShrinkTask small{report.plan, report.result, [&](const Plan& plan) { return run_apart(plan, options.mutant).result; },
                   [until = std::time(nullptr) + shrink_seconds] { return std::time(nullptr) >= until; }};
  shrink(small, *profile);
  std::printf("  shrunk: %s\n", command_of(small.plan, options.mutant).c_str());
  if (options.mutant == 0)
    std::printf("  kept:   %s\n", write_regression(regressions_folder(), small.plan, small.result).c_str());
  std::fflush(stdout);
}

/// One line for each run that ended well, so that a long series goes on where it was stopped.
std::set<std::string> done_before(const std::string& file, Sum& sum) {
  std::set<std::string> done;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::string plan = line.substr(0, line.find('\t'));
    Markers markers;
    for (std::size_t at = line.find('\t'); at != std::string::npos;) {
      const std::size_t end = line.find('\t', at + 1);
      const std::string marker = line.substr(at + 1, end == std::string::npos ? end : end - at - 1);
      if (const auto equals = marker.find('='); equals != std::string::npos)
        markers[marker.substr(0, equals)] += std::strtoull(marker.c_str() + equals + 1, nullptr, 10);
      at = end;
    }
    std::istringstream words(plan);
    std::string flag, profile;
    words >> flag >> profile;  // as to_text begins
    sum.add(profile, markers);
    done.insert(std::move(plan));
  }
  return done;
}

std::vector<Plan> seed_plans(const Options& options) {
  const auto profiles = options.profiles.empty() ? profile_names() : options.profiles;
  std::vector<Plan> plans;
  if (options.regressions)
    for (const std::string& file : regression_files()) plans.push_back(must(read_regression(file)));
  for (std::uint64_t i = 0; i < options.seeds; ++i) {
    Plan plan;
    plan.seed = options.from + i;
    plan.profile = profiles[plan.seed % profiles.size()];
    plans.push_back(std::move(plan));
  }
  return plans;
}

/// One short run again and again, with one fault at one place: at each `every`th call of each machine to its disk, and
/// each `every`th of its statements.
std::vector<Plan> systematic_plans(const Options& options) {
  Plan script;
  script.profile = options.profiles.empty() ? script_profile : options.profiles.front();
  script.seed = options.from;
  std::vector<Plan> plans;
  for (const std::string machine : {"server", "device-0", "device-1"}) {
    script.fault = PlannedFault{machine, "once", 0};
    Markers calls = run_apart(script, options.mutant).result.markers;
    const std::pair<const char*, const char*> kinds[] = {{"once", marker_calls},
                                                         {"ever", marker_calls},
                                                         {"power", marker_changing_calls},
                                                         {"statement", marker_statements}};
    for (const auto& [kind, places] : kinds)
      for (std::uint64_t nth = 1; nth <= calls[places]; nth += options.every) {
        script.fault = PlannedFault{machine, kind, nth};
        plans.push_back(script);
      }
  }
  return plans;
}

int run_many(const Options& options, std::vector<Plan> plans) {
  Sum sum;
  const auto done = options.resume.empty() ? std::set<std::string>{} : done_before(options.resume, sum);
  std::erase_if(plans, [&](const Plan& plan) { return done.contains(to_text(plan)); });
  CrewTask task;
  task.plans = std::move(plans);
  std::ofstream log;
  if (!options.resume.empty()) log.open(options.resume, std::ios::app);
  task.jobs = options.jobs;
  task.mutant = options.mutant;
  const auto began = std::chrono::steady_clock::now();
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  task.told = [&](const Report& report) {
    sum.add(report);
    if (report.result.invariant.empty() && log.is_open()) {
      log << to_text(report.plan);
      for (const auto& [marker, times] : report.result.markers) log << '\t' << marker << '=' << times;
      log << std::endl;
    }
    if (terminal) std::fprintf(stderr, "\r%llu of %zu", static_cast<unsigned long long>(sum.runs), task.plans.size());
    return sum.failures.size() < 8;
  };
  run_crew(task);
  if (terminal) std::fprintf(stderr, "\r");
  const double wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  for (const Report& report : sum.failures) tell_failure(report, options);

  std::printf("%llu runs of %s, %zu failed: %.0f s on %u cores, %.1f core-minutes, %.0f device-days, %llu changes\n",
              static_cast<unsigned long long>(sum.runs), runs_of(options).c_str(), sum.failures.size(), wall_s,
              options.jobs, sum.cpu_s / 60, static_cast<double>(sum.device_ms) / 86'400'000,
              static_cast<unsigned long long>(sum.changes));
  const double minutes = sum.cpu_s / 60;
  const double rate = minutes > 0 ? static_cast<double>(sum.device_ms) / 86'400'000 / minutes : 0;
  if (minutes > 0)
    std::printf("%.0f simulated device-days and %.0f changes per core-minute\n", rate,
                static_cast<double>(sum.changes) / minutes);
  const bool fast = minutes == 0 || rate >= static_cast<double>(options.min_rate);
  if (!fast)
    std::printf("too slow: %.0f simulated device-days per core-minute, and --min-rate asks for %llu\n", rate,
                static_cast<unsigned long long>(options.min_rate));
  std::string missing;
  for (const std::string& marker : required_markers())
    if (sum.markers[marker] == 0) missing += (missing.empty() ? "" : ", ") + marker;
  const std::string unmet = joined(sum.unmet());
  for (const auto& [marker, times] : sum.markers)
    if (times != 0) std::printf("  %-32s %llu\n", marker.c_str(), static_cast<unsigned long long>(times));
  if (!missing.empty() && !options.systematic) std::printf("never met: %s\n", missing.c_str());
  if (!unmet.empty() && !options.systematic) std::printf("not met, as the profile says: %s\n", unmet.c_str());
  const bool enough = sum.runs + done.size() >= marker_runs_min && options.profiles.empty() && !options.systematic &&
                      sum.failures.empty();
  const bool met = (missing.empty() || !enough) && (unmet.empty() || options.systematic);
  return sum.failures.empty() && met && fast ? 0 : 1;
}

int run_mutants(const Options& options) {
  if (!built_with_mutants()) return usage("this program was built without TERN_MUTANTS");
  std::printf("%-40s %6s  %-9s  %s\n", "mutant", "seeds", "invariant", "what fired");
  int missed = 0;
  for (const KnownMutant& known : known_mutants()) {
    if (options.mutant != 0 && options.mutant != static_cast<int>(known.mutant)) continue;
    CrewTask task;
    for (std::uint64_t i = 0; i < std::min(mutant_seeds_max, options.mutant_seeds); ++i) {
      Plan plan;
      plan.seed = options.from + i;
      plan.profile = known.profile;
      task.plans.push_back(std::move(plan));
    }
    task.jobs = options.jobs;
    task.mutant = static_cast<int>(known.mutant);
    std::optional<Report> caught;
    std::uint64_t runs = 0;
    std::set<std::string> others;  // that fired, and are not meant
    task.told = [&](const Report& report) {
      ++runs;
      // A seed that fails without the mutant says nothing of it.
      if (report.result.invariant.empty()) return true;
      if (meant_complaint(known, report.result.what).empty()) {
        others.insert(report.result.invariant);
        return true;
      }
      if (run_apart(report.plan, 0).result.invariant.empty()) caught = report;
      return !caught;
    };
    run_crew(task);
    if (caught) {
      const std::string fired = meant_complaint(known, caught->result.what);
      std::printf("%-40s %6llu  %-9s  %.110s\n", known.name, static_cast<unsigned long long>(runs),
                  fired.substr(0, fired.find(':')).c_str(), fired.c_str());
    } else {
      ++missed;
      std::printf("%-40s %6s  %-9s  not noticed in %llu seeds of %s%s\n", known.name, "-", known.invariants,
                  static_cast<unsigned long long>(runs), known.profile,
                  others.empty() ? "" : ("; others fired: " + joined({others.begin(), others.end()})).c_str());
    }
    std::fflush(stdout);
  }
  std::printf("%zu mutants, %d missed\n", known_mutants().size(), missed);
  return missed == 0 ? 0 : 1;
}

/// Where the real files of the runs go, and go away with, whatever becomes of the workers.
class Scratch {
public:
  Scratch() {
    std::error_code none;
    std::string pattern =
        (std::filesystem::is_directory("/dev/shm", none) ? "/dev/shm"
                                                         : std::filesystem::temp_directory_path().string()) +
        std::string("/tern-sim-XXXXXX");
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
    ::setenv("TMPDIR", path_.c_str(), 1);
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

private:
  std::string path_;
};

}  // namespace

int main(int argc, char** argv) {
  std::string wrong;
  const auto options = read_options({argv + 1, argv + argc}, wrong);
  if (!options) return usage(wrong);
  if (options->mutant != 0 && !built_with_mutants()) return usage("this program was built without TERN_MUTANTS");
  const Scratch scratch;
  if (options->mutants) return run_mutants(*options);
  if (!options->plan.empty()) return run_one(*options);
  return run_many(*options, options->systematic ? systematic_plans(*options) : seed_plans(*options));
}
