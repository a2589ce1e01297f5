// Statements that fail when a test says so, before they have done anything: what is done about an error stands behind
// each of them, and a disk that fails does not get to most, whose pages are in memory. For programs that are linked
// with ${what_may_fail} of tests/CMakeLists.txt.
#pragma once

#include <cstdint>

namespace tern::test {

/// The statement that is `fails_in` away fails (1: the next); 0: none does.
struct StatementFault {
  std::uint64_t fails_in = 0;
  std::uint64_t begun = 0;   // so far, also with those that failed
  std::uint64_t failed = 0;  // so far
  /// One fails, and those that are compiled fail too: the next at a place where none of this program did before
  /// (failing_place.hpp).
  bool at_new_place = false;
};

/// From here on statements that begin on this thread meet this fault and no other; null: none. Gives the one before.
StatementFault* meet_statements(StatementFault* fault);

/// Whether a COMMIT runs on this thread at this moment.
bool a_commit_runs();

}  // namespace tern::test
