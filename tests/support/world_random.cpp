#include "support/world_random.hpp"

#include <cstdlib>

namespace tern::test {
namespace {

// splitmix64 (Steele, Lea, Flood 2014): numbers, not secrets.
std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

Seed Seed::from_environment_or(std::uint64_t fallback) {
  const char* named = std::getenv("TERN_SEED");
  return {named == nullptr || *named == '\0' ? fallback : std::strtoull(named, nullptr, 10)};
}

Seed Seed::child(std::string_view name) const {
  std::uint64_t state = mix(value + 0x9e3779b97f4a7c15);
  for (const char c : name) state = mix(state ^ (static_cast<unsigned char>(c) + 0x100));
  return {state};
}

std::uint64_t Random::next() {
  return mix(state_ += 0x9e3779b97f4a7c15);
}

}  // namespace tern::test
