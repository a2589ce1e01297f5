#include "person_words.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "tern/protocol/base64.hpp"
#include "tern/protocol/text.hpp"

namespace tern::server::admin {
namespace {

constexpr std::size_t plain_name_bytes_min = 4, name_bytes_min = 2;
constexpr std::size_t plain_digits_min = 7, digits_min = 5, start_digits = 4;
constexpr std::size_t address_bytes_min = 3;
constexpr std::size_t start_bytes = 4;
// Two deep: what is read of a text is some twenty times as long at most.
constexpr int encodings_deep_max = 2, messages_deep_max = 6;
constexpr std::size_t base64_letters_min = 8;  // what is shorter holds no name

// ---- letters ----

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_ascii_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80;
}

/// The character that begins at `at`, of text that is UTF-8.
char32_t character_at(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  const std::size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
  char32_t out = more == 0 ? first : first & (0x3FU >> more);
  for (std::size_t i = 1; i <= more && at + i < text.size(); ++i)
    out = out << 6U | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
  return out;
}

/// A letter or digit of a script that sets its words apart. Where a script does not, every letter may end a name.
bool is_word_character(char32_t c) {
  if (c < 0x80) return is_ascii_word(static_cast<char>(c));
  constexpr char32_t signs[] = {0xD7,  0xF7,  0x37E, 0x387, 0x589, 0x58A, 0x5BE, 0x5C0,
                                0x5C3, 0x60C, 0x61B, 0x61F, 0x66A, 0x6D4, 0x964, 0x965};
  if (std::ranges::find(signs, c) != std::end(signs)) return false;
  return (c >= 0xC0 && c < 0xE00) || (c >= 0x1E00 && c < 0x2000);
}

bool word_begins_at(std::string_view text, std::size_t at) {
  return at < text.size() && is_word_character(character_at(text, at));
}
bool word_ends_before(std::string_view text, std::size_t at) {
  if (at == 0) return false;
  do --at;
  while (at > 0 && continues(text[at]));
  return is_word_character(character_at(text, at));
}

bool is_ascii(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

/// Without regard to case, to how letters with marks are written, and to kinds of white space.
std::string plain_text(std::string_view text) {
  std::string folded;
  if (is_ascii(text) || !is_valid_utf8(text)) {
    folded = text;
    for (char& c : folded)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  } else {
    const auto normal = protocol::normalise_nfc(text);
    folded = protocol::fold_case(normal ? *normal : std::string(text));
  }
  std::string out;
  out.reserve(folded.size());
  for (std::size_t i = 0; i < folded.size(); ++i) {
    const bool no_break = folded[i] == '\xC2' && i + 1 < folded.size() && folded[i + 1] == '\xA0';
    const bool space = no_break || folded[i] == ' ' || (folded[i] >= '\t' && folded[i] <= '\r');
    if (no_break) ++i;
    if (!space)
      out += folded[i];
    else if (out.empty() || out.back() != ' ')
      out += ' ';
  }
  return out;
}

// ---- other ways to write it ----

int hex_digit_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// Two hex digits at `at`; nothing: there are none.
std::optional<char> hex_byte(std::string_view text, std::size_t at) {
  if (at + 1 >= text.size()) return std::nullopt;
  const int high = hex_digit_value(text[at]), low = hex_digit_value(text[at + 1]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

std::string without_percent(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = text[i] == '%' ? hex_byte(text, i + 1) : std::nullopt;
    out += byte ? *byte : text[i] == '+' ? ' ' : text[i];
    if (byte) i += 2;
  }
  return out;
}

/// The escapes of mail (RFC 2045), of a body or of a word in a header, where "_" is a space.
std::string without_quoted_printable(std::string_view text) {
  const bool header = text.find("?Q?") != std::string_view::npos || text.find("?q?") != std::string_view::npos;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '=') {
      const std::string_view rest = text.substr(i + 1);
      if (rest.starts_with("\r\n") || rest.starts_with('\n')) {  // a line that was too long
        i += rest.front() == '\r' ? 2 : 1;
        continue;
      }
      if (const auto byte = hex_byte(text, i + 1)) {
        out += *byte;
        i += 2;
        continue;
      }
    }
    out += header && text[i] == '_' ? ' ' : text[i];
  }
  return out;
}

void add_utf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0U | c >> 6U);
    out += static_cast<char>(0x80U | (c & 0x3FU));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0U | c >> 12U);
    out += static_cast<char>(0x80U | (c >> 6U & 0x3FU));
    out += static_cast<char>(0x80U | (c & 0x3FU));
  } else {
    out += static_cast<char>(0xF0U | c >> 18U);
    out += static_cast<char>(0x80U | (c >> 12U & 0x3FU));
    out += static_cast<char>(0x80U | (c >> 6U & 0x3FU));
    out += static_cast<char>(0x80U | (c & 0x3FU));
  }
}

