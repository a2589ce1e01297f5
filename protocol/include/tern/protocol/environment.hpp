// The only door to time and randomness for protocol, sync, client-core and the server's core.
#pragma once

#include <cstdint>

#include "tern/protocol/bytes.hpp"

namespace tern {

/// Clock and randomness as the process is handed them. The product uses the system's; tests and the replay hand in
/// virtual ones, so that a run is a function of its seed.
///
/// Lifetime: outlives everything it is handed to. Thread: implementations say; the system one is thread-safe.
class Environment {
public:
  virtual ~Environment() = default;

  /// Milliseconds since 1970 UTC, as the machine believes. May be wrong, may jump.
  virtual std::int64_t wall_ms() = 0;

  /// Milliseconds of a clock that only goes forward and runs through suspend (CLOCK_BOOTTIME). Meaningful within one
  /// boot.
  virtual std::int64_t boot_ms() = 0;

  /// Changes with each boot; zero where the system has none.
  virtual BootId boot_id() = 0;

  /// Fills with cryptographically strong random bytes.
  virtual void random(void* into, std::size_t size_bytes) = 0;
};

template <typename Fixed>
Fixed random_id(Environment& environment) {
  Fixed out;
  environment.random(out.data(), Fixed::size_bytes);
  return out;
}

}  // namespace tern
