#include "tern/protocol/json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "tern/protocol/bytes.hpp"

namespace tern {
namespace {

const Json& null_value() {
  static const Json null;
  return null;
}

void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          out += "\\u00";
          out.push_back(hex[static_cast<unsigned char>(c) >> 4]);
          out.push_back(hex[c & 15]);
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
}

/// Every byte that is part of no well-formed sequence becomes U+FFFD. NUL is well-formed here: it is escaped.
std::string repaired(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = 0;
    for (std::size_t n = 1; n <= 4 && at + n <= text.size() && length == 0; ++n) {
      if (text[at] == '\0' || is_valid_utf8(text.substr(at, n))) length = n;
    }
    out += length == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(at, length);
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

void append_text(std::string& out, std::string_view text) {
  if (is_valid_utf8(text)) {
    append_escaped(out, text);
  } else {
    append_escaped(out, repaired(text));
  }
}

void append_double(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  std::array<char, 32> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  const std::string_view text(digits.data(), error == std::errc() ? static_cast<std::size_t>(end - digits.data()) : 0);
  out += text;
  // It stays a double for who reads it: as a whole number it could be out of range.
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

void append(std::string& out, const Json& value) {
  if (value.is_null()) {
    out += "null";
  } else if (value.is_bool()) {
    out += value.as_bool() ? "true" : "false";
  } else if (value.is_integer()) {
    out += std::to_string(value.as_integer());
  } else if (value.is_double()) {
    append_double(out, value.as_double());
  } else if (value.is_string()) {
    append_text(out, value.as_string());
  } else if (value.is_array()) {
    char before = '[';
    for (const Json& item : value.items()) {
      out.push_back(before);
      append(out, item);
      before = ',';
    }
    out += value.size() == 0 ? "[]" : "]";
  } else {
    char before = '{';
    for (const auto& [name, member] : value.members()) {
      out.push_back(before);
      append_text(out, name);
      out.push_back(':');
      append(out, member);
      before = ',';
    }
    out += value.size() == 0 ? "{}" : "}";
  }
}

}  // namespace

Json::Json(unsigned long long value) {
  if (value <= static_cast<unsigned long long>(std::numeric_limits<std::int64_t>::max())) {
    value_ = static_cast<std::int64_t>(value);
  } else {
    value_ = static_cast<double>(value);
  }
}

Json Json::object(std::initializer_list<Member> members) {
  Json out{Object{}};
  for (const auto& [name, value] : members) out.set(name, value);
  return out;
}

bool Json::as_bool(bool fallback) const {
  const bool* value = std::get_if<bool>(&value_);
  return value != nullptr ? *value : fallback;
}

std::int64_t Json::as_integer(std::int64_t fallback) const {
  const std::int64_t* value = std::get_if<std::int64_t>(&value_);
  return value != nullptr ? *value : fallback;
}

double Json::as_double(double fallback) const {
  if (const double* value = std::get_if<double>(&value_)) return *value;
  if (const std::int64_t* value = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*value);
  return fallback;
}

const std::string& Json::as_string() const {
  static const std::string empty;
  const std::string* value = std::get_if<std::string>(&value_);
  return value != nullptr ? *value : empty;
}

const Json::Array& Json::items() const {
  static const Array empty;
  const Array* value = std::get_if<Array>(&value_);
  return value != nullptr ? *value : empty;
}

const std::vector<Json::Member>& Json::members() const {
  static const std::vector<Member> empty;
  const Object* value = std::get_if<Object>(&value_);
  return value != nullptr ? value->members : empty;
}

const Json* Json::find(std::string_view name) const {
  for (const Member& member : members()) {
    if (member.first == name) return &member.second;
  }
  return nullptr;
}

const Json& Json::operator[](std::string_view name) const {
  const Json* found = find(name);
  return found != nullptr ? *found : null_value();
}

Json& Json::set(std::string name, Json value) {
  if (is_null()) value_ = Object{};
  Object* object = std::get_if<Object>(&value_);
  check(object != nullptr, "set on a JSON value that is no object");
  for (Member& member : object->members) {
    if (member.first == name) {
      member.second = std::move(value);
      return *this;
    }
  }
  return append_member(std::move(name), std::move(value));
}

Json& Json::append_member(std::string name, Json value) {
  if (is_null()) value_ = Object{};
  Object* object = std::get_if<Object>(&value_);
  check(object != nullptr, "set on a JSON value that is no object");
  object->members.emplace_back(std::move(name), std::move(value));
  return *this;
}

Json& Json::push(Json value) {
  if (is_null()) value_ = Array{};
  Array* array = std::get_if<Array>(&value_);
  check(array != nullptr, "push on a JSON value that is no array");
  array->push_back(std::move(value));
  return *this;
}

std::size_t Json::size() const {
  return is_object() ? members().size() : items().size();
}

bool Json::Object::operator==(const Object& other) const {
  return members == other.members;
}

bool Json::operator==(const Json& other) const {
  return value_ == other.value_;
}

std::string to_text(const Json& value) {
  std::string out;
  append(out, value);
  return out;
}

}  // namespace tern
