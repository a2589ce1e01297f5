// A clock and a random source that are functions of a seed: the same run every time.
#pragma once

#include <cstdint>

#include "tern/protocol/environment.hpp"

namespace tern::fleet {

/// Time stands still until it is set. Thread: one.
class VirtualEnvironment : public Environment {
public:
  VirtualEnvironment(std::uint64_t seed, std::int64_t start_ms)
      : state_(seed), now_ms_(start_ms), start_ms_(start_ms) {}

  std::int64_t wall_ms() override { return now_ms_; }
  std::int64_t boot_ms() override { return now_ms_ - start_ms_; }
  BootId boot_id() override { return *BootId::from("virtual boot 001"); }
  void random(void* into, std::size_t size_bytes) override;

  /// Never back.
  void advance_to(std::int64_t ms) {
    if (ms > now_ms_) now_ms_ = ms;
  }
  /// Of the same stream of numbers: the shuffling of devices.
  std::uint64_t draw();

private:
  std::uint64_t state_;
  std::int64_t now_ms_, start_ms_;
};

}  // namespace tern::fleet
