// What the fuzz targets share. A target states what must hold with tern::check, which is on in every build.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

/// The entry of the target `name`, in a namespace of its name: its own program's, which libFuzzer calls, or one of all
/// in `fuzz_replay`, where the targets of a room compile together.
#ifdef TERN_LIBFUZZER
#define TERN_FUZZ_TARGET(name) extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes)
#else
#define TERN_FUZZ_TARGET(name) extern "C" int name(const std::uint8_t* data, std::size_t size_bytes)
#endif

namespace tern::fuzz {

/// Takes an input apart from its front. Past the end everything is zero or empty, so every input is a good one.
class Input {
public:
  Input(const std::uint8_t* data, std::size_t size_bytes) : rest_(reinterpret_cast<const char*>(data), size_bytes) {}

  std::uint8_t u8() {
    const ByteView byte = take(1);
    return byte.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(byte[0]);
  }
  std::uint16_t u16() {
    const unsigned high = u8();
    return static_cast<std::uint16_t>(high << 8 | u8());
  }
  /// At most `size_bytes`.
  ByteView take(std::size_t size_bytes) {
    const ByteView out = rest_.substr(0, size_bytes);
    rest_.remove_prefix(out.size());
    return out;
  }
  /// Two bytes of length, then at most that many bytes.
  ByteView sized() {
    const std::size_t length = u16();
    return take(length);
  }
  [[nodiscard]] ByteView rest() const { return rest_; }

private:
  ByteView rest_;
};

template <typename Fixed>
Fixed filled(std::uint8_t byte) {
  Fixed out;
  out.bytes.fill(byte);
  return out;
}

}  // namespace tern::fuzz
