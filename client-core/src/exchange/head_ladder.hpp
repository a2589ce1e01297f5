// The heads of the server's log that a device keeps: what the server once signed, it must stay consistent with.
#pragma once

#include <cstdint>
#include <vector>

#include "tern/protocol/anchor.hpp"

namespace tern::client {

struct LadderHead {
  protocol::LogHead head;
  std::int64_t time_ms = 0;  // server time of the anchor that brought it

  bool operator==(const LadderHead&) const = default;
};

/// An epoch of the server's history that a handshake speaks of: this device's own, one that it went past, or one that
/// leads on from either.
struct PastEpoch {
  EpochId epoch;
  std::vector<LadderHead> ladder;  // what is known of it
  std::uint64_t kept_seq = 0;      // up to here it and the device's own are the same
  std::int64_t followed_ms = 0;    // when the newest of those began that are given up for it; 0: none is
};

inline constexpr std::size_t ladder_newest_kept = 10;
inline constexpr std::int64_t ladder_hourly_ms = 24LL * 3'600'000;
inline constexpr std::int64_t ladder_daily_ms = 90LL * 86'400'000;

/// Appends `head` (a newer one of the same epoch) and thins what is behind it: the last 10, one an hour for a day, one
/// a day for 90 days, each the newest of its hour or day. Oldest first. A head of the size of the last replaces it.
void add_to_ladder(std::vector<LadderHead>& ladder, const LadderHead& head);

/// The newest head not above `size`; nullptr when there is none.
const LadderHead* newest_below(const std::vector<LadderHead>& ladder, std::uint64_t size);

}  // namespace tern::client
