// How often a test of random worlds tries.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TERN_TESTS_INSTRUMENTED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TERN_TESTS_INSTRUMENTED
#endif
#endif

namespace tern::test {

#if defined(TERN_TESTS_INSTRUMENTED)
inline constexpr bool instrumented = true;
#else
inline constexpr bool instrumented = false;
#endif

/// All of them; where sanitizers make each cost several times as much, a quarter, unless TERN_ALL_ROUNDS is set
/// (./dev nightly).
inline int rounds_of(int all) {
  return instrumented && std::getenv("TERN_ALL_ROUNDS") == nullptr ? std::max(1, all / 4) : all;
}

/// How far apart places are tried that would take long to try all; each of them with TERN_ALL_ROUNDS (./dev coverage).
inline std::uint64_t each(std::uint64_t apart) {
  return std::getenv("TERN_ALL_ROUNDS") == nullptr ? apart : 1;
}

}  // namespace tern::test
