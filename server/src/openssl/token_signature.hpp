// Signatures of tokens that others made (RFC 7518, 3.3 and 3.4): RS256 and ES256, and no other.
#pragma once

#include "tern/protocol/bytes.hpp"

namespace tern::server {

/// RSASSA-PKCS1-v1_5 with SHA-256. False, too, for a key of less than 2048 or more than 8192 bits.
bool verify_rs256(ByteView modulus, ByteView exponent, ByteView message, ByteView signature);
/// ECDSA on P-256 with SHA-256; the signature is R and S, 32 bytes each. False, too, for what is no point of the curve.
bool verify_es256(ByteView x, ByteView y, ByteView message, ByteView signature);

}  // namespace tern::server
