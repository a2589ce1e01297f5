// The recovery key, what is derived from it, and the list that says which of the server's keys count.
#pragma once

#include <optional>
#include <vector>

#include "tern/protocol/signed_statement.hpp"

namespace tern::protocol {

// ---- recovery key ----

/// 32 random bytes shown once, as 14 groups of 4 Crockford characters, the last three bytes a checksum. Never kept in
/// the data directory.
class RecoveryKey {
public:
  static RecoveryKey generate(Environment& environment);
  /// Forgiving as `crockford_decode` is, spaces too. `invalid` (field "recovery_key") on a wrong length or checksum.
  static Result<RecoveryKey> from_text(std::string_view text);

  /// "XXXX-XXXX-...", 69 characters. Wipe it after showing it.
  [[nodiscard]] std::string to_text() const;
  /// kdf id 1 "TRN1root".
  [[nodiscard]] SigningKey root() const;
  /// kdf id 2 "TRN1bkup": seed of the X25519 backup key, see sealed_stream.hpp.
  [[nodiscard]] SecretKey backup_seed() const;

private:
  explicit RecoveryKey(SecretKey bytes) : bytes_(std::move(bytes)) {}
  SecretKey bytes_;
};

// ---- key list ----

using ServerId = FixedBytes<16, struct ServerIdTag>;

enum class ServerKeyPurpose : std::uint8_t { log = 1, sealing = 2, courier = 3, backup = 4 };

struct ServerKey {
  static constexpr std::uint64_t not_revoked = ~std::uint64_t{0};

  KeyId id;
  PublicKey public_key;  // for courier and backup: X25519
  ServerKeyPurpose purpose = ServerKeyPurpose::log;
  std::int64_t from_ms = 0;
  std::int64_t retired_ms = 0;                // zero: in use. A retired key's old statements count
  std::uint64_t revoked_as_of = not_revoked;  // its statements count only below this tree size

  /// Whether what this key states about a log of that size counts.
  [[nodiscard]] bool counts_at(std::uint64_t tree_size) const { return tree_size < revoked_as_of; }
  bool operator==(const ServerKey&) const = default;
};

/// Signed by a root of the list before it. Nothing expires by date: past `refresh_by_ms` both sides warn.
struct KeyList {
  static constexpr Tag tag{"TRN1-KL\0", 8};
  static constexpr std::size_t roots_max = 8;
  static constexpr std::size_t keys_max = 1000;

  std::uint64_t version = 1;
  ServerId server;
  std::int64_t refresh_by_ms = 0;
  std::vector<PublicKey> next_roots;  // who may sign the next list; at least one
  std::vector<ServerKey> keys;

  /// Nothing when the list has no such key for that purpose, or has revoked it outright (as of 0).
  [[nodiscard]] const ServerKey* find(const KeyId& id, ServerKeyPurpose purpose) const;
  /// The newest key in use for a purpose.
  [[nodiscard]] const ServerKey* current(ServerKeyPurpose purpose) const;

  void write(ByteWriter& writer) const;
  static KeyList read(ByteReader& reader);
  bool operator==(const KeyList&) const = default;
};

inline constexpr std::uint64_t key_list_jump_max = 1000;

/// The first list a device sees: signed by one of the roots it is about to pin.
Result<Signed<KeyList>> open_first_key_list(ByteView wire, const std::vector<PublicKey>& pinned_roots);
/// A list offered to someone who holds one: same server, signed by a root of the newest list held, a higher version,
/// and not more than key_list_jump_max higher. `key_unknown`, `signature_invalid`, `verification_failed` (field
/// "version" or "server").
Result<Signed<KeyList>> open_next_key_list(ByteView wire, const KeyList& held);

}  // namespace tern::protocol
