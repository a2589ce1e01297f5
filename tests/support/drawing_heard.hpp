// An environment of which a test hears what was drawn by chance.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/virtual_environment.hpp"

namespace tern::test {

class DrawingHeard final : public Environment {
public:
  explicit DrawingHeard(VirtualEnvironment& inner) : inner_(inner) {}
  std::int64_t wall_ms() override { return inner_.wall_ms(); }
  std::int64_t boot_ms() override { return inner_.boot_ms(); }
  BootId boot_id() override { return inner_.boot_id(); }
  void random(void* into, std::size_t size_bytes) override {
    inner_.random(into, size_bytes);
    if (size_bytes >= secret_bytes_min && size_bytes != id_bytes)
      secrets_.emplace_back(static_cast<const char*>(into), size_bytes);
  }
  /// What may be one: neither short nor an id.
  [[nodiscard]] const std::vector<std::string>& secrets() const { return secrets_; }

private:
  static constexpr std::size_t secret_bytes_min = 10, id_bytes = 16;

  VirtualEnvironment& inner_;
  std::vector<std::string> secrets_;
};

}  // namespace tern::test
