#include "simulation/shrink.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tern::test {
namespace {

class Shrinker {
public:
  Shrinker(ShrinkTask& task, const Profile& profile) : best_(task), profile_(profile) {}

  void work() {
    Plan to_here = best_.plan;
    to_here.keep(best_.plan.numbers(std::min(profile_.events, best_.result.event + 1)));
    try_plan(to_here);
    for (bool smaller = true; smaller && !best_.late();) {
      smaller = fewer_kinds();
      smaller = fewer_events() || smaller;
    }
  }

private:
  bool try_plan(const Plan& plan) {
    if (best_.late()) return false;
    RunResult result = best_.run(plan);
    if (result.invariant != best_.result.invariant) return false;
    best_.plan = plan;
    best_.result = std::move(result);
    return true;
  }

  bool fewer_kinds() {
    bool smaller = false;
    std::vector<std::string> kinds{"network", "sectors"};
    for (std::uint64_t i = 1; i < profile_.devices; ++i) kinds.push_back("device-" + std::to_string(i));
    for (const auto& [act, weight] : profile_.acts) kinds.push_back(act);
    for (const std::string& kind : kinds) {
      if (best_.plan.without.contains(kind)) continue;
      Plan plan = best_.plan;
      plan.without.insert(kind);
      smaller = try_plan(plan) || smaller;
    }
    return smaller;
  }

  /// ddmin: ever smaller pieces are left out.
  bool fewer_events() {
    bool smaller = false;
    for (std::size_t pieces = 2; !best_.late();) {
      const auto numbers = best_.plan.numbers(profile_.events);
      if (numbers.size() < 2) break;
      const std::size_t size = std::max<std::size_t>(1, numbers.size() / pieces);
      bool left_out = false;
      for (std::size_t from = 0; from < numbers.size() && !left_out && !best_.late(); from += size) {
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

  ShrinkTask& best_;
  const Profile& profile_;
};

}  // namespace

void shrink(ShrinkTask& task, const Profile& profile) {
  Shrinker(task, profile).work();
}

std::string write_regression(const std::string& folder, const Plan& plan, const RunResult& result) {
  std::string name = result.invariant + "-" + plan.profile + "-" + std::to_string(plan.seed);
  if (plan.fault) name += "-" + plan.fault->machine + "-" + plan.fault->kind + "-" + std::to_string(plan.fault->nth);
  name += ".run";
  std::ranges::replace(name, '/', '-');  // of a directed profile
  const std::string path = folder + "/" + name;
  std::ofstream out(path);
  out << "# " << result.what.substr(0, result.what.find('\n')) << "\n" << to_text(plan) << "\n";
  return path;
}

Result<Plan> read_regression(const std::string& path) {
  std::ifstream in(path);
  if (!in) return fail(ErrorCode::usage, "there is no case " + path);
  std::vector<std::string> words;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("#")) continue;
    std::istringstream parts(line);
    for (std::string word; parts >> word;) words.push_back(word);
  }
  return plan_from(words);
}

std::string regressions_folder() {
  return std::string(TERN_SIMULATION_DIR) + "/regressions";
}

std::vector<std::string> regression_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(regressions_folder()))
    if (entry.path().extension() == ".run") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

}  // namespace tern::test
