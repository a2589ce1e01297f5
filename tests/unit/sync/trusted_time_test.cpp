#include "tern/sync/trusted_time.hpp"
#include "support/catch.hpp"

using namespace tern::sync;

namespace {

constexpr std::int64_t minute = 60'000;
constexpr std::int64_t hour = 60 * minute;
constexpr std::int64_t day = 24 * hour;
constexpr std::int64_t noon = 1'700'000'000'000;

/// A set made two hours after its anchor and received three hours after it.
SetEvidence offline_set() {
  SetEvidence set;
  set.anchor_ms = noon;
  set.received_ms = noon + 3 * hour;
  set.mono_ms = 2 * hour;
  return set;
}

/// Made 30 minutes before sealing: an hour and a half after the anchor.
ChangeEvidence change_at(std::int64_t wall_ms) {
  ChangeEvidence change;
  change.wall_ms = wall_ms;
  change.before_ms = 30 * minute;
  return change;
}

constexpr std::int64_t d = 90 * minute;
constexpr std::int64_t e = 2'000 + d / 5'000;

}  // namespace

TEST_CASE("a right clock is believed", "[sync][trusted_time]") {
  const TrustedTime time = trusted_time(offline_set(), change_at(noon + d));
  CHECK(time.effective_ms == noon + d);
  CHECK(time.flags == time_flag_none);
}

