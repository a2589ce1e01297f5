#include "support/world_random.hpp"

#include <cstdlib>
#include <optional>

namespace tern::test {
namespace {

// splitmix64 (Steele, Lea, Flood 2014): numbers, not secrets.
std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::optional<std::uint64_t> named_number(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

}  // namespace

Seed Seed::from_environment_or(std::uint64_t fallback) {
  return {named_number("TERN_SEED").value_or(fallback)};
}

std::vector<Seed> Seed::of_commit_and_from(std::uint64_t first, std::size_t count) {
  if (const auto named = named_number("TERN_SEED")) return {Seed{*named}};
  const std::size_t fixed = (count + 1) / 2;
  const std::uint64_t fresh = named_number("TERN_COMMIT_SEED").value_or(first + fixed);
  std::vector<Seed> seeds;
  for (std::size_t i = 0; i < count; ++i) seeds.push_back({i < fixed ? first + i : fresh + (i - fixed)});
  return seeds;
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
