// Bytes as libsodium takes them.
#pragma once

#include "tern/protocol/bytes.hpp"

namespace tern::protocol {

inline const unsigned char* raw(ByteView bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
inline unsigned char* raw(Bytes& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

}  // namespace tern::protocol
