// Text inside of addresses and tokens: percent-encoding (RFC 3986) and base64url without padding (RFC 4648, 5).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tern/protocol/bytes.hpp"

namespace tern::server {

/// As it stands in a query or a form.
std::string percent_encoded(std::string_view text);

std::string to_base64url(ByteView raw);
/// Nothing for what to_base64url gives for no bytes.
std::optional<Bytes> from_base64url(std::string_view text);

}  // namespace tern::server
