#include "tern/protocol/signed_statement.hpp"

namespace tern::protocol {
namespace {

constexpr std::uint8_t statement_version = 1;
constexpr std::size_t signature_bytes = Signature::size_bytes;

KeyId read_prefix(ByteReader& reader, Tag tag) {
  reader.tag(tag);
  reader.version(statement_version);
  return reader.id<KeyId>("signer");
}

}  // namespace

ByteWriter begin_statement(Tag tag, const KeyId& signer) {
  ByteWriter writer;
  writer.raw(tag).u8(statement_version).id(signer);
  return writer;
}

Bytes close_statement(Bytes signed_part, const SigningKey& key) {
  const Signature signature = key.sign(signed_part);
  signed_part.append(signature.view());
  return signed_part;
}

Result<KeyId> signer_of(Tag tag, ByteView wire) {
  if (wire.size() > statement_bytes_max) return fail(ErrorCode::too_large, "a statement is over its limit", {}, "size");
  if (wire.size() < statement_prefix_bytes + signature_bytes) {
    return fail(ErrorCode::malformed, "a statement is too short", {}, "size");
  }
  ByteReader reader(wire.substr(0, statement_prefix_bytes));
  const KeyId signer = read_prefix(reader, tag);
  TERN_CHECKED(reader.finish());
  return signer;
}

Result<ByteView> open_statement_body(Tag tag, ByteView wire, const PublicKey& key) {
  TERN_TRY(const KeyId signer, signer_of(tag, wire));
  if (signer != key_id(key)) return fail(ErrorCode::key_unknown, "a statement is signed by another key", {}, "signer");
  const ByteView signed_part = wire.substr(0, wire.size() - signature_bytes);
  const Signature signature = Signature::or_zero(wire.substr(signed_part.size()));
  if (!verify_signature(key, signed_part, signature)) {
    return fail(ErrorCode::signature_invalid, "a statement's signature is not good", {}, "signature");
  }
  return signed_part.substr(statement_prefix_bytes);
}

}  // namespace tern::protocol
