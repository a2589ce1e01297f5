// HMAC-SHA-1 (RFC 2104), which authenticators of people compute and libsodium does not have. For their codes alone.
#pragma once

#include "tern/protocol/bytes.hpp"

namespace tern::server {

/// 20 bytes.
Bytes hmac_sha1(ByteView key, ByteView message);

}  // namespace tern::server
