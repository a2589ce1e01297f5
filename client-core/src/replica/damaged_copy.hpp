// Errors that say: it is this device's copy that is damaged, and can be had again.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "tern/protocol/error.hpp"

namespace tern::client {

inline constexpr std::string_view field_copy = "copy";  // Error::field of these

inline tl::unexpected<Error> damaged_copy(std::string_view what) {
  return fail(ErrorCode::corrupt, "the replica of this device holds " + std::string(what) + " that cannot be read", {},
              std::string(field_copy));
}

/// A row of the copy that was read back: what does not decode is damage, whatever the decoder calls it.
template <typename T>
Result<T> of_copy(Result<T> decoded) {
  if (!decoded) decoded.error() = {ErrorCode::corrupt, std::move(decoded.error().message), {}, std::string(field_copy)};
  return decoded;
}

}  // namespace tern::client
