// What an authenticator shows.
#pragma once

#include <cstdint>
#include <string>

namespace tern::test {

/// Of a secret as it was handed out, in base 32.
std::string authenticator_code(const std::string& secret, std::int64_t now_ms);

}  // namespace tern::test
