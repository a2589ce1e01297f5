// Bytes inside JSON lines: base64 (RFC 4648, with padding).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tern/protocol/bytes.hpp"

namespace tern {

std::string to_base64(ByteView raw);
/// Nothing unless the text is exactly what `to_base64` gives for some bytes: no white space, no missing padding.
std::optional<Bytes> from_base64(std::string_view text);

}  // namespace tern
