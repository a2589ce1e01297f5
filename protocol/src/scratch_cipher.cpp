#include "tern/protocol/scratch_cipher.hpp"

#include <sodium.h>

#include "raw.hpp"

namespace tern::protocol {
namespace {

constexpr std::uint64_t block_bytes = 64;
static_assert(crypto_stream_xchacha20_KEYBYTES == 32);

}  // namespace

void ScratchCipher::apply(std::uint64_t offset, Bytes& bytes) const {
  const unsigned char nonce[crypto_stream_xchacha20_NONCEBYTES] = {};  // the key is for one file
  const auto into_block = static_cast<std::size_t>(offset % block_bytes);
  bytes.insert(0, into_block, '\0');
  check(crypto_stream_xchacha20_xor_ic(raw(bytes), raw(ByteView(bytes)), bytes.size(), nonce, offset / block_bytes,
                                       raw(key_.view())) == 0,
        "xchacha20");
  bytes.erase(0, into_block);
}

}  // namespace tern::protocol
