#include "virtual_environment.hpp"

#include <algorithm>
#include <cstring>

namespace tern::fleet {

// splitmix64 (Steele, Lea, Flood 2014): a seed's numbers, not secrets.
std::uint64_t VirtualEnvironment::draw() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

void VirtualEnvironment::random(void* into, std::size_t size_bytes) {
  auto* out = static_cast<unsigned char*>(into);
  while (size_bytes > 0) {
    const std::uint64_t word = draw();
    const std::size_t part = std::min(size_bytes, sizeof word);
    std::memcpy(out, &word, part);
    out += part;
    size_bytes -= part;
  }
}

}  // namespace tern::fleet
