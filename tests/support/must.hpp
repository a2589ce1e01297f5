// For what a test takes for granted: the value, or the end of the test with what went wrong.
#pragma once

#include "support/catch.hpp"
#include "tern/protocol/error.hpp"

namespace tern::test {

template <typename T>
T must(Result<T> result) {
  if (!result)
    FAIL(to_string(result.error().code) << ": " << result.error().message << " (" << result.error().field << ")");
  return std::move(*result);
}
inline void must(Result<void> result) {
  if (!result)
    FAIL(to_string(result.error().code) << ": " << result.error().message << " (" << result.error().field << ")");
}

}  // namespace tern::test
