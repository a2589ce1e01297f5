// Known secrets, looked for in what came out, however they are written there.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tern/protocol/bytes.hpp"

namespace tern::test {

/// A secret is found as it is, in hex, in base 64 and base 32 of either kind, in groups of four, and inside of what is
/// base 64 itself. One of less than eight bytes would be found everywhere: it is not looked for.
class SecretSearch {
public:
  static constexpr std::size_t bytes_min = 8;

  /// Gives its number, by which it is found; the one before of a value that is known already.
  std::size_t add(const std::string& value) {
    const auto [known, fresh] = numbers_.try_emplace(value, values_.size());
    if (!fresh) return known->second;
    values_.push_back(value);
    const std::string sixty_four = in_bits(value, 6, base64), sixty_four_url = in_bits(value, 6, base64url),
                      thirty_two = in_bits(value, 5, base32), crockford = in_bits(value, 5, crockford32);
    std::string upper = to_hex(value);
    for (char& c : upper) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
    for (const std::string& form :
         {value, to_hex(value), upper, sixty_four, sixty_four_url, thirty_two, crockford, grouped(crockford)})
      if (form.size() >= bytes_min) {
        forms_[head_of(form)].push_back({form, values_.size() - 1});
        heads_[place_of(head_of(form))] = 1;
      }
    return values_.size() - 1;
  }

  /// The numbers of those that stand in it.
  [[nodiscard]] std::set<std::size_t> in(std::string_view text) const {
    std::set<std::size_t> out;
    look(text, out);
    for (const std::string& inner : unpacked(text)) look(inner, out);
    return out;
  }
  [[nodiscard]] const std::string& value(std::size_t number) const { return values_[number]; }
  [[nodiscard]] std::size_t size() const { return values_.size(); }

private:
  struct Form {
    std::string text;
    std::size_t number = 0;
  };
  static constexpr std::string_view base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
                                    base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
                                    base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
                                    crockford32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  static constexpr std::size_t packed_chars_min = 16;

  static std::uint64_t head_of(std::string_view text) {
    std::uint64_t out = 0;
    std::memcpy(&out, text.data(), sizeof(out));
    return out;
  }
  /// Without padding and without a last digit that other bytes behind it would change.
  static std::string in_bits(std::string_view value, int digit_bits, std::string_view digits) {
    std::string out;
    std::uint32_t held = 0;
    int bits = 0;
    for (const char c : value) {
      held = held << 8 | static_cast<unsigned char>(c);
      for (bits += 8; bits >= digit_bits; bits -= digit_bits)
        out += digits[held >> (bits - digit_bits) & ((1U << digit_bits) - 1)];
    }
    return out;
  }
  static std::string grouped(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) out += (i > 0 && i % 4 == 0 ? "-" : "") + std::string(1, text[i]);
    return out;
  }
  // Plain loops: this looks at each byte of what worlds log and export, in builds that are not optimised too.
  void look(std::string_view text, std::set<std::size_t>& out) const {
    const char* const bytes = text.data();
    const unsigned char* const heads = heads_.data();
    for (std::size_t at = 0; at + bytes_min <= text.size(); ++at) {
      std::uint64_t head = 0;
      std::memcpy(&head, bytes + at, sizeof(head));
      if (heads[place_of(head)] == 0) continue;
      const auto forms = forms_.find(head);
      if (forms == forms_.end()) continue;
      for (const Form& form : forms->second)
        if (text.substr(at).starts_with(form.text)) out.insert(form.number);
    }
  }
  /// Where one byte says that there may be a form that begins so.
  static std::size_t place_of(std::uint64_t head) { return head * 0x9E3779B97F4A7C15u >> 48; }
  static std::array<signed char, 256> digits_of_base64() {
    std::array<signed char, 256> out{};
    out.fill(-1);
    for (const std::string_view kind : {base64, base64url})
      for (std::size_t i = 0; i < kind.size(); ++i)
        out[static_cast<unsigned char>(kind[i])] = static_cast<signed char>(i);
    return out;
  }
  /// What is base 64 in it.
  static std::vector<std::string> unpacked(std::string_view text) {
    static const std::array<signed char, 256> digits_of = digits_of_base64();
    const signed char* const digits = digits_of.data();
    const char* const bytes = text.data();
    const std::size_t size = text.size();
    std::vector<std::string> out;
    for (std::size_t at = 0, end = 0; at < size; at = end + 1) {
      for (end = at; end < size && digits[static_cast<unsigned char>(bytes[end])] >= 0;) ++end;
      if (end - at < packed_chars_min) continue;
      std::string inner((end - at) * 6 / 8, '\0');
      char* into = inner.data();
      std::uint32_t held = 0;
      int bits = 0;
      for (std::size_t i = at; i < end; ++i) {
        held = held << 6 | static_cast<std::uint32_t>(digits[static_cast<unsigned char>(bytes[i])]);
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        *into++ = static_cast<char>(held >> bits & 0xFF);
      }
      out.push_back(std::move(inner));
    }
    return out;
  }

  std::vector<std::string> values_;
  std::unordered_map<std::string, std::size_t> numbers_;
  std::unordered_map<std::uint64_t, std::vector<Form>> forms_;
  std::vector<unsigned char> heads_ = std::vector<unsigned char>(std::size_t{1} << 16);
};

}  // namespace tern::test
