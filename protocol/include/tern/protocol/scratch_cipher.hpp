// Hides what a process puts aside on a disk for itself: XChaCha20 under a key that is in its memory alone.
#pragma once

#include <cstdint>

#include "tern/protocol/crypto.hpp"

namespace tern::protocol {

/// For one file that is written once, from its beginning on, and read at any place by the same process. Whoever finds
/// its blocks on the disk reads nothing in them; that nobody changes them meanwhile is not proved. One key, one file.
class ScratchCipher {
public:
  explicit ScratchCipher(const SecretKey& key) : key_(key) {}

  /// Bytes that stand at `offset` of the file: hidden from plain, plain from hidden.
  void apply(std::uint64_t offset, Bytes& bytes) const;

private:
  LockedKey key_;
};

}  // namespace tern::protocol
