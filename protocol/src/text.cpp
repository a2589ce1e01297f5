#include "tern/protocol/text.hpp"

#include <utf8proc.h>
#include <algorithm>
#include <cstdlib>
#include <memory>

namespace tern::protocol {
namespace {

struct FreeText {
  void operator()(utf8proc_uint8_t* text) const { std::free(text); }
};

/// Normalising sorts the marks on one base character in quadratic time; no script needs this many.
constexpr int marks_in_a_row_max = 64;

tl::unexpected<Error> not_text() {
  return fail(ErrorCode::invalid, "this is no UTF-8 text", {}, {});
}

/// What lies below U+0300 is in form C whatever stands around it. 0xCC opens U+0300.
bool is_trivially_normal(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0xcc;
  });
}

bool has_too_many_marks(std::string_view text) {
  int in_a_row = 0;
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t code_point = 0;
    const utf8proc_ssize_t length = utf8proc_iterate(at, left, &code_point);
    if (length <= 0) return true;
    const bool is_mark = utf8proc_get_property(code_point)->combining_class != 0;
    in_a_row = is_mark ? in_a_row + 1 : 0;
    if (in_a_row > marks_in_a_row_max) return true;
    at += length;
    left -= length;
  }
  return false;
}

}  // namespace

Result<std::string> normalise_nfc(std::string_view text) {
  if (!is_valid_utf8(text)) return not_text();
  if (is_trivially_normal(text)) return std::string(text);
  if (has_too_many_marks(text)) {
    return fail(ErrorCode::invalid, "this text has too many marks on one letter", {}, {});
  }
  utf8proc_uint8_t* raw = nullptr;
  constexpr auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  const utf8proc_ssize_t size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                             static_cast<utf8proc_ssize_t>(text.size()), &raw, options);
  const std::unique_ptr<utf8proc_uint8_t, FreeText> owner(raw);
  if (size < 0) return not_text();
  return std::string(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(size));
}

std::string fold_case(std::string_view text) {
  if (has_too_many_marks(text)) return std::string(text);
  utf8proc_uint8_t* raw = nullptr;
  constexpr auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
  const utf8proc_ssize_t size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                             static_cast<utf8proc_ssize_t>(text.size()), &raw, options);
  const std::unique_ptr<utf8proc_uint8_t, FreeText> owner(raw);
  return size < 0 ? std::string(text) : std::string(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(size));
}

bool is_nfc(std::string_view text) {
  const Result<std::string> normal = normalise_nfc(text);
  return normal && *normal == text;
}

Result<void> check_text(std::string_view text, std::size_t bytes_max, std::string_view field) {
  if (text.size() > bytes_max) {
    return fail(ErrorCode::too_large, "a text is longer than " + std::to_string(bytes_max) + " bytes", {},
                std::string(field));
  }
  if (!is_nfc(text)) {
    return fail(ErrorCode::invalid, "a text must be UTF-8 in normal form C without NUL", {}, std::string(field));
  }
  return {};
}

}  // namespace tern::protocol
