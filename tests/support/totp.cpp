#include "support/totp.hpp"

#include "access/second_factors.hpp"

namespace tern::test {

std::string authenticator_code(const std::string& secret, std::int64_t now_ms) {
  Bytes raw;
  unsigned held = 0, bits = 0;
  for (const char c : secret) {
    held = (held << 5) | static_cast<unsigned>(c >= 'A' ? c - 'A' : c - '2' + 26);
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    raw += static_cast<char>(held >> bits);
  }
  return server::code_of_step(raw, now_ms / server::code_step_ms);
}

}  // namespace tern::test
