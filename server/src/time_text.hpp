// Instants as people and JSON write them: RFC 3339, UTC, milliseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tern::server {

/// 1456709460000 -> "2016-02-29T01:31:00.000Z"
std::string instant_text(std::int64_t ms);
/// "2016-02-29T01:31:00Z", also with up to three digits of a second's fraction. Nothing for anything else: there is no
/// year 0.
std::optional<std::int64_t> parse_instant(std::string_view text);

}  // namespace tern::server
