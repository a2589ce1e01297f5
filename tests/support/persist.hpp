// A run in which what the tests do fails first, at each place of the program where it runs a statement: then it is done
// again, and has to come to what the test says, as if nothing had been. Such a run is one with TERN_PLACES_FAIL set
// (./dev coverage); in every other one these do what they are given, once.
#pragma once

#include <cstdint>

#include "support/failing_statements.hpp"
#include "tern/protocol/error.hpp"

namespace tern::test {

bool places_fail();

/// While it lives nothing fails on this thread: in a test of how often something is done, or that has its own ways to
/// fail.
class NothingFails {
public:
  NothingFails();
  ~NothingFails();
  NothingFails(const NothingFails&) = delete;
  NothingFails& operator=(const NothingFails&) = delete;

private:
  StatementFault* before_;
};

/// While it lives, the next statement at a new place fails.
class PlaceFails {
public:
  PlaceFails() : before_(meet_statements(&fault_)) { fault_.at_new_place = true; }
  ~PlaceFails() { meet_statements(before_); }
  PlaceFails(const PlaceFails&) = delete;
  PlaceFails& operator=(const PlaceFails&) = delete;
  [[nodiscard]] bool failed() const { return fault_.failed != 0; }

private:
  StatementFault fault_;
  StatementFault* before_;
};

/// Whether acts fail here: not inside another one, and not where a test has its own faults.
bool fails_here();

struct Tries {
  std::uint64_t failing_max = 100'000;  // where each costs something that runs out (rate limits)
  int more = 0;                         // that may go wrong by what an earlier one left: told once, then over
};

template <typename T>
bool is_good(const Result<T>& result) {
  return result.has_value();
}

/// For what says that it went well, and left something out: it is done until nothing failed.
inline constexpr auto only_whole = [](const auto&) { return false; };

/// Does `act` until it goes well, or goes wrong by itself; gives what it gave then.
template <typename Act, typename Good>
auto persist(const Act& act, const Good& good, Tries tries = {}) {
  if (!fails_here()) return act();
  bool failed_before = false;
  for (std::uint64_t i = 0; i < tries.failing_max; ++i) {
    const PlaceFails place;
    auto done = act();
    const bool again = place.failed() || (failed_before && !good(done) && tries.more-- > 0);
    if (!again || (place.failed() && good(done))) return done;
    failed_before = true;
  }
  return act();
}

template <typename Act>
auto persist(const Act& act) {
  return persist(act, [](const auto& done) { return is_good(done); });
}

}  // namespace tern::test
