#include "exchange/head_ladder.hpp"

#include <algorithm>

namespace tern::client {
namespace {

constexpr std::int64_t hour_ms = 3'600'000;
constexpr std::int64_t day_ms = 24 * hour_ms;

/// Which hour or day a head stands for; negative: too old to be kept.
std::int64_t slot(std::int64_t time_ms, std::int64_t now_ms) {
  const std::int64_t age_ms = now_ms - time_ms;
  if (age_ms > ladder_daily_ms) return -1;
  if (age_ms > ladder_hourly_ms) return time_ms / day_ms;
  return (std::int64_t{1} << 40) + time_ms / hour_ms;  // apart from the days
}

}  // namespace

void add_to_ladder(std::vector<LadderHead>& ladder, const LadderHead& head) {
  if (!ladder.empty() && ladder.back().head == head.head) {
    ladder.back().time_ms = std::max(ladder.back().time_ms, head.time_ms);
    return;
  }
  ladder.push_back(head);
  if (ladder.size() <= ladder_newest_kept) return;

  std::vector<LadderHead> kept;
  const std::size_t old_count = ladder.size() - ladder_newest_kept;
  for (std::size_t i = 0; i < old_count; ++i) {
    const std::int64_t mine = slot(ladder[i].time_ms, head.time_ms);
    const bool newest_of_slot = i + 1 == old_count || slot(ladder[i + 1].time_ms, head.time_ms) != mine;
    if (mine >= 0 && newest_of_slot) kept.push_back(ladder[i]);
  }
  kept.insert(kept.end(), ladder.begin() + static_cast<std::ptrdiff_t>(old_count), ladder.end());
  ladder = std::move(kept);
}

const LadderHead* newest_below(const std::vector<LadderHead>& ladder, std::uint64_t size) {
  const LadderHead* found = nullptr;
  for (const LadderHead& entry : ladder) {
    if (entry.head.size <= size && (found == nullptr || entry.head.size >= found->head.size)) found = &entry;
  }
  return found;
}

}  // namespace tern::client
