#include "tern/protocol/crypto.hpp"

#include <sodium.h>

#include "raw.hpp"

namespace tern::protocol {
namespace {

/// p, padded with zeros to what BLAKE2b takes.
std::array<unsigned char, crypto_generichash_blake2b_PERSONALBYTES> padded(std::string_view personal) {
  std::array<unsigned char, crypto_generichash_blake2b_PERSONALBYTES> out{};
  check(personal.size() <= out.size(), "personalisation length");
  std::memcpy(out.data(), personal.data(), personal.size());
  return out;
}

Hash blake2b(std::string_view personal, ByteView key, ByteView message) {
  Hash out;
  const auto person = padded(personal);
  const int rc =
      crypto_generichash_blake2b_salt_personal(out.data(), Hash::size_bytes, raw(message), message.size(),
                                               key.empty() ? nullptr : raw(key), key.size(), nullptr, person.data());
  check(rc == 0, "blake2b");
  return out;
}

auto* state_of(std::array<std::uint8_t, 384>& state) {
  static_assert(sizeof(crypto_generichash_blake2b_state) == 384);
  return reinterpret_cast<crypto_generichash_blake2b_state*>(state.data());
}

auto* state_of(std::array<std::uint8_t, 104>& state) {
  static_assert(sizeof(crypto_hash_sha256_state) == 104);
  return reinterpret_cast<crypto_hash_sha256_state*>(state.data());
}

}  // namespace

Result<void> init_crypto() {
  if (sodium_init() < 0) return fail(ErrorCode::internal, "the cryptography library cannot start");
  return {};
}

void wipe(void* bytes, std::size_t size_bytes) {
  sodium_memzero(bytes, size_bytes);
}

void wipe(Bytes& secret) {
  wipe(secret.data(), secret.size());
  secret.clear();
}

bool equal_secret(ByteView a, ByteView b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

// ---- locked keys ----

void LockedKey::Free::operator()(std::uint8_t* bytes) const {
  sodium_free(bytes);
}

LockedKey::LockedKey(const SecretKey& key) : bytes_(static_cast<std::uint8_t*>(sodium_malloc(32))) {
  check(bytes_ != nullptr, "no memory for a key");
  std::memcpy(bytes_.get(), key.data(), 32);
}

ByteView LockedKey::view() const {
  return {reinterpret_cast<const char*>(bytes_.get()), 32};
}

// ---- hashes ----

Hash hash(std::string_view personal, ByteView message) {
  return blake2b(personal, {}, message);
}

Hash keyed_hash(std::string_view personal, ByteView key, ByteView message) {
  check(key.size() == 32, "key length");
  return blake2b(personal, key, message);
}

Hasher::Hasher(std::string_view personal) {
  const auto person = padded(personal);
  const int rc = crypto_generichash_blake2b_init_salt_personal(state_of(state_), nullptr, 0, Hash::size_bytes, nullptr,
                                                               person.data());
  check(rc == 0, "blake2b");
}

Hasher& Hasher::add(ByteView part) {
  check(crypto_generichash_blake2b_update(state_of(state_), raw(part), part.size()) == 0, "blake2b");
  return *this;
}

Hash Hasher::finish() {
  Hash out;
  check(crypto_generichash_blake2b_final(state_of(state_), out.data(), Hash::size_bytes) == 0, "blake2b");
  return out;
}

Hash sha256(ByteView message) {
  Hash out;
  check(crypto_hash_sha256(out.data(), raw(message), message.size()) == 0, "sha256");
  return out;
}

Sha256::Sha256() {
  check(crypto_hash_sha256_init(state_of(state_)) == 0, "sha256");
}

Sha256& Sha256::add(ByteView part) {
  check(crypto_hash_sha256_update(state_of(state_), raw(part), part.size()) == 0, "sha256");
  return *this;
}

Hash Sha256::finish() {
  Hash out;
  check(crypto_hash_sha256_final(state_of(state_), out.data()) == 0, "sha256");
  return out;
}

Mac hmac_sha256(ByteView key, ByteView message) {
  crypto_auth_hmacsha256_state state;
  Mac out;
  check(crypto_auth_hmacsha256_init(&state, raw(key), key.size()) == 0, "hmac");
  check(crypto_auth_hmacsha256_update(&state, raw(message), message.size()) == 0, "hmac");
  check(crypto_auth_hmacsha256_final(&state, out.data()) == 0, "hmac");
  sodium_memzero(&state, sizeof state);
  return out;
}

bool verify_hmac_sha256(ByteView key, ByteView message, const Mac& mac) {
  return equal_secret(hmac_sha256(key, message).view(), mac.view());
}

SecretKey derive_key(const SecretKey& master, std::uint64_t id, std::string_view context) {
  static_assert(crypto_kdf_KEYBYTES == 32);
  check(context.size() == crypto_kdf_CONTEXTBYTES, "kdf context length");
  SecretKey out;
  check(crypto_kdf_derive_from_key(out.data(), 32, id, context.data(), master.data()) == 0, "kdf");
  return out;
}

std::uint64_t row_checksum(ByteView key, ByteView row) {
  check(key.size() == crypto_shorthash_KEYBYTES, "key length");
  std::array<unsigned char, crypto_shorthash_BYTES> out{};
  check(crypto_shorthash(out.data(), raw(row), row.size(), raw(key)) == 0, "siphash");
  std::uint64_t value = 0;
  for (const unsigned char byte : out) value = value << 8 | byte;
  return value;
}

// ---- signatures ----

KeyId key_id(const PublicKey& key) {
  return KeyId::or_zero(hash("TRN1-KEYID", key.view()).view().substr(0, 16));
}

SigningKey::SigningKey(LockedKey seed, const PublicKey& public_key)
    : seed_(std::move(seed)), public_key_(public_key), id_(key_id(public_key)) {}

SigningKey SigningKey::generate(Environment& environment) {
  return from_seed(SecretKey::random(environment));
}

SigningKey SigningKey::from_seed(const SecretKey& seed) {
  PublicKey public_key;
  SecretBytes<crypto_sign_SECRETKEYBYTES> pair;
  check(crypto_sign_seed_keypair(public_key.data(), pair.data(), seed.data()) == 0, "ed25519 key");
  return SigningKey(LockedKey(seed), public_key);
}

Signature SigningKey::sign(ByteView message) const {
  // libsodium's secret key is the seed followed by the public key.
  SecretBytes<crypto_sign_SECRETKEYBYTES> pair;
  std::memcpy(pair.data(), seed_.view().data(), 32);
  std::memcpy(pair.data() + 32, public_key_.data(), 32);
  Signature out;
  check(crypto_sign_detached(out.data(), nullptr, raw(message), message.size(), pair.data()) == 0, "ed25519 sign");
  return out;
}

bool verify_signature(const PublicKey& key, ByteView message, const Signature& signature) {
  return crypto_sign_verify_detached(signature.data(), raw(message), message.size(), key.data()) == 0;
}

// ---- key agreement ----

EphemeralKey EphemeralKey::generate(Environment& environment) {
  static_assert(crypto_kx_SEEDBYTES == 32 && crypto_kx_SECRETKEYBYTES == 32);
  const SecretKey seed = SecretKey::random(environment);
  EphemeralKey out;
  check(crypto_kx_seed_keypair(out.public_key_.data(), out.secret_.data(), seed.data()) == 0, "x25519 key");
  return out;
}

Result<AgreedKeys> EphemeralKey::agree_as_device(const ExchangePublicKey& server) const {
  AgreedKeys out;
  if (crypto_kx_client_session_keys(out.down.data(), out.up.data(), public_key_.data(), secret_.data(),
                                    server.data()) != 0) {
    return fail(ErrorCode::verification_failed, "the server's handshake key is not fit for use", {}, "server_key");
  }
  return out;
}

Result<AgreedKeys> EphemeralKey::agree_as_server(const ExchangePublicKey& device) const {
  AgreedKeys out;
  if (crypto_kx_server_session_keys(out.up.data(), out.down.data(), public_key_.data(), secret_.data(),
                                    device.data()) != 0) {
    return fail(ErrorCode::verification_failed, "the device's handshake key is not fit for use", {}, "device_key");
  }
  return out;
}

}  // namespace tern::protocol
