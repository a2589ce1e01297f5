// Encryption to a key whose secret half is elsewhere: single messages, and streams of any length for backups.
#pragma once

#include <functional>

#include "tern/protocol/crypto.hpp"

namespace tern::protocol {

/// An X25519 pair from a seed (the backup key from the recovery key, the courier key from its file).
class BoxKey {
public:
  static BoxKey from_seed(const SecretKey& seed);
  static BoxKey generate(Environment& environment);

  [[nodiscard]] const ExchangePublicKey& public_key() const { return public_key_; }
  /// Opens what `seal_to` made for this key. `verification_failed` otherwise.
  [[nodiscard]] Result<Bytes> open(ByteView box) const;

private:
  BoxKey() = default;
  SecretKey secret_;
  ExchangePublicKey public_key_;
};

/// The construction of crypto_box_seal, with the ephemeral key from `environment`.
Result<Bytes> seal_to(const ExchangePublicKey& key, ByteView message, Environment& environment);

/// Gives the next piece of the input, at most `bytes_max`; empty at the end.
using StreamSource = std::function<Result<Bytes>(std::size_t bytes_max)>;
using StreamSink = std::function<Result<void>(ByteView)>;

inline constexpr std::size_t stream_chunk_bytes = 64 * 1024;

/// Encrypts a stream to `key`: 8 bytes "TRN1-BK\0", a sealed file key, then secretstream chunks of 64 KiB, the last one
/// marked final. `context` (what the stream is) is bound to the first chunk. Memory: two chunks.
Result<void> encrypt_stream(const ExchangePublicKey& key, ByteView context, const StreamSource& source,
                            const StreamSink& sink, Environment& environment);
/// Gives plain chunks to `sink` only after each was authenticated. A stream that is cut, reordered, goes on behind its
/// end, or is for another key or context is `verification_failed`: whatever the sink got before is then worthless.
Result<void> decrypt_stream(const BoxKey& key, ByteView context, const StreamSource& source, const StreamSink& sink);

}  // namespace tern::protocol
