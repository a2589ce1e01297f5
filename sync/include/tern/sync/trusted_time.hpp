// When a change happened, as far as can be known: the window and the effective time. Source: fold.md "Trusted time".
#pragma once

#include <cstdint>
#include <optional>

namespace tern::sync {

/// Why a time is what it is; shown with the window. Bits; they travel.
enum TimeFlag : std::uint32_t {
  time_flag_none = 0,
  time_flag_mono_ignored = 1,      // the monotonic evidence left no window: it was ignored
  time_flag_mono_missing = 2,      // the device had none (rebooted since the anchor)
  time_flag_clamped = 4,           // the claimed time lay outside the window
  time_flag_raised_chain = 8,      // raised to the change before it in the chain
  time_flag_raised_seen = 16,      // raised above a fact it had seen
  time_flag_seen_cut = 32,         // `seen` was cut to what the server had sent
  time_flag_anchor_unknown = 64,   // the cited anchor is unknown or foreign
  time_flag_asserted = 128,        // import: the source's word
  time_flag_doubtful_clock = 256,  // the server's clock was in doubt
};

inline constexpr std::uint64_t mono_unknown = UINT64_MAX;

/// What the server knows about a set when it arrives. Milliseconds of server time but where said.
struct SetEvidence {
  std::optional<std::int64_t> anchor_ms;  // nothing: unknown anchor
  std::int64_t seen_commit_ms = 0;        // commit time of the header's seen_seq; 0 = none
  std::int64_t last_exchange_ms = 0;      // last exchange whose chain_head lay below this set; 0 = none
  std::int64_t previous_lo_ms = 0;        // lo of the set before; 0 = none
  std::int64_t received_ms = 0;           // hi
  std::uint64_t mono_ms = mono_unknown;   // of the header
};

struct ChangeEvidence {
  std::int64_t wall_ms = 0;                // claimed
  std::uint64_t before_ms = 0;             // before sealing
  std::int64_t seen_commit_ms = 0;         // commit time of the change's own `seen`; 0 = none
  std::int64_t previous_effective_ms = 0;  // of the change before it in the chain; 0 = none
  std::int64_t latest_seen_fact_ms = 0;    // latest fact of its ticket that it saw from another chain; 0 = none
};

struct TrustedTime {
  std::int64_t effective_ms = 0;
  std::int64_t lo_ms = 0;
  std::int64_t hi_ms = 0;
  std::uint32_t flags = 0;
};

/// e = 2 s + 200 ppm * d; 30 s for the anchor's way. Total: never fails, saturates, and lo_ms <= hi_ms.
TrustedTime trusted_time(const SetEvidence& set, const ChangeEvidence& change);

/// Server time: the wall clock, never back. In doubt after a jump of more than 60 s against the monotonic clock, and
/// when it begins with a wall clock more than 60 s behind what was issued: then the last good time plus what the
/// monotonic clock counted. Where issued time is ahead of the time to issue (after a crash; after a wrong clock was
/// issued) it goes on at half pace until that has caught up: what happens one after the other gets times one after the
/// other. A value; the caller keeps it and feeds it clock readings.
class ServerClock {
public:
  explicit ServerClock(std::int64_t last_issued_ms) : last_issued_ms_(last_issued_ms) {}
  /// The time to issue now. Never decreases.
  std::int64_t now(std::int64_t wall_ms, std::int64_t mono_ms);
  [[nodiscard]] bool in_doubt() const { return in_doubt_; }
  /// How far issued time was ahead of the wall clock, or in doubt of the time to issue, when it was last read.
  [[nodiscard]] std::int64_t lead_ms() const { return lead_ms_; }
  /// An operator vouches for the wall clock (`ternd clock accept`).
  void accept(std::int64_t wall_ms, std::int64_t mono_ms);
  [[nodiscard]] std::int64_t last_issued_ms() const { return last_issued_ms_; }

private:
  void begin(std::int64_t wall_ms, std::int64_t mono_ms);

  std::int64_t last_issued_ms_;
  std::int64_t good_wall_ms_ = 0, good_mono_ms_ = 0;
  std::int64_t issued_mono_ms_ = 0;  // when last_issued_ms_ was reached
  std::int64_t lead_ms_ = 0;
  bool started_ = false, in_doubt_ = false;
  bool began_behind_ = false;  // in doubt since the beginning
};

}  // namespace tern::sync
