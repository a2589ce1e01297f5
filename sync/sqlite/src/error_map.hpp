// SQLite result codes in the words of tern::Error.
#pragma once

#include <string_view>

#include "tern/protocol/error.hpp"

namespace tern::sqlite {

/// `code` is an extended result code; `system_errno` tells a full disk from other I/O errors.
Error describe(int code, int system_errno, std::string_view file, std::string_view doing, std::string_view reason);

}  // namespace tern::sqlite