/// The four hex digits at `at`.
std::optional<char32_t> hex_unit(std::string_view text, std::size_t at) {
  const auto high = hex_byte(text, at), low = hex_byte(text, at + 2);
  if (!high || !low) return std::nullopt;
  return static_cast<char32_t>(static_cast<unsigned char>(*high)) << 8U | static_cast<unsigned char>(*low);
}

std::string without_backslashes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char escape = text[++i];
    const auto unit = escape == 'u' ? hex_unit(text, i + 1) : std::nullopt;
    if (!unit) {
      const bool space = escape == 'n' || escape == 'r' || escape == 't' || escape == 'f' || escape == 'b';
      out += space ? ' ' : escape;
      continue;
    }
    i += 4;
    char32_t c = *unit;
    const bool pair = c >= 0xD800 && c < 0xDC00 && text.substr(std::min(i + 1, text.size())).starts_with("\\u");
    if (const auto second = pair ? hex_unit(text, i + 3) : std::nullopt;
        second && *second >= 0xDC00 && *second < 0xE000) {
      c = 0x10000 + ((c - 0xD800) << 10U) + (*second - 0xDC00);
      i += 6;
    }
    if (c >= 0xD800 && c < 0xE000) c = U'?';
    add_utf8(out, c);
  }
  return out;
}

bool is_base64_letter(char c) {
  return is_ascii_word(c) || c == '+' || c == '/' || c == '-' || c == '_';
}

/// A run of letters as the text that they stand for; nothing: they stand for none.
std::optional<std::string> out_of_base64(std::string letters) {
  if (letters.size() < base64_letters_min || letters.size() % 4 == 1) return std::nullopt;
  for (char& c : letters) c = c == '-' ? '+' : c == '_' ? '/' : c;
  letters.append((4 - letters.size() % 4) % 4, '=');
  auto bytes = from_base64(letters);
  if (!bytes || !is_valid_utf8(*bytes)) return std::nullopt;
  return std::string(std::move(*bytes));
}

