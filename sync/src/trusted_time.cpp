#include "tern/sync/trusted_time.hpp"
#include "tern/protocol/mutant.hpp"

#include <algorithm>
#include <initializer_list>
#include <limits>

#include "tern/protocol/limits.hpp"

namespace tern::sync {
namespace {

constexpr std::int64_t time_max = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t time_min = std::numeric_limits<std::int64_t>::min();

constexpr std::int64_t error_base_ms = 2'000;
constexpr std::int64_t error_divisor = 5'000;  // 200 ppm
constexpr std::int64_t anchor_way_ms = limits::anchor_answer_ms_max;

std::int64_t add(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? time_max : time_min;
}

std::int64_t subtract(std::int64_t a, std::int64_t b) {
  std::int64_t difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return b < 0 ? time_max : time_min;
}

struct Window {
  std::int64_t lo, hi;
};

/// What server, anchors and receipts prove.
Window proven_window(const SetEvidence& set, const ChangeEvidence& change) {
  const std::int64_t lo = std::max({set.anchor_ms.value_or(0), set.seen_commit_ms, change.seen_commit_ms,
                                    set.last_exchange_ms, set.previous_lo_ms, std::int64_t{0}});
  if (mutant(Mutant::window_beyond_receipt)) return {lo, time_max};
  return {lo, std::max(lo, set.received_ms)};
}

/// What the device's monotonic clock adds: evidence, not proof. Where it contradicts the proof it is ignored.
Window cut_by_mono(Window window, const SetEvidence& set, const ChangeEvidence& change, std::uint32_t& flags) {
  if (!set.anchor_ms) {
    flags |= time_flag_anchor_unknown;
    return window;
  }
  if (set.mono_ms == mono_unknown) {
    flags |= time_flag_mono_missing;
    return window;
  }
  if (change.before_ms > set.mono_ms) {
    flags |= time_flag_mono_ignored;
    return window;
  }
  const std::uint64_t wide = set.mono_ms - change.before_ms;
  const auto since_anchor =
      static_cast<std::int64_t>(std::min<std::uint64_t>(wide, static_cast<std::uint64_t>(time_max)));
  const std::int64_t error = error_base_ms + since_anchor / error_divisor;
  const std::int64_t middle = add(*set.anchor_ms, since_anchor);
  const Window cut{std::max(window.lo, subtract(middle, error + anchor_way_ms)),
                   std::min(window.hi, add(middle, error))};
  if (cut.lo <= cut.hi) return cut;
  flags |= time_flag_mono_ignored;
  return window;
}

}  // namespace

TrustedTime trusted_time(const SetEvidence& set, const ChangeEvidence& change) {
  TrustedTime time;
  const Window window = cut_by_mono(proven_window(set, change), set, change, time.flags);
  time.lo_ms = window.lo;
  time.hi_ms = window.hi;
  time.effective_ms =
      mutant(Mutant::order_by_claim) ? change.wall_ms : std::clamp(change.wall_ms, window.lo, window.hi);
  if (time.effective_ms != change.wall_ms) time.flags |= time_flag_clamped;
  // The last two bounds may pass hi by what they need: what somebody saw happened before, one chain keeps its order.
  if (change.previous_effective_ms > time.effective_ms) {
    time.effective_ms = change.previous_effective_ms;
    time.flags |= time_flag_raised_chain;
  }
  if (change.latest_seen_fact_ms > 0 && change.latest_seen_fact_ms >= time.effective_ms) {
    time.effective_ms = add(change.latest_seen_fact_ms, 1);
    time.flags |= time_flag_raised_seen;
  }
  return time;
}

std::int64_t ServerClock::now(std::int64_t wall_ms, std::int64_t mono_ms) {
  if (!started_) begin(wall_ms, mono_ms);
  // A machine without a clock of its own gets its time some while after it started.
  if (began_behind_ && wall_ms >= last_issued_ms_) accept(wall_ms, mono_ms);
  const std::int64_t elapsed = std::max<std::int64_t>(subtract(mono_ms, good_mono_ms_), 0);
  const std::int64_t expected = add(good_wall_ms_, elapsed);
  const std::int64_t jump = subtract(wall_ms, expected);
  in_doubt_ = jump > limits::clock_jump_ms_max || jump < -limits::clock_jump_ms_max;
  if (!in_doubt_) {  // small steps are followed, so that slow drift never adds up to a jump
    good_wall_ms_ = wall_ms;
    good_mono_ms_ = mono_ms;
    began_behind_ = false;
  }
  const std::int64_t due = in_doubt_ ? expected : wall_ms;
  const std::int64_t step = std::max<std::int64_t>(subtract(mono_ms, issued_mono_ms_), 0) / 2;
  if (due > last_issued_ms_ || step > 0) {
    last_issued_ms_ = due > last_issued_ms_ ? due : add(last_issued_ms_, step);
    issued_mono_ms_ = mono_ms;
  }
  lead_ms_ = subtract(last_issued_ms_, due);
  return last_issued_ms_;
}

void ServerClock::begin(std::int64_t wall_ms, std::int64_t mono_ms) {
  accept(wall_ms, mono_ms);
  issued_mono_ms_ = mono_ms;
  began_behind_ = subtract(last_issued_ms_, wall_ms) > limits::clock_jump_ms_max;
  if (began_behind_) good_wall_ms_ = last_issued_ms_;
}

void ServerClock::accept(std::int64_t wall_ms, std::int64_t mono_ms) {
  good_wall_ms_ = wall_ms;
  good_mono_ms_ = mono_ms;
  started_ = true;
  in_doubt_ = false;
  began_behind_ = false;
}

}  // namespace tern::sync
