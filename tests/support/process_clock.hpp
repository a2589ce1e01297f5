// Days that pass, and clocks that are wrong, for real programs.
#pragma once

#include <array>
#include <cstdint>
#include <fstream>
#include <map>
#include <string>

#include "support/process.hpp"

namespace tern::test {

constexpr std::int64_t hour_ms = 3'600'000, day_ms = 24 * hour_ms;

/// The clocks that programs with `environment()` go by: the machine's, moved. Those that time waits are as they are.
/// While a program runs, what it reads may change between two of its looks: let days pass while it is away.
class ProcessClock {
public:
  explicit ProcessClock(std::string path) : path_(std::move(path)) { write(); }

  /// Time goes on, for every clock alike.
  void pass(std::int64_t ms) { move(0, ms); }
  /// The time of day is set; the clock since boot goes on.
  void set_wall_by(std::int64_t ms) { move(1, ms); }
  /// The clock since boot is set.
  void set_boot_by(std::int64_t ms) { move(2, ms); }

  [[nodiscard]] std::map<std::string, std::string> environment() const {
    return {{"LD_PRELOAD", program("moved_clock.so")},
            {"TERN_TEST_CLOCK", path_},
            {"ASAN_OPTIONS", "verify_asan_link_order=0"}};
  }
  /// The time of day by this clock.
  [[nodiscard]] std::int64_t wall_ms() const {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000 + moved_[0] + moved_[1];
  }

private:
  void move(std::size_t which, std::int64_t ms) {
    moved_[which] += ms;
    write();
  }
  /// In place: the programs have it mapped.
  void write() {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    if (!file) file.open(path_, std::ios::out | std::ios::binary);
    file.write(reinterpret_cast<const char*>(moved_.data()), sizeof moved_);
  }

  std::string path_;
  std::array<std::int64_t, 3> moved_{};
};

}  // namespace tern::test
