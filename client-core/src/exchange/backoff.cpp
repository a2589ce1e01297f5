#include "exchange/backoff.hpp"

#include <algorithm>

namespace tern::client {

std::int64_t Backoff::next_ms(Environment& environment, std::int64_t at_least_ms) {
  const unsigned doublings = std::min(faults_, 20U);
  faults_ = std::min(faults_ + 1, 1000U);
  const std::int64_t full_ms = std::min(backoff_ms_max, backoff_ms_min << doublings);
  std::uint64_t drawn = 0;
  environment.random(&drawn, sizeof drawn);
  const std::int64_t half_ms = full_ms / 2;
  const std::int64_t wait_ms = half_ms + static_cast<std::int64_t>(drawn % static_cast<std::uint64_t>(half_ms + 1));
  return std::clamp(wait_ms, std::min(at_least_ms, backoff_ms_max), backoff_ms_max);
}

}  // namespace tern::client
