// A failing run made small: fewer events, fewer kinds of trouble, fewer devices, the same invariant.
#pragma once

#include "simulation/crew.hpp"

namespace tern::test {

/// The smallest plan found within the time. It fails by the same invariant as `report`.
Report shrink(const Report& report, int mutant, unsigned seconds_max);

/// Writes the plan as a case that the ordinary tests replay; gives the path.
std::string write_regression(const Report& report);

}  // namespace tern::test