TEST_CASE("the window is cut by the monotonic clock: 2 s, 200 ppm and the anchor's 30 s", "[sync][trusted_time]") {
  const TrustedTime time = trusted_time(offline_set(), change_at(noon + d));
  CHECK(time.lo_ms == noon + d - e - 30'000);
  CHECK(time.hi_ms == noon + d + e);
}

TEST_CASE("a clock wrong by 11 months moves a change only to the edge of its window", "[sync][trusted_time]") {
  const TrustedTime late = trusted_time(offline_set(), change_at(noon + 330 * day));
  CHECK(late.effective_ms == late.hi_ms);
  CHECK(late.hi_ms == noon + d + e);
  CHECK(late.flags == time_flag_clamped);
  const TrustedTime early = trusted_time(offline_set(), change_at(noon - 330 * day));
  CHECK(early.effective_ms == early.lo_ms);
  CHECK(early.lo_ms == noon + d - e - 30'000);
  CHECK(early.flags == time_flag_clamped);
}

TEST_CASE("without a monotonic clock the window reaches from the anchor to the receipt", "[sync][trusted_time]") {
  SetEvidence set = offline_set();
  set.mono_ms = mono_unknown;
  const TrustedTime time = trusted_time(set, change_at(noon - day));
  CHECK(time.lo_ms == noon);
  CHECK(time.hi_ms == noon + 3 * hour);
  CHECK(time.effective_ms == noon);
  CHECK(time.flags == (time_flag_mono_missing | time_flag_clamped));
}

TEST_CASE("every proof raises the lower edge", "[sync][trusted_time]") {
  SetEvidence set = offline_set();
  set.mono_ms = mono_unknown;
  ChangeEvidence change = change_at(0);
  set.seen_commit_ms = noon + 1;
  CHECK(trusted_time(set, change).lo_ms == noon + 1);
  change.seen_commit_ms = noon + 2;
  CHECK(trusted_time(set, change).lo_ms == noon + 2);
  set.last_exchange_ms = noon + 3;
  CHECK(trusted_time(set, change).lo_ms == noon + 3);
  set.previous_lo_ms = noon + 4;
  CHECK(trusted_time(set, change).lo_ms == noon + 4);
  set.anchor_ms = noon + 5;
  CHECK(trusted_time(set, change).lo_ms == noon + 5);
}

TEST_CASE("an unknown anchor leaves the other proofs and no monotonic evidence", "[sync][trusted_time]") {
  SetEvidence set = offline_set();
  set.anchor_ms.reset();
  set.previous_lo_ms = noon + minute;
  const TrustedTime time = trusted_time(set, change_at(noon + d));
  CHECK(time.lo_ms == noon + minute);
  CHECK(time.hi_ms == noon + 3 * hour);
  CHECK(time.flags == time_flag_anchor_unknown);
}

TEST_CASE("monotonic evidence that leaves no window is ignored and flagged", "[sync][trusted_time]") {
  SetEvidence set = offline_set();
  set.mono_ms = 20 * static_cast<std::uint64_t>(hour);  // ends long after the receipt
  const TrustedTime time = trusted_time(set, change_at(noon + d));
  CHECK(time.lo_ms == noon);
  CHECK(time.hi_ms == noon + 3 * hour);
  CHECK(time.flags == time_flag_mono_ignored);
}

TEST_CASE("a change before its anchor's clock began is judged without that clock", "[sync][trusted_time]") {
  ChangeEvidence change = change_at(noon + d);
  change.before_ms = 2 * hour + 1;
  const TrustedTime time = trusted_time(offline_set(), change);
  CHECK(time.lo_ms == noon);
  CHECK(time.flags == time_flag_mono_ignored);
  change.before_ms = 2 * hour;  // at the anchor itself: allowed
  CHECK(trusted_time(offline_set(), change).hi_ms == noon + 2'000);
}

TEST_CASE("one chain never runs backwards", "[sync][trusted_time]") {
  ChangeEvidence change = change_at(noon + d);
  change.previous_effective_ms = noon + d + 700;
  const TrustedTime time = trusted_time(offline_set(), change);
  CHECK(time.effective_ms == noon + d + 700);
  CHECK(time.flags == time_flag_raised_chain);
}

TEST_CASE("what was seen happened one millisecond before at least, even beyond the window", "[sync][trusted_time]") {
  ChangeEvidence change = change_at(noon + d);
  change.latest_seen_fact_ms = noon + d;
  TrustedTime time = trusted_time(offline_set(), change);
  CHECK(time.effective_ms == noon + d + 1);
  CHECK(time.flags == time_flag_raised_seen);
  change.latest_seen_fact_ms = noon + 5 * hour;
  time = trusted_time(offline_set(), change);
  CHECK(time.effective_ms == noon + 5 * hour + 1);
  CHECK(time.hi_ms == noon + d + e);
  change.latest_seen_fact_ms = noon + d - 1;
  CHECK(trusted_time(offline_set(), change).flags == time_flag_none);
}

TEST_CASE("a set that seems to arrive before its own proofs still has a window", "[sync][trusted_time]") {
  SetEvidence set = offline_set();
  set.received_ms = noon - hour;
  const TrustedTime time = trusted_time(set, change_at(noon));
  CHECK(time.lo_ms <= time.hi_ms);
  CHECK(time.effective_ms >= noon);
}

TEST_CASE("the edges of the number range neither wrap nor fail", "[sync][trusted_time]") {
  const std::vector<std::int64_t> extremes = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, noon, INT64_MAX - 1, INT64_MAX};
  const std::vector<std::uint64_t> wide = {0, 1, static_cast<std::uint64_t>(INT64_MAX), UINT64_MAX - 1, UINT64_MAX};
  for (const std::int64_t anchor : extremes)
    for (const std::int64_t wall : extremes)
      for (const std::int64_t other : extremes)
        for (const std::uint64_t mono : wide)
          for (const std::uint64_t before : wide) {
            const SetEvidence set{anchor, other, wall, anchor, other, mono};
            const ChangeEvidence change{wall, before, other, wall, other};
            const TrustedTime time = trusted_time(set, change);
            REQUIRE(time.lo_ms <= time.hi_ms);
            REQUIRE(time.lo_ms >= 0);
            REQUIRE(time.effective_ms >= time.lo_ms);
            REQUIRE(time.effective_ms >= change.previous_effective_ms);
            if (other > 0 && other < INT64_MAX) REQUIRE(time.effective_ms > other);
          }
}

TEST_CASE("server time never goes back", "[sync][trusted_time][clock]") {
  ServerClock clock(noon + 500);
  CHECK(clock.now(noon, 0) == noon + 500);
  CHECK(clock.lead_ms() == 500);
  CHECK(clock.now(noon + 1'200, 1'200) == noon + 1'200);
  CHECK(clock.lead_ms() == 0);
  CHECK(clock.now(noon + 900, 1'201) == noon + 1'200);
  CHECK_FALSE(clock.in_doubt());
}

TEST_CASE("server time that is ahead goes on at half pace until it has caught up", "[sync][trusted_time][clock]") {
  ServerClock clock(noon + 10'000);
  std::int64_t last = clock.now(noon, 0);
  CHECK(last == noon + 10'000);
  for (int i = 1; i < 10'000; ++i) {
    const std::int64_t told = clock.now(noon + 2 * i, 2 * i);
    REQUIRE(told > last);  // what happens one after the other has times one after the other
    last = told;
  }
  CHECK(clock.lead_ms() == 1);
  CHECK(clock.now(noon + 20'100, 20'100) == noon + 20'100);
}

TEST_CASE("a clock that begins far behind what was issued is in doubt: time goes on from there",
          "[sync][trusted_time][clock]") {
  ServerClock clock(noon + 365 * day);
  CHECK(clock.now(noon, 0) == noon + 365 * day);
  CHECK(clock.in_doubt());
  CHECK(clock.now(noon + 1'000, 1'000) == noon + 365 * day + 1'000);

  SECTION("an operator's word ends the doubt, not the lead") {
    clock.accept(noon + 1'000, 1'000);
    CHECK(clock.now(noon + 3'000, 3'000) == noon + 365 * day + 2'000);
    CHECK_FALSE(clock.in_doubt());
    CHECK(clock.lead_ms() == 365 * day - 1'000);
  }
  SECTION("a clock that is set right after the start is believed, once") {
    CHECK(clock.now(noon + 366 * day, 2'000) == noon + 366 * day);
    CHECK_FALSE(clock.in_doubt());
    CHECK(clock.now(noon + 999 * day, 3'000) == noon + 366 * day + 1'000);
    CHECK(clock.in_doubt());
  }
  SECTION("one that comes close is steady, and a later jump is a jump") {
    CHECK(clock.now(noon + 365 * day - 30'000, 2'000) == noon + 365 * day + 1'500);
    CHECK_FALSE(clock.in_doubt());
    clock.now(noon + 999 * day, 3'000);
    CHECK(clock.in_doubt());
  }
}

TEST_CASE("a jump of more than a minute is not issued: time goes on by the monotonic clock",
          "[sync][trusted_time][clock]") {
  ServerClock clock(0);
  CHECK(clock.now(noon, 0) == noon);
  CHECK(clock.now(noon + 330 * day, 1'000) == noon + 1'000);
  CHECK(clock.in_doubt());
  CHECK(clock.now(noon + 330 * day + 4'000, 5'000) == noon + 5'000);
  CHECK(clock.now(noon + 6'000, 6'000) == noon + 6'000);  // steady again
  CHECK_FALSE(clock.in_doubt());
}

TEST_CASE("a clock turned back is in doubt too", "[sync][trusted_time][clock]") {
  ServerClock clock(0);
  CHECK(clock.now(noon, 0) == noon);
  CHECK(clock.now(noon - 2 * minute, 1'000) == noon + 1'000);
  CHECK(clock.in_doubt());
  ServerClock close(0);
  CHECK(close.now(noon, 0) == noon);
  CHECK(close.now(noon + minute + 1'000, 1'000) == noon + minute + 1'000);  // exactly a minute: a step, no jump
  CHECK_FALSE(close.in_doubt());
}

TEST_CASE("an operator's word ends the doubt", "[sync][trusted_time][clock]") {
  ServerClock clock(0);
  clock.now(noon, 0);
  clock.now(noon + day, 1'000);
  REQUIRE(clock.in_doubt());
  clock.accept(noon + day, 1'000);
  CHECK_FALSE(clock.in_doubt());
  CHECK(clock.now(noon + day + 10, 1'010) == noon + day + 10);
}

TEST_CASE("slow drift never adds up to a jump", "[sync][trusted_time][clock]") {
  ServerClock clock(0);
  for (std::int64_t i = 0; i <= 1'000; ++i) {
    clock.now(noon + i * hour + i * 500, i * hour);
    REQUIRE_FALSE(clock.in_doubt());
  }
}

TEST_CASE("clock readings at the edges of the number range do not wrap", "[sync][trusted_time][clock]") {
  for (const std::int64_t wall : {INT64_MIN, std::int64_t{0}, INT64_MAX})
    for (const std::int64_t mono : {INT64_MIN, std::int64_t{0}, INT64_MAX}) {
      ServerClock clock(noon);
      std::int64_t last = clock.now(noon, 0);
      for (int i = 0; i < 3; ++i) {
        const std::int64_t told = clock.now(wall, mono);
        REQUIRE(told >= last);
        last = told;
      }
    }
}
