// A small JSON value: what command line, C header and HTTP speak. Objects keep their order; duplicate keys are refused.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tern/protocol/error.hpp"

// What a member returns lives in the object: clang then refuses a loop over what a temporary held (`f()["a"].items()`).
#ifdef __clang__
#define TERN_LIFETIMEBOUND [[clang::lifetimebound]]
#else
#define TERN_LIFETIMEBOUND
#endif

namespace tern {

/// null, bool, integer, double, string, array or object. A value: copies and compares.
class Json {
public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;

  Json() = default;
  Json(std::nullptr_t) {}
  Json(bool value) : value_(value) {}
  Json(int value) : value_(std::int64_t{value}) {}
  Json(long value) : value_(std::int64_t{value}) {}
  Json(long long value) : value_(std::int64_t{value}) {}
  /// Above 2^63 - 1 it is written as a double would be: pass ids as strings.
  Json(unsigned value) : value_(std::int64_t{value}) {}
  Json(unsigned long value) : Json(static_cast<unsigned long long>(value)) {}
  Json(unsigned long long value);
  Json(double value) : value_(value) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(Array value) : value_(std::move(value)) {}

  static Json array(std::initializer_list<Json> items = {}) { return Json(Array(items)); }
  static Json object(std::initializer_list<Member> members = {});

  [[nodiscard]] bool is_null() const { return value_.index() == 0; }
  [[nodiscard]] bool is_bool() const { return std::holds_alternative<bool>(value_); }
  [[nodiscard]] bool is_integer() const { return std::holds_alternative<std::int64_t>(value_); }
  [[nodiscard]] bool is_double() const { return std::holds_alternative<double>(value_); }
  [[nodiscard]] bool is_number() const { return is_integer() || is_double(); }
  [[nodiscard]] bool is_string() const { return std::holds_alternative<std::string>(value_); }
  [[nodiscard]] bool is_array() const { return std::holds_alternative<Array>(value_); }
  [[nodiscard]] bool is_object() const { return std::holds_alternative<Object>(value_); }

  // Reading another type than the value has gives the fallback.
  [[nodiscard]] bool as_bool(bool fallback = false) const;
  [[nodiscard]] std::int64_t as_integer(std::int64_t fallback = 0) const;
  [[nodiscard]] double as_double(double fallback = 0) const;                    // integers too
  [[nodiscard]] const std::string& as_string() const TERN_LIFETIMEBOUND;        // empty string otherwise
  [[nodiscard]] const Array& items() const TERN_LIFETIMEBOUND;                  // empty unless an array
  [[nodiscard]] const std::vector<Member>& members() const TERN_LIFETIMEBOUND;  // empty unless an object

  /// The member of that name; nullptr when there is none or this is no object.
  [[nodiscard]] const Json* find(std::string_view name) const TERN_LIFETIMEBOUND;
  /// The member of that name, or null.
  [[nodiscard]] const Json& operator[](std::string_view name) const TERN_LIFETIMEBOUND;
  /// Sets or replaces a member, keeping its place. A null becomes an object first; anything else is a bug.
  Json& set(std::string name, Json value);
  /// As `set`, for who knows that the name is new. Takes constant time.
  Json& append_member(std::string name, Json value);
  /// Appends to an array. A null becomes an array first; anything else is a bug.
  Json& push(Json value);
  [[nodiscard]] std::size_t size() const;  // of array or object, else 0

  bool operator==(const Json& other) const;

private:
  struct Object {
    std::vector<Member> members;
    bool operator==(const Object& other) const;
  };
  explicit Json(Object value) : value_(std::move(value)) {}

  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

/// On one line, without spaces. Control characters are escaped; everything else stays UTF-8; bytes that are no UTF-8
/// become U+FFFD, so the result always parses. A double that is no number becomes null.
std::string to_text(const Json& value);

struct JsonLimits {
  std::size_t depth_max = 32;  // at most 128
  std::size_t bytes_max = 1024 * 1024;
  bool decimals = false;  // numbers with a fraction or an exponent: nothing of the product's input has them
};

/// `invalid` with a byte offset in the message; field = the key when one stands twice in an object
/// ("json_duplicate_key" is then the hint, else "json_invalid"; "text_encoding" for bad UTF-8, a lone surrogate or NUL
/// in a text). `too_large`. Whole numbers beyond a signed 64-bit integer and trailing characters are refused.
Result<Json> parse_json(std::string_view text, JsonLimits limits = {});

}  // namespace tern