/// Every run of base64, each line for itself and all lines of it together.
void add_out_of_base64(std::string_view text, std::vector<std::string>& out) {
  const auto add = [&](std::string letters) {
    if (auto read = out_of_base64(std::move(letters))) out.push_back(std::move(*read));
  };
  for (std::size_t i = 0; i < text.size();) {
    std::string all, line;
    bool lines = false;
    for (; i < text.size(); ++i) {
      if (is_base64_letter(text[i])) {
        line += text[i];
        continue;
      }
      const bool breaks = text[i] == '\n' || (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n');
      if (!breaks || line.empty()) break;
      lines = true;
      all += line;
      add(std::exchange(line, {}));
      if (text[i] == '\r') ++i;
    }
    all += line;
    add(std::move(line));
    if (lines) add(std::move(all));
    ++i;
  }
}

void add_readings(std::string_view text, int deep, std::vector<std::string>& out) {
  out.push_back(plain_text(text));
  if (deep == encodings_deep_max) return;
  std::vector<std::string> within;
  const auto has = [&](char c) { return text.find(c) != std::string_view::npos; };
  if (has('\\')) within.push_back(without_backslashes(text));
  if (has('%') || has('+')) within.push_back(without_percent(text));
  if (has('=')) within.push_back(without_quoted_printable(text));
  add_out_of_base64(text, within);
  for (const std::string& one : within)
    if (one != text) add_readings(one, deep + 1, out);
}

// ---- messages of Protobuf ----

bool take_varint(ByteView& bytes, std::uint64_t& out) {
  out = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    out |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

/// Each text, and each that could be one. False: it is no message.
bool add_texts(ByteView message, int deep, std::vector<std::string>& out) {
  std::vector<std::string> found;
  while (!message.empty()) {
    std::uint64_t tag = 0, size = 0;
    if (!take_varint(message, tag) || tag < 8) return false;
    switch (tag & 7U) {
      case 0:
        if (!take_varint(message, size)) return false;
        continue;
      case 1:
        size = 8;
        break;
      case 2:
        if (!take_varint(message, size)) return false;
        break;
      case 5:
        size = 4;
        break;
      default:
        return false;
    }
    if (size > message.size()) return false;
    const ByteView part = message.substr(0, static_cast<std::size_t>(size));
    message.remove_prefix(part.size());
    if ((tag & 7U) != 2 || part.size() < name_bytes_min) continue;
    if (is_valid_utf8(part)) add_readings(part, 0, found);
    if (deep < messages_deep_max) add_texts(part, deep + 1, found);
  }
  std::ranges::move(found, std::back_inserter(out));
  return true;
}

// ---- words ----

/// What people write between the digits of a number: spaces, dashes, dots, strokes and marks that nobody sees.
bool is_between_digits(char32_t c) {
  if (c < 0x80) return std::string_view(" -./()_~").find(static_cast<char>(c)) != std::string_view::npos;
  constexpr char32_t signs[] = {0xA0,   0xAD,   0xB7,   0x2022, 0x2027, 0x202F, 0x205F, 0x2060, 0x2212, 0x2219, 0x22C5,
                                0x3000, 0x30FB, 0xFE58, 0xFE63, 0xFEFF, 0xFF08, 0xFF09, 0xFF0D, 0xFF0E, 0xFF0F};
  return (c >= 0x2000 && c <= 0x2015) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) ||
         std::ranges::find(signs, c) != std::end(signs);
}

std::size_t next_character(std::string_view text, std::size_t at) {
  do ++at;
  while (at < text.size() && continues(text[at]));
  return at;
}

/// "+49 (0)30": to be dialled in the country only.
constexpr std::string_view trunk_digit = "(0)";

bool name_stands_at(std::string_view name, std::string_view text, std::size_t at) {
  const std::size_t end = at + name.size();
  if (word_begins_at(name, 0) && word_ends_before(text, at)) return false;
  return !(word_ends_before(name, name.size()) && word_begins_at(text, end));
}

bool address_stands_at(std::string_view address, std::string_view text, std::size_t at) {
  constexpr std::string_view of_addresses = "_%+-";
  const std::size_t end = at + address.size();
  if (word_ends_before(text, at) || word_begins_at(text, end)) return false;
  if (at > 0 && of_addresses.find(text[at - 1]) != std::string_view::npos) return false;
  if (at > 1 && text[at - 1] == '.' && word_ends_before(text, at - 1)) return false;  // joe.smith@, for smith@
  return end == text.size() || text[end] != '-';
}

bool phone_stands_at(std::string_view digits, std::string_view text, std::size_t at) {
  const bool international = at >= 2 && text.substr(at - 2, 2) == "00" && (at == 2 || !is_digit(text[at - 3]));
  if (at > 0 && is_digit(text[at - 1]) && !international) return false;
  for (const char digit : digits) {
    for (int apart = 0; at < text.size() && is_between_digits(character_at(text, at));) {
      if (++apart > 3) return false;
      const bool trunk = digit != '0' && text.substr(at, trunk_digit.size()) == trunk_digit;
      at = trunk ? at + trunk_digit.size() : next_character(text, at);
    }
    if (at == text.size() || text[at] != digit) return false;
    ++at;
  }
  return at == text.size() || !is_digit(text[at]);
}

std::uint32_t start_of(std::string_view text, std::size_t bytes) {
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < bytes; ++i) out = out << 8U | static_cast<unsigned char>(text[i]);
  return out;
}

}  // namespace

std::vector<std::string> readings_of(std::string_view text) {
  std::vector<std::string> out;
  add_readings(text, 0, out);
  return out;
}

std::vector<std::string> readings_of_body(ByteView body) {
  std::vector<std::string> out;
  if (!add_texts(body, 0, out)) out = readings_of(body);
  return out;
}

void PersonWords::add_name(std::string_view name) {
  std::string text = plain_text(name);
  while (text.starts_with(' ')) text.erase(0, 1);
  while (text.ends_with(' ')) text.pop_back();
  if (text.size() < name_bytes_min) return;
  const bool weak = text.size() < plain_name_bytes_min;
  add({std::move(text), Word::Kind::name, weak}, name);
}

void PersonWords::add_address(std::string_view address) {
  std::string text = plain_text(address);
  while (text.starts_with(' ')) text.erase(0, 1);
  while (text.ends_with(' ')) text.pop_back();
  // "unknown": a word that others write, too
  if (text.find('@') == std::string::npos || text.size() < address_bytes_min) return;
  add({std::move(text), Word::Kind::address, false}, address);
}

