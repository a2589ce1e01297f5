// What the tests of this room share: a deterministic environment, vectors from files, one device with its sets.
#pragma once

#include "support/catch.hpp"

#include <fstream>
#include <sstream>

#include "tern/protocol/change_set.hpp"
#include "tern/protocol/json.hpp"

namespace tern::protocol::test {

/// Randomness that is a function of its seed; a clock that stands.
class FixedEnvironment final : public Environment {
public:
  explicit FixedEnvironment(std::uint64_t seed = 1) : state_(seed) { check(init_crypto().has_value(), "crypto"); }
  std::int64_t wall_ms() override { return 1'700'000'000'000; }
  std::int64_t boot_ms() override { return 1'000; }
  BootId boot_id() override { return {}; }
  void random(void* into, std::size_t size_bytes) override {
    auto* bytes = static_cast<std::uint8_t*>(into);
    for (std::size_t i = 0; i < size_bytes; ++i) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      bytes[i] = static_cast<std::uint8_t>(state_ >> 56);
    }
  }

private:
  std::uint64_t state_;
};

template <typename Fixed>
Fixed filled(std::uint8_t byte) {
  Fixed out;
  out.bytes.fill(byte);
  return out;
}

inline const TenantId test_tenant = filled<TenantId>(0x11);
inline const DeviceId test_device = filled<DeviceId>(0x22);
inline const EpochId test_epoch = filled<EpochId>(0x0e);
inline const FixedEnvironment fixed_environment;  // its making readies the cryptography for every test

inline SigningKey key_of(char seed) {
  return SigningKey::from_seed(SecretKey::from(Bytes(32, seed)));
}
inline SigningKey log_key() {
  return key_of('L');
}

/// The value behind a Result that must be good.
template <typename T>
T good(Result<T> result) {
  if (!result)
    FAIL("refused: " << to_string(result.error().code) << " " << result.error().field << ": "
                     << result.error().message);
  return std::move(*result);
}

/// "CODE field" of a refusal, "good" otherwise: what most checks here are about.
template <typename T>
std::string outcome(const Result<T>& result) {
  if (result) return "good";
  const Error& error = result.error();
  return std::string(to_string(error.code)) + (error.field.empty() ? "" : " " + error.field);
}

inline Bytes flipped(Bytes bytes, std::size_t at, int bit = 0) {
  bytes.at(at) = static_cast<char>(bytes[at] ^ (1 << bit));
  return bytes;
}

inline Json vectors(const std::string& name) {
  std::ifstream file(std::string(TERN_TEST_DATA_DIR) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return good(parse_json(text.str()));
}

inline Bytes bytes_of(const Json& hex) {
  const std::optional<Bytes> raw = from_hex(hex.as_string());
  if (!raw) FAIL("a vector is no hex: " << hex.as_string());
  return *raw;
}

template <typename Fixed>
Fixed id_of(const Json& hex) {
  const std::optional<Fixed> id = Fixed::from(bytes_of(hex));
  if (!id) FAIL("a vector has another length");
  return *id;
}

/// One enrolled device, as a server knows it.
struct Device {
  TenantId tenant = filled<TenantId>(0x11);
  DeviceId device = filled<DeviceId>(0x22);
  OperatorId author = filled<OperatorId>(0x33);
  SigningKey key;

  explicit Device(std::uint8_t seed = 7) : key(SigningKey::from_seed(SecretKey::from(Bytes(32, char(seed))))) {}

  [[nodiscard]] ChangeSetHeader header() const {
    ChangeSetHeader header;
    header.tenant = tenant;
    header.device = device;
    header.author = author;
    header.prev_hash = genesis_prev_hash("certificate");
    header.wall_ms = 1'700'000'000'000;
    header.mono_ms = 123;
    header.boot = filled<BootId>(0x44);
    header.anchor_hash = filled<Hash>(0x45);
    header.seen_seq = 42;
    return header;
  }
  [[nodiscard]] ChangeSet sealed() const { return good(seal(header(), changes(), key)); }
  static std::vector<SealedChange> changes() {
    return {{"skeleton-1", filled<Salt>(0x60), "hello", {}}, {"skeleton-22", filled<Salt>(0x61), "world!", {}}};
  }
  [[nodiscard]] KeyRecord record() const {
    return {key.public_key(), suite_ed25519_blake2b, author, KeyState::active, KeyPurpose::device};
  }
  [[nodiscard]] VerifyContext context() const { return context_with({record()}); }
  /// The server holds these records under this device.
  [[nodiscard]] VerifyContext context_with(std::vector<KeyRecord> records) const {
    VerifyContext context;
    context.tenant = tenant;
    context.find_key = [t = tenant, d = device, records](const TenantId& of, const DeviceId& by,
                                                         const KeyId& id) -> std::optional<KeyRecord> {
      for (const KeyRecord& known : records) {
        if (of == t && by == d && id == key_id(known.public_key)) return known;
      }
      return std::nullopt;
    };
    return context;
  }
};

}  // namespace tern::protocol::test
