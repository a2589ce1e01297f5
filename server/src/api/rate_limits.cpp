#include "api/rate_limits.hpp"

#include <algorithm>

namespace tern::server {
namespace {

constexpr std::int64_t one_request = 1'000, minute_ms = 60'000;
constexpr std::size_t buckets_kept_max = 200'000;

/// Seconds until so much has flowed in.
std::int64_t seconds_for(std::int64_t millitokens, unsigned per_minute) {
  const std::int64_t flow_per_minute = std::int64_t{per_minute} * one_request;
  return (millitokens * 60 + flow_per_minute - 1) / flow_per_minute;
}

}  // namespace

RateLimits::Verdict RateLimits::take(const RecordId& key, unsigned per_minute, std::int64_t now_ms) {
  if (per_minute == 0) return {};
  const std::int64_t full = std::int64_t{per_minute} * one_request;
  const std::lock_guard lock(mutex_);
  if (buckets_.size() > buckets_kept_max && now_ms - swept_ms_ > minute_ms) {
    swept_ms_ = now_ms;  // who has not asked for a minute has a full one
    std::erase_if(buckets_, [&](const auto& entry) { return now_ms - entry.second.filled_ms > minute_ms; });
  }
  const auto [place, fresh] = buckets_.try_emplace(key, Bucket{full, now_ms, per_minute});
  Bucket& bucket = place->second;
  if (bucket.per_minute != per_minute) bucket = {std::min(bucket.millitokens, full), bucket.filled_ms, per_minute};
  const std::int64_t passed_ms = std::clamp<std::int64_t>(now_ms - bucket.filled_ms, 0, minute_ms);
  const std::int64_t flowed = passed_ms * full / minute_ms;
  // What is less than a thousandth flows in with the next request.
  if (flowed > 0) {
    bucket.filled_ms = passed_ms == minute_ms ? now_ms : bucket.filled_ms + flowed * minute_ms / full;
    bucket.millitokens = std::min(full, bucket.millitokens + flowed);
  }
  Verdict verdict;
  verdict.allowed = bucket.millitokens >= one_request;
  if (verdict.allowed) bucket.millitokens -= one_request;
  verdict.limit = per_minute;
  verdict.remaining = static_cast<unsigned>(bucket.millitokens / one_request);
  verdict.full_in_s = seconds_for(full - bucket.millitokens, per_minute);
  if (!verdict.allowed)
    verdict.retry_in_s = std::max<std::int64_t>(1, seconds_for(one_request - bucket.millitokens, per_minute));
  return verdict;
}

}  // namespace tern::server
