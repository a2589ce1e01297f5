// How long to leave a server alone after a fault.
#pragma once

#include <cstdint>

#include "tern/protocol/environment.hpp"

namespace tern::client {

inline constexpr std::int64_t backoff_ms_min = 1'000;
inline constexpr std::int64_t backoff_ms_max = 300'000;

/// Doubles with each fault in a row from 1 s to 5 min; half of it is drawn, so that a fleet does not come back at once.
/// A value; the clock is the caller's.
class Backoff {
public:
  /// The wait after one more fault. `at_least_ms`: what the server asked for; the cap holds all the same.
  std::int64_t next_ms(Environment& environment, std::int64_t at_least_ms = 0);
  /// The longest wait: for what only a person can mend.
  [[nodiscard]] static std::int64_t longest_ms() { return backoff_ms_max; }
  void reset() { faults_ = 0; }

private:
  unsigned faults_ = 0;
};

}  // namespace tern::client
