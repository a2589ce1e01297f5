// Clock and randomness that are a function of a seed and of what a test does.
#pragma once

#include <cstdint>

#include "tern/protocol/crypto.hpp"
#include "tern/protocol/environment.hpp"

namespace tern::test {

/// The wall clock starts at 14 November 2023, the boot clock at 1 s. Time stands until the test moves it. Two machines,
/// which are two seeds, never share a boot.
class VirtualEnvironment final : public Environment {
public:
  explicit VirtualEnvironment(std::uint64_t seed = 1) : state_(seed * 2 + 1) {
    check(protocol::init_crypto().has_value(), "crypto");
    boot_.bytes.fill(0x42);
    for (int i = 0; i < 8; ++i) boot_.bytes[i] ^= static_cast<std::uint8_t>((seed - 1) >> (8 * i));
  }

  std::int64_t wall_ms() override { return wall_ms_; }
  std::int64_t boot_ms() override { return boot_ms_; }
  BootId boot_id() override { return boot_; }
  void random(void* into, std::size_t size_bytes) override {
    auto* bytes = static_cast<std::uint8_t*>(into);
    for (std::size_t i = 0; i < size_bytes; ++i) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      bytes[i] = static_cast<std::uint8_t>(state_ >> 56);
    }
  }

  /// Both clocks go on.
  void advance(std::int64_t ms) {
    wall_ms_ += ms;
    boot_ms_ += ms;
  }
  /// Only the wall clock: somebody set it.
  void set_wall(std::int64_t ms) { wall_ms_ = ms; }
  /// Only the boot clock: what nobody should be able to do within one boot.
  void set_boot(std::int64_t ms) { boot_ms_ = ms; }
  void reboot() {
    boot_ms_ = 1'000;
    ++boot_.bytes[15];
  }

private:
  std::uint64_t state_;
  std::int64_t wall_ms_ = 1'700'000'000'000;
  std::int64_t boot_ms_ = 1'000;
  BootId boot_;
};

}  // namespace tern::test
