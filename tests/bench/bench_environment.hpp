// The machine's clocks, moved on by hand where a work needs hours to pass, and randomness from a seed.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "tern/protocol/environment.hpp"

namespace tern::bench {

/// Thread-safe. Keys made from it are worth nothing outside a benchmark.
class BenchEnvironment : public Environment {
public:
  explicit BenchEnvironment(std::uint64_t seed, std::int64_t offset_ms = 0) : state_(seed), offset_ms_(offset_ms) {}

  std::int64_t wall_ms() override;
  std::int64_t boot_ms() override;
  BootId boot_id() override;
  void random(void* into, std::size_t size_bytes) override;

  /// Both clocks go on by so much more.
  void advance(std::int64_t ms) { offset_ms_ += ms; }
  /// How far they are ahead of the machine's.
  [[nodiscard]] std::int64_t offset_ms() const { return offset_ms_; }

private:
  std::uint64_t draw();

  std::mutex mutex_;
  std::uint64_t state_;
  std::atomic<std::int64_t> offset_ms_;
};

}  // namespace tern::bench
