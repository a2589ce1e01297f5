// The parts of the table of acts (run.hpp), in its order: a plan draws by the place of an act in it.
#pragma once

#include <vector>

#include "simulation/run.hpp"

namespace tern::test {

std::vector<Act> acts_of_the_office();
std::vector<Act> acts_of_strain();
std::vector<Act> acts_of_others();

/// A customer writes to some ticket, when the server is there.
void customer_writes(Run& run, Random& random);

}  // namespace tern::test
