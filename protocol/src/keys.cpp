#include "tern/protocol/keys.hpp"

#include <algorithm>

#include "tern/protocol/crockford.hpp"

namespace tern::protocol {
namespace {

constexpr std::size_t key_bytes = 32;
constexpr std::size_t checksum_bytes = 3;

ByteView checksum(const Hash& hash) {
  return hash.view().substr(0, checksum_bytes);
}

ServerKey read_key(ByteReader& reader) {
  ServerKey key;
  key.id = reader.id<KeyId>("key_id");
  key.public_key = reader.id<PublicKey>("public_key");
  const std::uint8_t purpose = reader.u8("purpose");
  if (purpose < 1 || purpose > 4) reader.refuse(ErrorCode::upgrade_required, "purpose", "a key of an unknown purpose");
  key.purpose = static_cast<ServerKeyPurpose>(purpose);
  key.from_ms = reader.i64("from_ms");
  key.retired_ms = reader.i64("retired_ms");
  key.revoked_as_of = reader.u64("revoked_as_of");
  if (reader.ok() && key.id != key_id(key.public_key)) {
    reader.refuse(ErrorCode::malformed, "key_id", "a key does not have the id that its bytes give");
  }
  return key;
}

/// By the root among `roots` that the list names as its signer.
Result<Signed<KeyList>> open_by_root(ByteView wire, const std::vector<PublicKey>& roots) {
  TERN_TRY(const KeyId signer, signer_of(KeyList::tag, wire));
  const auto root =
      std::find_if(roots.begin(), roots.end(), [&](const PublicKey& key) { return key_id(key) == signer; });
  if (root == roots.end()) {
    return fail(ErrorCode::key_unknown, "a key list is signed by a root that is not trusted here", {}, "signer");
  }
  return open_statement<KeyList>(wire, *root);
}

}  // namespace

// ---- recovery key ----

RecoveryKey RecoveryKey::generate(Environment& environment) {
  return RecoveryKey(SecretKey::random(environment));
}

Result<RecoveryKey> RecoveryKey::from_text(std::string_view text) {
  std::optional<Bytes> raw = crockford_decode(text, key_bytes + checksum_bytes);
  if (!raw) {
    return fail(ErrorCode::invalid, "a recovery key has 14 groups of 4 letters and digits", "check for a lost group",
                "recovery_key");
  }
  SecretKey key = SecretKey::from(ByteView(*raw).substr(0, key_bytes));
  const Hash expected = hash("TRN1-RECOVERY", key.view());
  const bool good = equal_secret(ByteView(*raw).substr(key_bytes), checksum(expected));
  wipe(*raw);
  if (!good)
    return fail(ErrorCode::invalid, "the recovery key has a typing error", "compare each group", "recovery_key");
  return RecoveryKey(std::move(key));
}

std::string RecoveryKey::to_text() const {
  const Hash hash = protocol::hash("TRN1-RECOVERY", bytes_.view());
  Bytes raw(bytes_.view());
  raw.append(checksum(hash));
  std::string text = crockford_groups(raw);
  wipe(raw);
  return text;
}

SigningKey RecoveryKey::root() const {
  return SigningKey::from_seed(derive_key(bytes_, 1, "TRN1root"));
}

SecretKey RecoveryKey::backup_seed() const {
  return derive_key(bytes_, 2, "TRN1bkup");
}

// ---- key list ----

const ServerKey* KeyList::find(const KeyId& id, ServerKeyPurpose purpose) const {
  for (const ServerKey& key : keys) {
    if (key.id == id && key.purpose == purpose) return key.revoked_as_of == 0 ? nullptr : &key;
  }
  return nullptr;
}

const ServerKey* KeyList::current(ServerKeyPurpose purpose) const {
  const ServerKey* newest = nullptr;
  for (const ServerKey& key : keys) {
    const bool in_use = key.purpose == purpose && key.retired_ms == 0 && key.revoked_as_of == ServerKey::not_revoked;
    if (in_use && (newest == nullptr || key.from_ms >= newest->from_ms)) newest = &key;
  }
  return newest;
}

void KeyList::write(ByteWriter& writer) const {
  check(!next_roots.empty() && next_roots.size() <= roots_max && keys.size() <= keys_max, "key list size");
  writer.u64(version).id(server).i64(refresh_by_ms).u8(static_cast<std::uint8_t>(next_roots.size()));
  for (const PublicKey& root : next_roots) writer.id(root);
  writer.u16(static_cast<std::uint16_t>(keys.size()));
  for (const ServerKey& key : keys) {
    writer.id(key.id).id(key.public_key).u8(static_cast<std::uint8_t>(key.purpose));
    writer.i64(key.from_ms).i64(key.retired_ms).u64(key.revoked_as_of);
  }
}

KeyList KeyList::read(ByteReader& reader) {
  KeyList list;
  list.version = reader.u64("version");
  list.server = reader.id<ServerId>("server_id");
  list.refresh_by_ms = reader.i64("refresh_by_ms");
  const std::size_t roots = reader.u8("next_roots");
  if (roots == 0 || roots > roots_max)
    reader.refuse(ErrorCode::malformed, "next_roots", "a key list names 1 to 8 roots");
  for (std::size_t i = 0; i < roots && reader.ok(); ++i) list.next_roots.push_back(reader.id<PublicKey>("next_roots"));
  const std::size_t keys = reader.u16("keys");
  if (keys > keys_max) reader.refuse(ErrorCode::too_large, "keys", "too many keys in a key list");
  for (std::size_t i = 0; i < keys && reader.ok(); ++i) list.keys.push_back(read_key(reader));
  return list;
}

Result<Signed<KeyList>> open_first_key_list(ByteView wire, const std::vector<PublicKey>& pinned_roots) {
  return open_by_root(wire, pinned_roots);
}

Result<Signed<KeyList>> open_next_key_list(ByteView wire, const KeyList& held) {
  TERN_TRY(Signed<KeyList> next, open_by_root(wire, held.next_roots));
  if (next.value.server != held.server) {
    return fail(ErrorCode::verification_failed, "a key list of another server", {}, "server");
  }
  if (next.value.version <= held.version) {
    return fail(ErrorCode::verification_failed, "a key list that is not newer than the one held", {}, "version");
  }
  if (next.value.version - held.version > key_list_jump_max) {
    return fail(ErrorCode::verification_failed, "a key list that is too far ahead", "enrol this device again",
                "version");
  }
  return next;
}

}  // namespace tern::protocol
