// What is going to happen, in the order of virtual time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "support/world_random.hpp"

namespace tern::test {

/// Things that happen at the same time happen in an order drawn from the seed. Thread: one.
class Schedule {
public:
  Schedule(Random random, std::function<void(std::int64_t by_ms)> move_clocks)
      : random_(random), move_clocks_(std::move(move_clocks)) {}

  /// Milliseconds since the world began.
  [[nodiscard]] std::int64_t now_ms() const { return now_ms_; }
  void after(std::int64_t ms, std::function<void()> what) {
    due_.emplace(std::pair(now_ms_ + (ms < 0 ? 0 : ms), random_.next()), std::move(what));
  }
  [[nodiscard]] bool empty() const { return due_.empty(); }
  [[nodiscard]] std::int64_t next_ms() const { return due_.begin()->first.first; }

  /// Time jumps to the next thing, which then happens.
  void step() {
    auto node = due_.extract(due_.begin());
    pass_to(node.key().first);
    node.mapped()();
  }
  /// Time passes; what is due meanwhile happens.
  void pass(std::int64_t ms) {
    const std::int64_t until_ms = now_ms_ + ms;
    while (!due_.empty() && next_ms() <= until_ms) step();
    pass_to(until_ms);
  }

private:
  void pass_to(std::int64_t ms) {
    if (ms <= now_ms_) return;
    move_clocks_(ms - now_ms_);
    now_ms_ = ms;
  }

  Random random_;
  std::function<void(std::int64_t)> move_clocks_;
  std::int64_t now_ms_ = 0;
  std::multimap<std::pair<std::int64_t, std::uint64_t>, std::function<void()>> due_;
};

}  // namespace tern::test
