// What a value of each field type looks like, and the refusals.
#include <algorithm>
#include <array>
#include <charconv>

#include "refusal.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"
#include "tern/sync/ticket_fields.hpp"

namespace tern::sync {
namespace {

using Type = FieldType;

constexpr char multi_separator = '\x1f';

/// Decimal digits without a needless zero in front.
bool is_whole_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_digit) && (text.size() == 1 || text[0] != '0');
}

/// -12.50: a decimal number as people write it, never "-0", ".5" or "1e3".
bool is_decimal(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t point = text.find('.');
  if (!is_whole_number(text.substr(0, point))) return false;
  if (point != std::string_view::npos) {
    const std::string_view fraction = text.substr(point + 1);
    if (fraction.empty() || !std::ranges::all_of(fraction, is_digit)) return false;
  }
  return !negative || text.find_first_not_of("0.") != std::string_view::npos;
}

bool is_instant(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && is_whole_number(text) &&
         value <= limits::instant_ms_max;
}

unsigned two_digits(std::string_view text, std::size_t at) {
  return static_cast<unsigned>(text[at] - '0') * 10 + static_cast<unsigned>(text[at + 1] - '0');
}

bool is_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  for (const std::size_t at : {0, 1, 2, 3, 5, 6, 8, 9})
    if (!is_digit(text[at])) return false;
  const unsigned year = two_digits(text, 0) * 100 + two_digits(text, 2);
  const unsigned month = two_digits(text, 5);
  const unsigned day = two_digits(text, 8);
  if (year == 0 || month == 0 || month > 12 || day == 0) return false;
  constexpr std::array<unsigned, 12> lengths = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return day <= lengths[month - 1] + (month == 2 && leap ? 1U : 0U);
}

/// Each of them a text, in byte order, none twice: equal choices are equal bytes.
bool is_multi(std::string_view text) {
  std::string_view last;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(multi_separator, begin), text.size());
    const std::string_view value = text.substr(begin, end - begin);
    if (value.empty() || value <= last) return false;
    last = value;
    begin = end + 1;
  }
  return true;
}

bool is_id(ByteView value) {
  return value.size() == RecordId::size_bytes && value.find_first_not_of('\0') != ByteView::npos;
}

bool is_uuid_text(std::string_view text) {
  const auto raw = from_uuid_text(text);
  return raw && to_uuid_text(*raw) == text;
}

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
}

bool is_key(std::string_view key) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_' || c == '-' || c == '.'; };
  return !key.empty() && key.size() <= limits::field_key_bytes_max && std::ranges::all_of(key, fits) && key[0] != '-' &&
         key[0] != '.';
}

std::string shown(const FieldSpec& spec, std::string_view key) {
  return key.empty() ? std::string(spec.name) : std::string(spec.name) + "." + std::string(key);
}

Result<void> check_length(std::string_view field, ByteView value, std::size_t bytes_max) {
  if (value.empty()) return refuse(field, "is empty; to have none, clear it");
  if (value.size() > bytes_max) return refuse(field, "is longer than " + std::to_string(bytes_max) + " bytes");
  return {};
}

Result<void> check_nfc(std::string_view field, ByteView value) {
  if (!protocol::is_nfc(value)) return refuse(field, "is not text in UTF-8 and NFC");
  return {};
}

Result<void> check_tag(std::string_view field, ByteView value) {
  TERN_CHECKED(check_nfc(field, value));
  if (has_control_character(value)) return refuse(field, "holds a control character");
  if (canonical_tag(value) != value) return refuse(field, "has an upper-case letter or a space around it");
  return {};
}

Result<void> check_element(const FieldSpec& spec, std::string_view field, ByteView value) {
  if (spec.id == FieldId::tags) return check_tag(field, value);
  if (spec.id == FieldId::pins) return is_id(value) ? Result<void>{} : refuse(field, "is not an id");
  const bool good_kind = spec.id == FieldId::watchers
                             ? value[0] == 'o' || value[0] == 'c'
                             : link_kind_from_number(static_cast<unsigned char>(value[0])).has_value();
  return good_kind && is_id(value.substr(1)) ? Result<void>{} : refuse(field, "is not a kind and an id");
}

Result<void> check_typed(FieldType type, std::string_view field, ByteView value) {
  const auto when = [field](bool good, std::string_view why) { return good ? Result<void>{} : refuse(field, why); };
  switch (type) {
    case Type::text:
    case Type::long_text:
    case Type::select:
      return check_nfc(field, value);
    case Type::number:
      return when(is_decimal(value), "is not a decimal number");
    case Type::date:
      return when(is_date(value), "is not a date YYYY-MM-DD");
    case Type::instant:
      return when(is_instant(value), "is not a time in milliseconds since 1970");
    case Type::multi:
      TERN_CHECKED(check_nfc(field, value));
      return when(is_multi(value), "is not a list of different values in byte order");
    case Type::boolean:
      return when(value == "0" || value == "1", "is neither 0 nor 1");
    case Type::ref:
      return when(is_id(value), "is not an id");
    case Type::rank:
      return when(value.size() == 1 && value[0] >= '1' && value[0] <= '4', "is not a rank from 1 to 4");
    case Type::set:
    case Type::list:
    case Type::none:
      break;
  }
  return refuse(field, "is not a value");
}

}  // namespace

Result<void> validate_key(const FieldSpec& spec, std::string_view key) {
  if (spec.keyed && !is_key(key)) return refuse(spec.name, "needs a name of small letters, digits, _ - . (64 at most)");
  if (!spec.keyed && !key.empty()) return refuse(spec.name, "has no name beside it");
  return {};
}

Result<void> validate_value(const FieldSpec& spec, std::string_view key, ByteView value) {
  TERN_CHECKED(validate_key(spec, key));
  const std::string field = shown(spec, key);
  TERN_CHECKED(check_length(field, value, spec.bytes_max));
  if (spec.type == Type::set) return check_element(spec, field, value);
  TERN_CHECKED(check_typed(spec.type, field, value));
  if (spec.id == FieldId::type && std::ranges::find(ticket_types(), value) == ticket_types().end())
    return refuse(field, "is not one of bug, feature, question, complaint, other");
  if (spec.id == FieldId::subject && code_point_count(value) > limits::subject_code_points_max)
    return refuse(field, "is longer than 255 characters");
  return {};
}

Result<void> validate_custom(FieldType type, std::string_view key, ByteView value) {
  const FieldSpec& spec = *find_field(FieldId::custom);
  TERN_CHECKED(validate_value(spec, key, value));
  const std::string field = shown(spec, key);
  if (type == Type::ref) return is_uuid_text(value) ? Result<void>{} : refuse(field, "is not the id of a record");
  if (custom_type_name(type) == "unknown") return refuse(field, "has a type that custom fields do not have");
  return check_typed(type, field, value);
}

std::string canonical_tag(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  std::string tag(text.substr(begin, text.find_last_not_of(' ') - begin + 1));
  for (char& c : tag)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return tag;
}

}  // namespace tern::sync
