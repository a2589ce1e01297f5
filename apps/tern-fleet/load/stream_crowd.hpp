// Many open streams on one thread: answers pings, and notes when each got what is pushed.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "load/load_device.hpp"

namespace tern::fleet {

using Clock = std::chrono::steady_clock;

class StreamCrowd {
public:
  StreamCrowd();
  ~StreamCrowd();  // without goodbyes
  StreamCrowd(const StreamCrowd&) = delete;
  StreamCrowd& operator=(const StreamCrowd&) = delete;

  /// Thread-safe.
  void add(LoadStream stream);
  [[nodiscard]] std::size_t open() const { return open_; }
  /// Streams that got the answer to their first request.
  [[nodiscard]] std::size_t answered() const { return answered_; }

  /// From now on arrivals are noted; what came before is forgotten.
  void expect_push();
  /// When each stream got a push since then.
  [[nodiscard]] std::vector<Clock::time_point> arrivals() const;

private:
  void run();
  bool take_all(LoadStream& stream);

  int epoll_ = -1;
  std::atomic<bool> stop_{false};
  std::atomic<std::size_t> open_{0}, answered_{0};
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<LoadStream>> streams_;
  std::vector<Clock::time_point> arrivals_;
  std::thread thread_;
};

}  // namespace tern::fleet
