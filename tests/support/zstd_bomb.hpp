// A body that asks for far more memory than it brings.
#pragma once

#include <cstdint>

#include "tern/protocol/bytes.hpp"

namespace tern::test {

/// 1 GiB of zeros in a zstd frame of 32 KiB.
inline Bytes zstd_bomb() {
  constexpr std::uint32_t block_bytes = 128 * 1024;
  constexpr int blocks = 8192;
  Bytes frame("\x28\xb5\x2f\xfd\x00\x50", 6);  // magic, no content size, a window of 1 MiB
  for (int i = 0; i < blocks; ++i) {
    const std::uint32_t header = block_bytes << 3 | 1U << 1 | (i + 1 == blocks ? 1U : 0U);  // one byte, repeated
    for (int shift = 0; shift < 24; shift += 8) frame.push_back(static_cast<char>(header >> shift));
    frame.push_back('\0');
  }
  return frame;
}

}  // namespace tern::test
