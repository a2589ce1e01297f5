#include "support/quick_passwords.hpp"

#include <sodium.h>

#include <atomic>

namespace {

std::atomic<unsigned long long> passes_asked;
std::atomic<std::size_t> memory_asked;

}  // namespace

// The program's own function stands before the shared library's of the same name. What it gives says what it cost, so
// the library's check of it costs as little.
extern "C" int crypto_pwhash_str(char* out, const char* password, unsigned long long size, unsigned long long passes,
                                 std::size_t memory_bytes) {
  passes_asked = passes;
  memory_asked = memory_bytes;
  return crypto_pwhash_str_alg(out, password, size, crypto_pwhash_OPSLIMIT_MIN, crypto_pwhash_MEMLIMIT_MIN,
                               crypto_pwhash_ALG_ARGON2ID13);
}

tern::test::PasswordCost tern::test::password_cost_asked() {
  return {passes_asked, memory_asked};
}
