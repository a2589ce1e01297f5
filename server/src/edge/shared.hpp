// What the loops, workers and connections of one edge share.
#pragma once

#include <Poco/Net/Context.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "edge/address_book.hpp"
#include "edge/frame_reader.hpp"
#include "edge/loop_inbox.hpp"
#include "edge/worker_pool.hpp"
#include "tern/server/edge.hpp"

namespace tern::server::edge {

/// EdgeCounters while they count. Relaxed: each is right by itself.
struct Tallies {
  std::atomic<std::uint64_t> connections_open{0}, connections_accepted{0}, connections_refused{0};
  std::atomic<std::uint64_t> requests{0}, answers_2xx{0}, answers_3xx{0}, answers_4xx{0}, answers_5xx{0};
  std::atomic<std::uint64_t> refused_by_edge{0}, head_timeouts{0}, body_timeouts{0}, slow_readers_cut{0};
  std::atomic<std::uint64_t> streams_open{0}, streams_accepted{0}, stream_messages_in{0}, stream_messages_out{0};
  std::atomic<std::uint64_t> bytes_in{0}, bytes_out{0};
};

inline void count(std::atomic<std::uint64_t>& tally, std::uint64_t by = 1) {
  tally.fetch_add(by, std::memory_order_relaxed);
}
inline void discount(std::atomic<std::uint64_t>& tally) {
  tally.fetch_sub(1, std::memory_order_relaxed);
}

/// Thread-safe as a whole: constants, atomics and things with locks of their own.
struct EdgeShared {
  EdgeShared(const EdgeOptions& edge_options, Handler& request_handler);

  std::string next_request_id();
  void report(EdgeEvent event, std::string_view detail, std::string_view request_id) const;
  /// A connection is gone: forget its address, wake who waits for the last one.
  void connection_over(const std::string& key);

  const EdgeOptions options;
  Handler& handler;
  WorkerPool workers;
  AddressBook addresses;
  Tallies tallies;
  Poco::Net::Context::Ptr tls;  // null for plain TCP; set before the loops start
  /// Set once, before any loop is told: what one loop's peer sees of a stop already binds all others.
  std::atomic<bool> draining{false};

  std::mutex over_mutex;
  std::condition_variable over;  // a connection is over

private:
  const std::string request_id_prefix_;
  std::atomic<std::uint64_t> request_ordinal_{0};
};

/// What a connection is handed of its loop. One thread: the loop's.
struct LoopSide {
  EdgeShared& shared;
  std::shared_ptr<LoopInbox> inbox;
  std::int64_t now_ms = 0;                    // of the monotonic clock, at the start of this turn
  std::unique_ptr<FrameReader> spare_reader;  // a clean one, for whoever gets a frame next
  std::string scratch;                        // what was just read
};

std::int64_t monotonic_ms();
std::int64_t monotonic_us();

inline constexpr std::int64_t never_ms = INT64_MAX;

}  // namespace tern::server::edge
