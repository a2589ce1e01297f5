// What the server's keys state: a tagged byte table with a signature behind it, stored and forwarded as it travelled.
//
// Every statement begins alike: tag (8), version 1 (1), key id of the signer (16). Then its own table, then 64 bytes of
// signature over all before. The signer can so be looked up before anything is believed. Tables: docs/protocol.md.
#pragma once

#include "tern/protocol/crypto.hpp"
#include "tern/protocol/wire.hpp"

namespace tern::protocol {

inline constexpr std::size_t statement_prefix_bytes = 8 + 1 + 16;
inline constexpr std::size_t statement_bytes_max = 1 << 20;

/// A statement and the bytes it came from. Only made by signing, or by opening with a good signature.
template <typename T>
struct Signed {
  T value;
  Bytes wire;  // signed part, then signature
};

/// The key a statement claims to be signed by. `malformed` when it is too short or of another kind.
Result<KeyId> signer_of(Tag tag, ByteView wire);

// The untyped halves; callers use the templates below.
Bytes close_statement(Bytes signed_part, const SigningKey& key);
/// Checks size, tag, version, signer and signature, in this order; gives the signed part after its prefix.
Result<ByteView> open_statement_body(Tag tag, ByteView wire, const PublicKey& key);
ByteWriter begin_statement(Tag tag, const KeyId& signer);

/// T has `static constexpr Tag tag`, `void write(ByteWriter&) const` and `static T read(ByteReader&)`.
template <typename T>
Signed<T> sign_statement(T value, const SigningKey& key) {
  ByteWriter writer = begin_statement(T::tag, key.id());
  value.write(writer);
  return {std::move(value), close_statement(writer.take(), key)};
}

/// Verifies first, parses after. `malformed` (field "tag" for another kind), `upgrade_required` (version),
/// `key_unknown` (signed by another key), `signature_invalid`, `too_large`; then what the table says.
template <typename T>
Result<Signed<T>> open_statement(ByteView wire, const PublicKey& key) {
  TERN_TRY(const ByteView body, open_statement_body(T::tag, wire, key));
  ByteReader reader(body);
  T value = T::read(reader);
  TERN_CHECKED(reader.finish());
  return Signed<T>{std::move(value), Bytes(wire)};
}

}  // namespace tern::protocol
