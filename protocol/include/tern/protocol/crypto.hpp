// Hashes, MACs, signatures and key agreement: the only door to libsodium for the whole project.
//
// H(p, m) is BLAKE2b-256 with ASCII p as its personalisation, zero salt, no key. docs/protocol.md lists every p.
#pragma once

#include <array>
#include <memory>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/environment.hpp"
#include "tern/protocol/error.hpp"

namespace tern::protocol {

using PublicKey = FixedBytes<32, struct PublicKeyTag>;            // Ed25519
using ExchangePublicKey = FixedBytes<32, struct ExchangeKeyTag>;  // X25519
using Mac = FixedBytes<32, struct MacTag>;                        // HMAC-SHA-256

/// Once in each process, before anything else of this header. Harmless when repeated, from any thread.
Result<void> init_crypto();

/// Overwrites memory that held a secret; never optimised away.
void wipe(void* bytes, std::size_t size_bytes);
void wipe(Bytes& secret);
/// Takes the same time wherever the two differ. Different lengths are unequal.
[[nodiscard]] bool equal_secret(ByteView a, ByteView b);

/// N secret bytes inside their owner; wiped when it goes and when they are moved from. Not copied by accident: `clone`.
template <std::size_t N>
class SecretBytes {
public:
  SecretBytes() = default;
  /// A view of another length than N is a bug.
  static SecretBytes from(ByteView raw) {
    check(raw.size() == N, "secret length");
    SecretBytes out;
    std::memcpy(out.bytes_.data(), raw.data(), N);
    return out;
  }
  static SecretBytes random(Environment& environment) {
    SecretBytes out;
    environment.random(out.bytes_.data(), N);
    return out;
  }
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  SecretBytes(SecretBytes&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_.data(), N); }
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      wipe(other.bytes_.data(), N);
    }
    return *this;
  }
  ~SecretBytes() { wipe(bytes_.data(), N); }

  [[nodiscard]] SecretBytes clone() const { return from(view()); }
  [[nodiscard]] ByteView view() const { return {reinterpret_cast<const char*>(bytes_.data()), N}; }
  [[nodiscard]] std::uint8_t* data() { return bytes_.data(); }
  [[nodiscard]] const std::uint8_t* data() const { return bytes_.data(); }

private:
  std::array<std::uint8_t, N> bytes_{};
};

using SecretKey = SecretBytes<32>;

/// 32 secret bytes on pages of their own that are kept out of swap and core dumps where the system allows it, between
/// guard pages. For the few keys that live as long as the process.
class LockedKey {
public:
  explicit LockedKey(const SecretKey& key);
  LockedKey(LockedKey&& other) noexcept = default;
  LockedKey& operator=(LockedKey&& other) noexcept = default;

  [[nodiscard]] ByteView view() const;
  [[nodiscard]] SecretKey copy() const { return SecretKey::from(view()); }

private:
  struct Free {
    void operator()(std::uint8_t* bytes) const;
  };
  std::unique_ptr<std::uint8_t[], Free> bytes_;
};

// ---- hashes ----

/// H(p, m). `personal` is at most 16 ASCII bytes.
Hash hash(std::string_view personal, ByteView message);
/// The same under a 32-byte key.
Hash keyed_hash(std::string_view personal, ByteView key, ByteView message);

/// H(p, m1 || m2 || ...) without putting the parts together.
class Hasher {
public:
  explicit Hasher(std::string_view personal);
  Hasher& add(ByteView part);
  /// Once.
  Hash finish();

private:
  alignas(64) std::array<std::uint8_t, 384> state_;
};

Hash sha256(ByteView message);

class Sha256 {
public:
  Sha256();
  Sha256& add(ByteView part);
  Hash finish();

private:
  alignas(8) std::array<std::uint8_t, 104> state_;
};

Mac hmac_sha256(ByteView key, ByteView message);
/// Compares in constant time.
[[nodiscard]] bool verify_hmac_sha256(ByteView key, ByteView message, const Mac& mac);

/// Subkey `id` of `master` for an 8-character context.
SecretKey derive_key(const SecretKey& master, std::uint64_t id, std::string_view context);

/// SipHash-2-4 under a 16-byte key: the checksum on stored rows. Finds bit rot, proves nothing about people.
std::uint64_t row_checksum(ByteView key, ByteView row);

// ---- signatures ----

/// First 16 bytes of H("TRN1-KEYID", public key).
KeyId key_id(const PublicKey& key);
/// The root's name in certificates and handshakes is the key id of its public key.
using RootId = KeyId;

/// An Ed25519 key that signs. Its secret lives on locked pages and leaves only through `seed`.
class SigningKey {
public:
  static SigningKey generate(Environment& environment);
  static SigningKey from_seed(const SecretKey& seed);

  [[nodiscard]] const PublicKey& public_key() const { return public_key_; }
  [[nodiscard]] const KeyId& id() const { return id_; }
  /// `message` begins with the tag of its purpose: every caller signs through one of this module's messages.
  [[nodiscard]] Signature sign(ByteView message) const;
  /// To be stored, wrapped.
  [[nodiscard]] SecretKey seed() const { return seed_.copy(); }

private:
  SigningKey(LockedKey seed, const PublicKey& public_key);

  LockedKey seed_;
  PublicKey public_key_;
  KeyId id_;
};

[[nodiscard]] bool verify_signature(const PublicKey& key, ByteView message, const Signature& signature);

// ---- key agreement ----

/// `up`: what the device sends; `down`: what the server sends.
struct AgreedKeys {
  SecretKey up;
  SecretKey down;
};

/// One fresh X25519 pair for one handshake.
class EphemeralKey {
public:
  static EphemeralKey generate(Environment& environment);

  [[nodiscard]] const ExchangePublicKey& public_key() const { return public_key_; }
  /// `verification_failed` when the other side's key is not fit for agreement (small order).
  [[nodiscard]] Result<AgreedKeys> agree_as_device(const ExchangePublicKey& server) const;
  [[nodiscard]] Result<AgreedKeys> agree_as_server(const ExchangePublicKey& device) const;

private:
  EphemeralKey() = default;

  SecretKey secret_;
  ExchangePublicKey public_key_;
};

}  // namespace tern::protocol
