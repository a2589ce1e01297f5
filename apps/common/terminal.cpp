#include "terminal.hpp"

namespace tern::apps {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

struct Letter {
  char32_t code = 0;
  std::size_t bytes = 1;
  bool good = false;
};

/// The letter that `text` begins with.
Letter first_letter(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t bytes = lead >= 0xF0 && lead < 0xF5   ? 4
                            : lead >= 0xE0 && lead < 0xF0 ? 3
                            : lead >= 0xC2 && lead < 0xE0 ? 2
                                                          : 0;
  if (bytes == 0 || text.size() < bytes) return {};
  char32_t code = lead & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((at(i) & 0xC0) != 0x80) return {};
    code = (code << 6) | (at(i) & 0x3FU);
  }
  const bool too_long = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  const bool no_letter = (code >= 0xD800 && code < 0xE000) || code > 0x10FFFF;
  if (too_long || no_letter) return {};
  return {code, bytes, true};
}

bool commands_terminal(char32_t c) {
  if (c < 0x20 || (c >= 0x7F && c < 0xA0)) return true;
  const bool line_end = c == 0x2028 || c == 0x2029;
  const bool turns =
      c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
  return line_end || turns;
}

}  // namespace

std::string safe(std::string_view text, Lines lines) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Letter letter = first_letter(text);
    const std::string_view bytes = text.substr(0, letter.bytes);
    if (letter.good && letter.code == '\n' && lines == Lines::kept)
      out += '\n';
    else if (letter.good && (letter.code == '\n' || letter.code == '\r' || letter.code == '\t'))
      out += ' ';
    else
      out += letter.good && !commands_terminal(letter.code) ? bytes : replacement;
    text.remove_prefix(letter.bytes);
  }
  return out;
}

}  // namespace tern::apps
