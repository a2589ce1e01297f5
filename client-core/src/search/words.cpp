#include "search/words.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace tern::client {
namespace {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 1;
};

/// Of valid UTF-8; a stray byte stands for itself.
CodePoint code_point_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(at);
  const std::size_t bytes = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (bytes == 1 || at + bytes > text.size()) return {first, 1};
  std::uint32_t value = first & (0xffU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) value = (value << 6) | (byte(at + i) & 0x3fU);
  return {value, bytes};
}

void append(std::string& out, std::uint32_t code_point) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0 | code_point >> 6);
    put(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    put(0xe0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  } else {
    put(0xf0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3f));
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  }
}

struct Range {
  std::uint32_t from, to;
};
/// Beyond ASCII: punctuation, symbols and spaces that stand between words.
constexpr Range separators[] = {
    {0x80, 0xa9},     {0xab, 0xb1},     {0xb4, 0xb4},     {0xb6, 0xb8},      {0xbb, 0xbb},     {0xbf, 0xbf},
    {0xd7, 0xd7},     {0xf7, 0xf7},     {0x2c2, 0x2c5},   {0x37e, 0x37e},    {0x387, 0x387},   {0x55a, 0x55f},
    {0x589, 0x58a},   {0x5be, 0x5be},   {0x60c, 0x60d},   {0x61b, 0x61f},    {0x66a, 0x66d},   {0x6d4, 0x6d4},
    {0x964, 0x965},   {0x1680, 0x1680}, {0x2000, 0x206f}, {0x207a, 0x207e},  {0x208a, 0x208e}, {0x20a0, 0x20cf},
    {0x2100, 0x2101}, {0x2103, 0x2106}, {0x2190, 0x245f}, {0x2500, 0x2775},  {0x2794, 0x2bff}, {0x2e00, 0x2e7f},
    {0x3000, 0x3004}, {0x3008, 0x3020}, {0x3030, 0x3030}, {0xfe10, 0xfe6f},  {0xff01, 0xff0f}, {0xff1a, 0xff20},
    {0xff3b, 0xff40}, {0xff5b, 0xff65}, {0xffe0, 0xfffd}, {0x1f000, 0x1faff}};

bool separates(std::uint32_t c) {
  if (c < 0x80) return !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
  return std::ranges::any_of(separators, [c](const Range& range) { return c >= range.from && c <= range.to; });
}

std::uint32_t lower(std::uint32_t c) {
  if (c >= 'A' && c <= 'Z') return c + 32;
  if (c >= 0xc0 && c <= 0xde && c != 0xd7) return c + 32;  // Latin-1
  if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177)) return c | 1;
  if (c >= 0x139 && c <= 0x148) return c + (c & 1);
  if (c == 0x178) return 0xff;
  if (c >= 0x179 && c <= 0x17e) return c + (c & 1);
  if (c >= 0x391 && c <= 0x3a9 && c != 0x3a2) return c + 32;  // Greek
  if (c >= 0x410 && c <= 0x42f) return c + 32;                // Cyrillic
  if (c >= 0x400 && c <= 0x40f) return c + 80;
  if (c >= 0x460 && c <= 0x4ff && c < 0x4c0) return c | 1;
  return c;
}

}  // namespace

std::vector<std::string> words_in(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  const auto flush = [&] {
    if (!word.empty()) words.push_back(std::exchange(word, {}));
  };
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    if (separates(c.value)) {
      flush();
    } else {
      word.append(text, at, c.bytes);
    }
    at += c.bytes;
  }
  flush();
  return words;
}

std::vector<std::string> search_terms(std::string_view text) {
  std::vector<std::string> words = words_in(text);
  if (words.size() > search_words_max) words.resize(search_words_max);
  std::vector<std::string> terms;
  for (std::size_t i = 0; i < words.size(); ++i) {
    terms.push_back("\"" + words[i] + (i + 1 == words.size() ? "\"*" : "\""));
  }
  return terms;
}

std::string fold_case(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    append(out, lower(c.value));
    at += c.bytes;
  }
  return out;
}

}  // namespace tern::client
