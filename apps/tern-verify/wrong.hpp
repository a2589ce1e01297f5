// What is wrong with an export, and what its lines hold.
#pragma once

#include <fmt/format.h>

#include "tern/protocol/base64.hpp"
#include "tern/protocol/json.hpp"

namespace tern::verify {

template <typename... Args>
tl::unexpected<Error> wrong(fmt::format_string<Args...> text, Args&&... args) {
  return fail(ErrorCode::verification_failed, fmt::format(text, std::forward<Args>(args)...));
}

/// Says of what an error of another room speaks.
inline tl::unexpected<Error> wrong_in(std::string_view what, const Error& error) {
  return wrong("{}: {}", what, error.message);
}

inline Result<Bytes> bytes_of(const Json& line, std::string_view member) {
  const Json* value = line.find(member);
  if (value == nullptr || !value->is_string()) return wrong("\"{}\" is missing", member);
  auto bytes = from_base64(value->as_string());
  if (!bytes) return wrong("\"{}\" is no base64", member);
  return std::move(*bytes);
}

template <typename Id>
Result<Id> id_of(const Json& line, std::string_view member) {
  const auto bytes = from_hex(line[member].as_string());
  const auto uuid = bytes ? bytes : from_uuid_text(line[member].as_string());
  const auto id = uuid ? Id::from(*uuid) : std::nullopt;
  if (!id) return wrong("\"{}\" is no id", member);
  return *id;
}

/// A number from 0 on.
inline Result<std::uint64_t> number_of(const Json& line, std::string_view member) {
  const Json* value = line.find(member);
  if (value == nullptr || !value->is_integer() || value->as_integer() < 0) return wrong("\"{}\" is no number", member);
  return static_cast<std::uint64_t>(value->as_integer());
}

}  // namespace tern::verify
