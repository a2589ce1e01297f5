// Requests of each API key as a bucket: it fills evenly within a minute, and a full one may be used up at once.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "tern/protocol/bytes.hpp"

namespace tern::server {

/// Thread-safe. Holds one bucket for each key that was used since the server started; of many keys those of this
/// minute.
class RateLimits {
public:
  struct Verdict {
    bool allowed = false;
    unsigned limit = 0, remaining = 0;
    std::int64_t full_in_s = 0;   // until nothing is used
    std::int64_t retry_in_s = 0;  // of a refused one: until one request is free again
  };
  /// `now_ms` never runs backwards.
  Verdict take(const RecordId& key, unsigned per_minute, std::int64_t now_ms);

private:
  struct Bucket {
    std::int64_t millitokens = 0;  // thousandths of a request that are left
    std::int64_t filled_ms = 0;
    unsigned per_minute = 0;
  };
  std::mutex mutex_;
  std::unordered_map<RecordId, Bucket> buckets_;
  std::int64_t swept_ms_ = 0;
};

}  // namespace tern::server
