// The bugs of tern/protocol/mutant.hpp by name, and where each is most likely to show.
#pragma once

#include <string>
#include <vector>

#include "tern/protocol/mutant.hpp"

namespace tern::test {

struct KnownMutant {
  Mutant mutant;
  const char* name;
  const char* profile;  // in which it is looked for
};
const std::vector<KnownMutant>& known_mutants();
/// Whether this program was built with them.
bool built_with_mutants();

}  // namespace tern::test
