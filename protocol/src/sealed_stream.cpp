#include "tern/protocol/sealed_stream.hpp"

#include <sodium.h>

#include "raw.hpp"
#include "tern/protocol/wire.hpp"

namespace tern::protocol {
namespace {

constexpr Tag tag_backup{"TRN1-BK\0", 8};
constexpr std::size_t file_key_box_bytes = crypto_box_SEALBYTES + 32;
constexpr std::size_t stream_header_bytes = crypto_secretstream_xchacha20poly1305_HEADERBYTES;
constexpr std::size_t chunk_overhead_bytes = crypto_secretstream_xchacha20poly1305_ABYTES;
static_assert(crypto_secretstream_xchacha20poly1305_KEYBYTES == 32);

using BoxNonce = FixedBytes<crypto_box_NONCEBYTES, struct BoxNonceTag>;
using StreamHeader = FixedBytes<stream_header_bytes, struct StreamHeaderTag>;
using StreamState = crypto_secretstream_xchacha20poly1305_state;

/// The nonce that crypto_box_seal derives: BLAKE2b-192 of both public keys.
BoxNonce seal_nonce(const ExchangePublicKey& ephemeral, const ExchangePublicKey& recipient) {
  const Bytes keys = Bytes(ephemeral.view()) + Bytes(recipient.view());
  BoxNonce out;
  check(crypto_generichash(out.data(), BoxNonce::size_bytes, raw(keys), keys.size(), nullptr, 0) == 0, "blake2b");
  return out;
}

tl::unexpected<Error> damaged(std::string field) {
  return fail(ErrorCode::verification_failed, "an encrypted stream is damaged, cut, or for another key", {},
              std::move(field));
}

/// Exactly `size_bytes` unless the source ends before: sources may give less than asked for.
Result<Bytes> read_full(const StreamSource& source, std::size_t size_bytes) {
  Bytes out;
  while (out.size() < size_bytes) {
    TERN_TRY(const Bytes piece, source(size_bytes - out.size()));
    if (piece.empty()) break;
    out += piece;
  }
  check(out.size() <= size_bytes, "a source gave more than it was asked for");
  return out;
}

/// A state both for writing and for reading: libsodium's init_push differs from init_pull only in drawing the header
/// itself, and randomness is the environment's here.
StreamState start_stream(const SecretKey& key, const StreamHeader& header) {
  StreamState state;
  check(crypto_secretstream_xchacha20poly1305_init_pull(&state, header.data(), key.data()) == 0, "secretstream");
  return state;
}

Bytes push_chunk(StreamState& state, ByteView plain, ByteView context, bool last) {
  const unsigned char tag =
      last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
  Bytes out(plain.size() + chunk_overhead_bytes, '\0');
  check(crypto_secretstream_xchacha20poly1305_push(&state, raw(out), nullptr, raw(plain), plain.size(), raw(context),
                                                   context.size(), tag) == 0,
        "secretstream");
  return out;
}

struct PulledChunk {
  Bytes plain;
  bool last = false;
};

Result<PulledChunk> pull_chunk(StreamState& state, ByteView chunk, ByteView context) {
  if (chunk.size() < chunk_overhead_bytes) return damaged("chunk");
  PulledChunk out;
  out.plain.resize(chunk.size() - chunk_overhead_bytes);
  unsigned char tag = 0;
  if (crypto_secretstream_xchacha20poly1305_pull(&state, raw(out.plain), nullptr, &tag, raw(chunk), chunk.size(),
                                                 raw(context), context.size()) != 0) {
    return damaged("chunk");
  }
  out.last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
  return out;
}

}  // namespace

// ---- boxes ----

BoxKey BoxKey::from_seed(const SecretKey& seed) {
  static_assert(crypto_box_SEEDBYTES == 32 && crypto_box_SECRETKEYBYTES == 32);
  BoxKey out;
  check(crypto_box_seed_keypair(out.public_key_.data(), out.secret_.data(), seed.data()) == 0, "x25519 key");
  return out;
}

BoxKey BoxKey::generate(Environment& environment) {
  return from_seed(SecretKey::random(environment));
}

Result<Bytes> BoxKey::open(ByteView box) const {
  if (box.size() < crypto_box_SEALBYTES) return damaged("box");
  Bytes out(box.size() - crypto_box_SEALBYTES, '\0');
  if (crypto_box_seal_open(raw(out), raw(box), box.size(), public_key_.data(), secret_.data()) != 0) {
    return damaged("box");
  }
  return out;
}

Result<Bytes> seal_to(const ExchangePublicKey& key, ByteView message, Environment& environment) {
  const SecretKey seed = SecretKey::random(environment);
  ExchangePublicKey ephemeral;
  SecretKey secret;
  check(crypto_box_seed_keypair(ephemeral.data(), secret.data(), seed.data()) == 0, "x25519 key");
  Bytes out(ephemeral.view());
  out.resize(out.size() + crypto_box_MACBYTES + message.size());
  if (crypto_box_easy(raw(out) + ExchangePublicKey::size_bytes, raw(message), message.size(),
                      seal_nonce(ephemeral, key).data(), key.data(), secret.data()) != 0) {
    return fail(ErrorCode::verification_failed, "the public key to encrypt to is not fit for use", {}, "public_key");
  }
  return out;
}

// ---- streams ----

Result<void> encrypt_stream(const ExchangePublicKey& key, ByteView context, const StreamSource& source,
                            const StreamSink& sink, Environment& environment) {
  const SecretKey file_key = SecretKey::random(environment);
  TERN_TRY(const Bytes box, seal_to(key, file_key.view(), environment));
  const auto header = random_id<StreamHeader>(environment);
  TERN_CHECKED(sink(ByteWriter().raw(tag_backup).raw(box).id(header).take()));

  StreamState state = start_stream(file_key, header);
  TERN_TRY(Bytes chunk, read_full(source, stream_chunk_bytes));
  for (bool last = false; !last;) {
    // The last chunk says so, and is known as the last only once the source has nothing behind it.
    TERN_TRY(Bytes next, read_full(source, stream_chunk_bytes));
    last = next.empty();
    TERN_CHECKED(sink(push_chunk(state, chunk, context, last)));
    context = {};
    chunk = std::move(next);
  }
  wipe(&state, sizeof state);
  return {};
}

Result<void> decrypt_stream(const BoxKey& key, ByteView context, const StreamSource& source, const StreamSink& sink) {
  TERN_TRY(const Bytes head, read_full(source, tag_backup.size() + file_key_box_bytes + stream_header_bytes));
  ByteReader reader(head);
  reader.tag(tag_backup);
  const ByteView box = reader.raw(file_key_box_bytes, "file_key");
  const auto header = reader.id<StreamHeader>("stream_header");
  if (!reader.finish()) return damaged("head");
  TERN_TRY(Bytes file_key, key.open(box));
  StreamState state = start_stream(SecretKey::from(file_key), header);
  wipe(file_key);

  for (bool last = false; !last;) {
    TERN_TRY(const Bytes chunk, read_full(source, stream_chunk_bytes + chunk_overhead_bytes));
    TERN_TRY(PulledChunk pulled, pull_chunk(state, chunk, context));
    TERN_CHECKED(sink(pulled.plain));
    last = pulled.last;
    context = {};
  }
  wipe(&state, sizeof state);
  TERN_TRY(const Bytes behind, read_full(source, 1));
  if (!behind.empty()) return damaged("end");
  return {};
}

}  // namespace tern::protocol
