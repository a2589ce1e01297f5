// Places where a test kills the program, so that each step of persistence is met: `TERN_CRASH_AT=<point>:<n>` in the
// environment ends it, as kill -9 would, the n-th time it comes by. Only in builds with -DTERN_CRASH_POINTS=ON; in all
// others, and so in what people run, a point is nothing at all.
//
// Server: before_commit after_commit before_answer. Device: after_outbox_commit after_receipts before_apply mid_apply.
#pragma once

#include <string_view>

#ifdef TERN_CRASH_POINTS
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

namespace tern {
inline namespace crash_points_on {

inline void crash_point(std::string_view name) {
  static const char* const at = std::getenv("TERN_CRASH_AT");
  static std::atomic<long> passed{0};
  if (at == nullptr) return;
  const std::string_view wanted(at);
  const auto colon = wanted.find(':');
  if (wanted.substr(0, colon) != name) return;
  const long nth = colon == std::string_view::npos ? 1 : std::atol(at + colon + 1);
  if (++passed < nth) return;
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

}  // namespace crash_points_on
}  // namespace tern

#else

namespace tern {
inline namespace crash_points_off {

constexpr void crash_point(std::string_view) {}

}  // namespace crash_points_off
}  // namespace tern

#endif
