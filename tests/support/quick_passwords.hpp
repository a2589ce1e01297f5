// Passwords that are hashed at the least cost. Whoever links quick_passwords.cpp has them in place of the library's:
// what a password really costs would be a third of the time of the server's tests.
#pragma once

#include <cstddef>

namespace tern::test {

struct PasswordCost {
  unsigned long long passes = 0;
  std::size_t memory_bytes = 0;
};

/// What the newest hash was to cost, had the library made it.
PasswordCost password_cost_asked();

}  // namespace tern::test