/// Behind a letter, "+", "#", "," or ";" stands an extension, where there are few digits, or another number.
void PersonWords::add_phone(std::string_view phone) {
  std::vector<std::string> parts(1);
  for (std::size_t at = 0; at < phone.size(); at = next_character(phone, at)) {
    if (phone.substr(at, trunk_digit.size()) == trunk_digit) {
      at += trunk_digit.size() - 1;
      continue;
    }
    if (is_digit(phone[at])) {
      parts.back() += phone[at];
      continue;
    }
    const bool begins_another = !is_between_digits(character_at(phone, at));
    if (begins_another && parts.back().size() >= digits_min) parts.emplace_back();
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    add_digits(parts[i], phone);
    if (i > 0 && parts[i].size() < digits_min && !parts[i].empty()) add_digits(parts[i - 1] + parts[i], phone);
  }
}

void PersonWords::add_digits(std::string digits, std::string_view as_written) {
  if (digits.starts_with("00")) digits.erase(0, 2);
  if (digits.size() < digits_min) return;
  const bool weak = digits.size() < plain_digits_min;
  add({std::move(digits), Word::Kind::phone, weak}, as_written);
}

void PersonWords::add(Word word, std::string_view as_written) {
  const auto same = [&](const Word& one) { return one.kind == word.kind && one.text == word.text; };
  if (std::ranges::any_of(words_, same)) return;
  words_.push_back(std::move(word));
  if (std::ranges::find(shown_, as_written) == shown_.end()) shown_.emplace_back(as_written);
}

std::vector<std::string> PersonWords::shown() const {
  return shown_;
}

PersonMatcher::PersonMatcher(const std::vector<const PersonWords*>& persons)
    : persons_(persons.size()), begins_(std::size_t{1} << 16U) {
  for (std::size_t i = 0; i < persons.size(); ++i)
    for (const PersonWords::Word& word : persons[i]->words()) {
      if (word.kind == PersonWords::Word::Kind::phone) {
        by_digits_[start_of(word.text, start_digits)].push_back({i, &word});
        continue;
      }
      begins_[start_of(word.text, 2)] = true;
      const bool is_short = word.text.size() < start_bytes;
      (is_short ? by_two_ : by_four_)[start_of(word.text, is_short ? 2 : start_bytes)].push_back({i, &word});
    }
}

std::vector<PersonMatcher::Found> PersonMatcher::in(const std::vector<std::string>& readings) const {
  Best best(persons_, FoundHow::no);
  for (const std::string& reading : readings) {
    look_at(reading, best);
    if (by_digits_.empty()) continue;
    look_at_digits(reading, false, best);
    if (reading.find(trunk_digit) != std::string::npos) look_at_digits(reading, true, best);
  }
  std::vector<Found> out;
  for (std::size_t i = 0; i < persons_; ++i)
    if (best[i] != FoundHow::no) out.push_back({i, best[i]});
  return out;
}

void PersonMatcher::look_at(std::string_view reading, Best& best) const {
  for (std::size_t at = 0; at + 2 <= reading.size(); ++at) {
    if (!begins_[start_of(reading.substr(at), 2)]) continue;
    for (const ByStart* index : {&by_two_, &by_four_}) {
      const std::size_t bytes = index == &by_two_ ? 2 : start_bytes;
      if (at + bytes > reading.size()) continue;
      const auto found = index->find(start_of(reading.substr(at), bytes));
      if (found == index->end()) continue;
      for (const auto& [person, word] : found->second) {
        const FoundHow how = word->weak ? FoundHow::weakly : FoundHow::plainly;
        if (best[person] >= how || reading.substr(at, word->text.size()) != word->text) continue;
        const bool stands = word->kind == PersonWords::Word::Kind::name ? name_stands_at(word->text, reading, at)
                                                                        : address_stands_at(word->text, reading, at);
        if (stands) best[person] = how;
      }
    }
  }
}

/// Where the first digits of a number stand one behind the other, whatever is between them.
void PersonMatcher::look_at_digits(std::string_view reading, bool without_trunk, Best& best) const {
  std::string digits;
  std::vector<std::size_t> where;
  for (std::size_t at = 0; at < reading.size(); ++at) {
    if (without_trunk && reading.substr(at, trunk_digit.size()) == trunk_digit) at += trunk_digit.size();
    if (at >= reading.size() || !is_digit(reading[at])) continue;
    digits += reading[at];
    where.push_back(at);
  }
  for (std::size_t i = 0; i + start_digits <= digits.size(); ++i) {
    const auto found = by_digits_.find(start_of(std::string_view(digits).substr(i), start_digits));
    if (found == by_digits_.end()) continue;
    for (const auto& [person, word] : found->second) {
      const FoundHow how = word->weak ? FoundHow::weakly : FoundHow::plainly;
      if (best[person] < how && phone_stands_at(word->text, reading, where[i])) best[person] = how;
    }
  }
}

}  // namespace tern::server::admin
