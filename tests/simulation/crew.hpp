// Many runs on all cores: processes that take seeds from a shared counter and tell what came of them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "simulation/run.hpp"

namespace tern::test {

struct Report {
  Plan plan;
  RunResult result;
  double cpu_s = 0;
};

/// Runs in a process of its own, with a time limit; a crash, a failed check and a hang are failures like any other.
Report run_apart(const Plan& plan, int mutant);

struct CrewTask {
  std::vector<Plan> plans;
  unsigned jobs = 1;
  int mutant = 0;
  /// In the parent, for each run as it ends; false: enough, the rest is not begun.
  std::function<bool(const Report&)> told;
};
void run_crew(const CrewTask& task);

}  // namespace tern::test
