#include "tern/protocol/crockford.hpp"

namespace tern::protocol {
namespace {

constexpr std::string_view alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

bool is_skipped(char c) {
  return c == '-' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// Value of a character as people write it; -1 for none.
int value_of(char c) {
  if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  if (c == 'O') c = '0';
  if (c == 'I' || c == 'L') c = '1';
  const std::size_t at = alphabet.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

}  // namespace

std::string crockford_encode(ByteView raw) {
  std::string out;
  std::uint32_t pending = 0;
  int bits = 0;
  for (const char c : raw) {
    pending = (pending << 8 | static_cast<unsigned char>(c)) & 0xffff;
    for (bits += 8; bits >= 5; bits -= 5) out.push_back(alphabet[pending >> (bits - 5) & 31]);
  }
  if (bits > 0) out.push_back(alphabet[pending << (5 - bits) & 31]);
  return out;
}

std::string crockford_groups(ByteView raw, std::size_t group) {
  const std::string plain = crockford_encode(raw);
  std::string out;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    if (i != 0 && i % group == 0) out.push_back('-');
    out.push_back(plain[i]);
  }
  return out;
}

std::optional<Bytes> crockford_decode(std::string_view text, std::size_t size_bytes) {
  Bytes out;
  std::size_t characters = 0;
  std::uint32_t pending = 0;
  int bits = 0;
  for (const char c : text) {
    if (is_skipped(c)) continue;
    const int value = value_of(c);
    if (value < 0 || ++characters > (size_bytes * 8 + 4) / 5) return std::nullopt;
    pending = (pending << 5 | static_cast<std::uint32_t>(value)) & 0xffff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<char>(pending >> bits & 0xff));
    }
  }
  const bool fill_is_zero = (pending & ((1u << bits) - 1)) == 0;
  if (characters != (size_bytes * 8 + 4) / 5 || !fill_is_zero) return std::nullopt;
  return out;
}

}  // namespace tern::protocol
