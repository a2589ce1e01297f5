#include "one_line.hpp"

#include <algorithm>

namespace tern::server {

bool is_one_line(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const unsigned c = at(i);
    if (c < 0x20 || c == 0x7F) return false;
    if (c == 0xC2 && at(i + 1) >= 0x80 && at(i + 1) < 0xA0) return false;  // C1
    if (c != 0xE2) continue;
    const unsigned middle = at(i + 1), last = at(i + 2);
    if (middle == 0x80 && last >= 0xA8 && last <= 0xAE) return false;  // U+2028 to U+202E
    if (middle == 0x81 && last >= 0xA6 && last <= 0xA9) return false;  // U+2066 to U+2069
  }
  return true;
}

bool is_blank(std::string_view text) {
  // Space, U+00A0, U+00AD, U+061C, U+1680, U+2000 to U+200F, U+202F, U+205F to U+2064, U+2800, U+3000, U+FEFF.
  constexpr std::string_view unseen[] = {
      " ",           "\xC2\xA0", "\xC2\xAD", "\xD8\x9C", "\xE1\x9A\x80", "\xE2\x80\xAF", "\xE2\xA0\x80", "\xE3\x80\x80",
      "\xEF\xBB\xBF"};
  while (!text.empty()) {
    const auto found = std::ranges::find_if(unseen, [&](std::string_view mark) { return text.starts_with(mark); });
    const auto last = text.size() < 3 ? 0U : static_cast<unsigned char>(text[2]);
    const bool general = (text.starts_with("\xE2\x80") && last >= 0x80 && last <= 0x8F) ||
                         (text.starts_with("\xE2\x81") && last >= 0x9F && last <= 0xA4);
    if (found == std::end(unseen) && !general) return false;
    text.remove_prefix(general ? 3 : found->size());
  }
  return true;
}

Result<void> check_one_line(std::string_view text, std::string_view what, std::string_view field) {
  if (is_one_line(text)) return {};
  return fail(ErrorCode::invalid, "A " + std::string(what) + " holds no control characters and no line ends.",
              "Write it without them.", std::string(field));
}

}  // namespace tern::server
