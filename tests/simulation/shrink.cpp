#include "simulation/shrink.hpp"

#include <algorithm>
#include <ctime>
#include <fstream>

namespace tern::test {
namespace {

class Shrinker {
public:
  Shrinker(Report report, int mutant, unsigned seconds_max)
      : best_(std::move(report)), mutant_(mutant), until_s_(std::time(nullptr) + seconds_max) {}

  Report work() {
    const auto profile = read_profile(best_.plan.profile);
    if (!profile) return best_;
    Plan to_here = best_.plan;
    to_here.keep(best_.plan.numbers(std::min(profile->events, best_.result.event + 1)));
    try_plan(to_here);
    for (bool smaller = true; smaller && !late();) {
      smaller = fewer_kinds(*profile);
      smaller = fewer_events(profile->events) || smaller;
    }
    return best_;
  }

private:
  [[nodiscard]] bool late() const { return std::time(nullptr) >= until_s_; }

  bool try_plan(const Plan& plan) {
    if (late()) return false;
    Report report = run_apart(plan, mutant_);
    if (report.result.invariant != best_.result.invariant) return false;
    best_ = std::move(report);
    return true;
  }

  bool fewer_kinds(const Profile& profile) {
    bool smaller = false;
    std::vector<std::string> kinds{"network"};
    for (std::uint64_t i = 1; i < profile.devices; ++i) kinds.push_back("device-" + std::to_string(i));
    for (const auto& [act, weight] : profile.acts) kinds.push_back(act);
    for (const std::string& kind : kinds) {
      if (best_.plan.without.contains(kind)) continue;
      Plan plan = best_.plan;
      plan.without.insert(kind);
      smaller = try_plan(plan) || smaller;
    }
    return smaller;
  }

  /// ddmin: ever smaller pieces are left out.
  bool fewer_events(std::uint64_t count) {
    bool smaller = false;
    for (std::size_t pieces = 2; !late();) {
      const auto numbers = best_.plan.numbers(count);
      if (numbers.size() < 2) break;
      const std::size_t size = std::max<std::size_t>(1, numbers.size() / pieces);
      bool left_out = false;
      for (std::size_t from = 0; from < numbers.size() && !left_out && !late(); from += size) {
        std::vector<std::uint64_t> kept;
        for (std::size_t i = 0; i < numbers.size(); ++i)
          if (i < from || i >= from + size) kept.push_back(numbers[i]);
        Plan plan = best_.plan;
        plan.keep(kept);
        left_out = try_plan(plan);
      }
      smaller = smaller || left_out;
      if (left_out) {
        pieces = std::max<std::size_t>(2, pieces - 1);
      } else if (size == 1) {
        break;
      } else {
        pieces = std::min(numbers.size(), pieces * 2);
      }
    }
    return smaller;
  }

  Report best_;
  int mutant_;
  std::time_t until_s_;
};

}  // namespace

Report shrink(const Report& report, int mutant, unsigned seconds_max) {
  return Shrinker(report, mutant, seconds_max).work();
}

std::string write_regression(const Report& report) {
  const Plan& plan = report.plan;
  const std::string path = std::string(TERN_SIMULATION_DIR) + "/regressions/" + report.result.invariant + "-" +
                           plan.profile + "-" + std::to_string(plan.seed) + ".run";
  std::ofstream out(path);
  out << "# " << report.result.what.substr(0, report.result.what.find('\n')) << "\n" << to_text(plan) << "\n";
  return path;
}

}  // namespace tern::test
