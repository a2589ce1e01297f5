// The memory of SQLite, which fails when a test says so. What else allocates is not touched.
#pragma once

#include <cstdint>

namespace tern::test {

/// Which allocations fail: the one that is `fails_in` away (1: the next), and all from there on until `left` have.
struct MemoryFault {
  std::uint64_t fails_in = 1;
  std::uint64_t left = 0;
  std::uint64_t failed = 0;  // so far. SQLite can do without some of them, and goes on with less
};

/// From here on what SQLite allocates on this thread meets this fault and no other; null: none. Gives the one before.
MemoryFault* meet(MemoryFault* fault);

/// The same for as long as it lives.
class MemoryOf {
public:
  explicit MemoryOf(MemoryFault* fault) : before_(meet(fault)) {}
  ~MemoryOf() { meet(before_); }
  MemoryOf(const MemoryOf&) = delete;
  MemoryOf& operator=(const MemoryOf&) = delete;

private:
  MemoryFault* before_;
};

}  // namespace tern::test
