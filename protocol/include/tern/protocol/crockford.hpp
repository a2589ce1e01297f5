// Crockford's base 32: what people read aloud and type.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tern/protocol/bytes.hpp"

namespace tern::protocol {

/// Upper case, no padding; the last character is filled with zero bits.
std::string crockford_encode(ByteView raw);
/// `encode` in groups of `group` characters with dashes between.
std::string crockford_groups(ByteView raw, std::size_t group = 4);
/// Exactly `size_bytes` bytes, or nothing. Lower case is upper case, I and L are 1, O is 0; dashes and white space are
/// skipped. Fill bits must be zero.
std::optional<Bytes> crockford_decode(std::string_view text, std::size_t size_bytes);

}  // namespace tern::protocol
