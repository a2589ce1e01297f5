// The machine's own clock and randomness, for programs.
#pragma once

#include "tern/protocol/environment.hpp"

namespace tern::apps {

/// CLOCK_REALTIME, CLOCK_BOOTTIME, the kernel's boot id, getrandom. Thread-safe.
class SystemEnvironment : public Environment {
public:
  SystemEnvironment();
  std::int64_t wall_ms() override;
  std::int64_t boot_ms() override;
  BootId boot_id() override { return boot_id_; }
  void random(void* into, std::size_t size_bytes) override;

private:
  BootId boot_id_;
};

}  // namespace tern::apps
