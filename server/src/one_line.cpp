#include "one_line.hpp"

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

Result<void> check_one_line(std::string_view text, std::string_view what, std::string_view field) {
  if (is_one_line(text)) return {};
  return fail(ErrorCode::invalid, "A " + std::string(what) + " holds no control characters and no line ends.",
              "Write it without them.", std::string(field));
}

}  // namespace tern::server
