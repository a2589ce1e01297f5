#include "tern/protocol/key_wrap.hpp"

#include <sodium.h>

#include "raw.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/wire.hpp"

namespace tern::protocol {
namespace {

constexpr Tag tag_wrapped{"TRN1-KW\0", 8};
constexpr std::uint8_t wrap_version = 1;
constexpr std::uint32_t passes_max = 4;
constexpr std::uint64_t memory_bytes_min = 8 * limits::mib;
constexpr std::uint64_t memory_bytes_max = 256 * limits::mib;
constexpr std::size_t box_bytes = 32 + crypto_aead_xchacha20poly1305_ietf_ABYTES;

using WrapNonce = FixedBytes<crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, struct WrapNonceTag>;
static_assert(Salt::size_bytes == crypto_pwhash_SALTBYTES);
static_assert(crypto_pwhash_OPSLIMIT_INTERACTIVE <= passes_max);
static_assert(crypto_pwhash_MEMLIMIT_INTERACTIVE <= memory_bytes_max);

struct WrapHeader {
  std::uint32_t passes = crypto_pwhash_OPSLIMIT_INTERACTIVE;
  std::uint64_t memory_bytes = crypto_pwhash_MEMLIMIT_INTERACTIVE;
  Salt salt;
  WrapNonce nonce;
};

constexpr std::size_t header_bytes = 8 + 1 + 4 + 8 + 16 + 24;

Bytes encode(const WrapHeader& header) {
  ByteWriter writer;
  writer.raw(tag_wrapped).u8(wrap_version).u32(header.passes).u64(header.memory_bytes);
  writer.id(header.salt).id(header.nonce);
  return writer.take();
}

WrapHeader read_header(ByteReader& reader) {
  reader.tag(tag_wrapped);
  reader.version(wrap_version);
  WrapHeader header;
  header.passes = reader.u32("passes");
  header.memory_bytes = reader.u64("memory_bytes");
  if (header.passes < 1 || header.passes > passes_max || header.memory_bytes < memory_bytes_min ||
      header.memory_bytes > memory_bytes_max) {
    reader.refuse(ErrorCode::corrupt, "parameters", "a wrapped key asks for more work than is allowed");
  }
  header.salt = reader.id<Salt>("salt");
  header.nonce = reader.id<WrapNonce>("nonce");
  return header;
}

Result<SecretKey> stretch(const WrapHeader& header, std::string_view passphrase) {
  SecretKey out;
  if (crypto_pwhash(out.data(), 32, passphrase.data(), passphrase.size(), header.salt.data(), header.passes,
                    static_cast<std::size_t>(header.memory_bytes), crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return fail(ErrorCode::internal, "there is not enough memory to open a key", "close other programs", {});
  }
  return out;
}

}  // namespace

Result<Bytes> wrap_key(const SecretKey& key, std::string_view passphrase, ByteView public_fields,
                       Environment& environment) {
  WrapHeader header;
  header.salt = random_id<Salt>(environment);
  header.nonce = random_id<WrapNonce>(environment);
  TERN_TRY(const SecretKey wrapping, stretch(header, passphrase));
  Bytes out = encode(header);
  const Bytes additional = out + Bytes(public_fields);
  std::array<unsigned char, box_bytes> box{};
  const int rc =
      crypto_aead_xchacha20poly1305_ietf_encrypt(box.data(), nullptr, key.data(), 32, raw(additional),
                                                 additional.size(), nullptr, header.nonce.data(), wrapping.data());
  check(rc == 0, "aead");
  out.append(reinterpret_cast<const char*>(box.data()), box.size());
  return out;
}

Result<SecretKey> unwrap_key(ByteView wrapped, std::string_view passphrase, ByteView public_fields) {
  ByteReader reader(wrapped);
  const WrapHeader header = read_header(reader);
  const ByteView box = reader.raw(box_bytes, "box");
  if (Result<void> read = reader.finish(); !read) {
    return fail(ErrorCode::corrupt, "a stored key is damaged: " + read.error().message, "restore it from a backup",
                read.error().field);
  }
  TERN_TRY(const SecretKey wrapping, stretch(header, passphrase));
  const Bytes additional = Bytes(wrapped.substr(0, header_bytes)) + Bytes(public_fields);
  SecretKey out;
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(out.data(), nullptr, nullptr, raw(box), box.size(), raw(additional),
                                                 additional.size(), header.nonce.data(), wrapping.data()) != 0) {
    return fail(ErrorCode::locked, "the passphrase does not open this key", {}, "passphrase");
  }
  return out;
}

Result<std::string> hash_password(std::string_view password) {
  std::array<char, crypto_pwhash_STRBYTES> out{};
  if (crypto_pwhash_str(out.data(), password.data(), password.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                        crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
    return fail(ErrorCode::internal, "there is not enough memory to store a password", "close other programs", {});
  }
  return std::string(out.data());
}

bool verify_password(std::string_view stored, std::string_view password) {
  std::array<char, crypto_pwhash_STRBYTES> text{};  // the library reads a fixed, zero-filled field
  if (stored.size() >= text.size()) return false;
  std::memcpy(text.data(), stored.data(), stored.size());
  return crypto_pwhash_str_verify(text.data(), password.data(), password.size()) == 0;
}

}  // namespace tern::protocol
