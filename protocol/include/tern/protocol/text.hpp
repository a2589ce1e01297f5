// What a text must be before it is signed: UTF-8, NFC, no NUL.
#pragma once

#include <string>
#include <string_view>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::protocol {

/// The text in Unicode normal form C. `invalid` when it is not well-formed UTF-8 or holds a NUL.
Result<std::string> normalise_nfc(std::string_view text);
/// True when `text` is well-formed, without NUL, and already in normal form C.
bool is_nfc(std::string_view text);

/// Without regard to case, for comparing; text that is none stays as it is.
std::string fold_case(std::string_view text);

/// As received, before it is stored: `invalid` with `field` unless it is_nfc; `too_large` above `bytes_max`.
Result<void> check_text(std::string_view text, std::size_t bytes_max, std::string_view field);

}  // namespace tern::protocol
