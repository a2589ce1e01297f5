// The bugs of tern/protocol/mutant.hpp by name, and where each is most likely to show.
#pragma once

#include <string>
#include <vector>

#include "tern/protocol/mutant.hpp"

namespace tern::test {

struct KnownMutant {
  Mutant mutant;
  const char* name;
  const char* profile;     // in which it is looked for
  const char* invariants;  // one of which has to fire: another one would have noticed something else
};
const std::vector<KnownMutant>& known_mutants();
/// The line of a run's complaints that is about what this mutant breaks; empty: none is.
std::string meant_complaint(const KnownMutant& known, const std::string& complaints);
/// Whether this program was built with them.
bool built_with_mutants();

}  // namespace tern::test
