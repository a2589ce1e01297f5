// What the checks of a change share: how they say no, and what a digit is.
#pragma once

#include <string>
#include <string_view>

#include "tern/protocol/error.hpp"

namespace tern::sync {

/// `why` follows the field's name: "is required".
inline tl::unexpected<Error> refuse(std::string_view field, std::string_view why) {
  return fail(ErrorCode::invalid, std::string(field) + " " + std::string(why), {}, std::string(field));
}

inline tl::unexpected<Error> malformed(std::string_view field) {
  return fail(ErrorCode::malformed, "The change is damaged: " + std::string(field) + " does not have its form.", {},
              std::string(field));
}

inline bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace tern::sync
