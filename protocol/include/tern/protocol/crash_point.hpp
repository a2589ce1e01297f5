// Places where a test kills the program, so that each step of persistence is met: `TERN_CRASH_AT=<point>:<n>` in the
// environment ends it, as kill -9 would, the n-th time it comes by. Only in builds with -DTERN_CRASH_POINTS=ON; in all
// others, and so in what people run, a point is nothing at all.
//
// Tests that kill at each of them: process/kill_server_test.cpp, kill_device_test.cpp, outgoing_test.cpp.
#pragma once

#include <array>
#include <string_view>

namespace tern {

/// Of a server, in the order in which a batch comes by them.
inline constexpr std::array<std::string_view, 4> server_crash_points{"before_write", "before_commit", "after_commit",
                                                                     "before_answer"};
/// Of a server that sends something by itself.
inline constexpr std::array<std::string_view, 2> sending_crash_points{"before_send", "after_send"};
/// Of a device, from what is saved to what is shown.
inline constexpr std::array<std::string_view, 6> device_crash_points{
    "after_outbox_commit", "before_seal_commit", "after_seal", "after_receipts", "before_apply", "mid_apply"};

}  // namespace tern

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
