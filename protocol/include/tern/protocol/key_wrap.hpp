// Keys under a passphrase, and passwords that are only checked.
#pragma once

#include "tern/protocol/crypto.hpp"

namespace tern::protocol {

/// 32 secret bytes under a passphrase: Argon2id (INTERACTIVE) makes the key, XChaCha20-Poly1305 wraps. The parameters
/// and `public_fields` (what else lies in the clear beside it) are additional data, so none can be swapped.
/// About 0.1 s and 64 MiB. Table: docs/protocol.md, "Wrapped key". `internal` when there is no memory for it.
Result<Bytes> wrap_key(const SecretKey& key, std::string_view passphrase, ByteView public_fields,
                       Environment& environment);
/// `locked` for a wrong passphrase or altered fields; `corrupt` for bytes that are no wrapped key or ask for parameters
/// beyond the bounds (4 passes, 256 MiB), refused before any work.
Result<SecretKey> unwrap_key(ByteView wrapped, std::string_view passphrase, ByteView public_fields);

/// libsodium's own string form ($argon2id$...). The salt is libsodium's: it never enters anything that is replayed.
Result<std::string> hash_password(std::string_view password);
/// Takes about as long for a wrong password as for a right one. False for a string that is no hash.
bool verify_password(std::string_view stored, std::string_view password);

}  // namespace tern::protocol
