// Property 7 of the kernel: wild clocks move effective times only within windows.
#include <algorithm>

#include "support/catch.hpp"
#include "tern/sync/trusted_time.hpp"

using namespace tern::sync;

namespace {

constexpr std::int64_t start = 1'700'000'000'000;
constexpr std::int64_t week = 7LL * 86'400'000;

/// A device's clock: right, off by anything, or nonsense.
std::int64_t wild_clock(std::int64_t truth) {
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      return truth;
    case 1:
      return truth + *rc::gen::inRange<std::int64_t>(-400LL * 86'400'000, 400LL * 86'400'000);
    case 2:
      return *rc::gen::arbitrary<std::int64_t>();
    default:
      return *rc::gen::element(INT64_MIN, std::int64_t{-1}, std::int64_t{0}, INT64_MAX);
  }
}

struct Life {
  std::int64_t anchor = 0, sealed = 0, received = 0;
  std::vector<std::int64_t> made;  // true times, ascending
};

/// An honest device: an anchor, changes, a sealing, a receipt, in this order.
Life any_life() {
  const auto later = [](std::int64_t than) { return than + *rc::gen::inRange<std::int64_t>(0, week); };
  Life life;
  life.anchor = later(start);
  std::int64_t at = life.anchor;
  const auto count = *rc::gen::inRange(1, 6);
  for (int i = 0; i < count; ++i) life.made.push_back(at = later(at));
  life.sealed = later(at);
  life.received = later(life.sealed);
  return life;
}

SetEvidence evidence_of(const Life& life, bool has_mono) {
  SetEvidence set;
  set.anchor_ms = life.anchor;
  set.received_ms = life.received;
  if (has_mono) set.mono_ms = static_cast<std::uint64_t>(life.sealed - life.anchor);
  return set;
}

}  // namespace

TEST_CASE("wild wall clocks move effective times only within windows, and the truth lies in each",
          "[property][time][I22]") {
  CHECK(rc::check([] {
    const Life life = any_life();
    const bool has_mono = *rc::gen::arbitrary<bool>();
    const SetEvidence set = evidence_of(life, has_mono);
    std::int64_t previous = 0;
    for (const std::int64_t truth : life.made) {
      ChangeEvidence change;
      change.wall_ms = wild_clock(truth);
      change.before_ms = static_cast<std::uint64_t>(life.sealed - truth);
      change.previous_effective_ms = previous;
      const TrustedTime time = trusted_time(set, change);
      RC_ASSERT(time.lo_ms <= truth && truth <= time.hi_ms);
      RC_ASSERT(time.lo_ms >= life.anchor && time.hi_ms <= life.received);
      RC_ASSERT(time.effective_ms >= time.lo_ms);
      RC_ASSERT(time.effective_ms <= std::max(time.hi_ms, previous));
      RC_ASSERT(time.effective_ms >= previous);
      if (has_mono) {
        const std::int64_t d = truth - life.anchor;
        RC_ASSERT(time.hi_ms - time.lo_ms <= 2 * (2'000 + d / 5'000) + 30'000);
        RC_ASSERT((time.flags & (time_flag_mono_ignored | time_flag_mono_missing)) == 0U);
      }
      previous = time.effective_ms;
    }
  }));
}

TEST_CASE("a wild monotonic clock moves effective times only between anchor and receipt", "[property][time]") {
  CHECK(rc::check([] {
    const Life life = any_life();
    SetEvidence set = evidence_of(life, true);
    set.mono_ms = *rc::gen::arbitrary<std::uint64_t>();
    for (const std::int64_t truth : life.made) {
      ChangeEvidence change;
      change.wall_ms = wild_clock(truth);
      change.before_ms = *rc::gen::arbitrary<std::uint64_t>();
      const TrustedTime time = trusted_time(set, change);
      RC_ASSERT(life.anchor <= time.lo_ms && time.lo_ms <= time.effective_ms);
      RC_ASSERT(time.effective_ms <= time.hi_ms && time.hi_ms <= life.received);
    }
  }));
}

TEST_CASE("what a change saw stands before it, whatever the clocks say", "[property][time]") {
  CHECK(rc::check([] {
    const Life life = any_life();
    ChangeEvidence change;
    change.wall_ms = wild_clock(life.made.front());
    change.before_ms = *rc::gen::arbitrary<std::uint64_t>();
    change.latest_seen_fact_ms = *rc::gen::inRange<std::int64_t>(1, INT64_MAX);
    change.previous_effective_ms = *rc::gen::inRange<std::int64_t>(0, INT64_MAX);
    const TrustedTime time = trusted_time(evidence_of(life, *rc::gen::arbitrary<bool>()), change);
    RC_ASSERT(time.effective_ms > change.latest_seen_fact_ms);
    RC_ASSERT(time.effective_ms >= change.previous_effective_ms);
    const std::int64_t needed = std::max({time.hi_ms, change.latest_seen_fact_ms + 1, change.previous_effective_ms});
    RC_ASSERT(time.effective_ms <= needed);
  }));
}
