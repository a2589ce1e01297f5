// Calls to the file system that fail when a test says so, before they have done anything. For programs that are linked
// with ${what_may_fail} of tests/CMakeLists.txt.
#pragma once

#include <cstdint>

namespace tern::test {

/// The call that is `fails_in` away fails with `error` (1: the next); 0: none does. EINTR comes to reads and writes
/// only.
struct CallFault {
  int error = 0;
  std::uint64_t fails_in = 0;
  std::uint64_t failed = 0;  // so far
};

/// From here on calls of this thread meet this fault and no other; null: none. Gives the one before.
CallFault* meet_calls(CallFault* fault);

}  // namespace tern::test
