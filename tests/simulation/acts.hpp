// The parts of the table of acts (run.hpp), in its order: a plan draws by the place of an act in it.
#pragma once

#include <vector>

#include "simulation/run.hpp"

namespace tern::test {

std::vector<Act> acts_of_the_office();

}  // namespace tern::test
