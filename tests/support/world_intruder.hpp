// A holder of keys on the network of a world.
#pragma once

#include "support/key_holder.hpp"
#include "support/world.hpp"

namespace tern::test {

/// The world's time, randomness of its own.
class IntruderClock : public Environment {
public:
  IntruderClock(World& world, std::uint64_t seed) : world_(world), own_(seed) {}
  std::int64_t wall_ms() override { return world_.server.environment.wall_ms(); }
  std::int64_t boot_ms() override { return own_.boot_ms(); }
  BootId boot_id() override { return own_.boot_id(); }
  void random(void* into, std::size_t size_bytes) override { own_.random(into, size_bytes); }

private:
  World& world_;
  VirtualEnvironment own_;
};

class Intruder : private IntruderClock, public KeyHolder {
public:
  /// Reads the keys out of the device's home.
  Intruder(World& world, Device& device);
};

}  // namespace tern::test
