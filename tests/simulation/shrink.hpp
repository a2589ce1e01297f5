// A failing run made small: fewer events, fewer kinds of trouble, fewer devices, the same invariant.
#pragma once

#include <functional>
#include <string>

#include "simulation/run.hpp"

namespace tern::test {

struct ShrinkTask {
  Plan plan;         // it fails
  RunResult result;  // by this
  std::function<RunResult(const Plan&)> run;
  std::function<bool()> late;  // asked before each run; true: what was found so far is the answer
};

/// The smallest plan found in the time. It fails by the same invariant; `task.result` is what it fails by then.
void shrink(ShrinkTask& task, const Profile& profile);

/// Writes the plan as a case that the ordinary tests replay (read_regression); gives the path.
std::string write_regression(const std::string& folder, const Plan& plan, const RunResult& result);
Result<Plan> read_regression(const std::string& path);
/// Where cases are kept, and those that are.
std::string regressions_folder();
std::vector<std::string> regression_files();

}  // namespace tern::test
