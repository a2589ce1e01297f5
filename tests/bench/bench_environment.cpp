#include "bench_environment.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace tern::bench {
namespace {

template <typename Clock>
std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch()).count();
}

}  // namespace

std::int64_t BenchEnvironment::wall_ms() {
  return now_ms<std::chrono::system_clock>() + offset_ms_;
}
std::int64_t BenchEnvironment::boot_ms() {
  return now_ms<std::chrono::steady_clock>() + offset_ms_;
}

BootId BenchEnvironment::boot_id() {
  BootId id;
  id.bytes.fill(0x42);
  return id;
}

// splitmix64 (Steele, Lea, Flood 2014).
std::uint64_t BenchEnvironment::draw() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

void BenchEnvironment::random(void* into, std::size_t size_bytes) {
  const std::lock_guard guard(mutex_);
  auto* out = static_cast<unsigned char*>(into);
  while (size_bytes > 0) {
    const std::uint64_t word = draw();
    const std::size_t part = std::min(size_bytes, sizeof word);
    std::memcpy(out, &word, part);
    out += part;
    size_bytes -= part;
  }
}

}  // namespace tern::bench
