#include "support/persist.hpp"

#include <cstdlib>

namespace tern::test {
namespace {

thread_local int calm = 0;

}  // namespace

bool places_fail() {
  static const bool set = std::getenv("TERN_PLACES_FAIL") != nullptr;
  return set;
}

NothingFails::NothingFails() : before_(meet_statements(nullptr)) {
  ++calm;
}
NothingFails::~NothingFails() {
  --calm;
  meet_statements(before_);
}

bool fails_here() {
  if (!places_fail() || calm != 0) return false;
  StatementFault* const met = meet_statements(nullptr);
  meet_statements(met);
  return met == nullptr;
}

}  // namespace tern::test
