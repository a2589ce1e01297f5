#include "openssl/hmac_sha1.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "tern/protocol/error.hpp"

namespace tern::server {

Bytes hmac_sha1(ByteView key, ByteView message) {
  Bytes out(20, '\0');
  unsigned size = 0;
  const auto* made =
      HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(message.data()),
           message.size(), reinterpret_cast<unsigned char*>(out.data()), &size);
  check(made != nullptr && size == out.size(), "OpenSSL has SHA-1");
  return out;
}

}  // namespace tern::server
