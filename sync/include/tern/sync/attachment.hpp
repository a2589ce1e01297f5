// What an attachment may be called, and what type it is said to have: by our own table, never by what its sender says.
#pragma once

#include <string>
#include <string_view>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::sync {

/// Where nothing better is known.
inline constexpr std::string_view unknown_media_type = "application/octet-stream";
/// Of the beginning of a file, as much as `media_type_of` may look at.
inline constexpr std::size_t media_type_looks_at_bytes = 512;

/// The name without the folders before it, in normal form C, at most 200 bytes with its ending kept. `invalid` with
/// field "name" where nothing is left, or where it holds what nobody sees: a control character, a line end, a mark
/// without width, one that turns the reading direction.
Result<std::string> file_name_of(std::string_view said);

/// The same for a name that came by another way and has to be shown: what has no place in a name is left out. Never
/// empty.
std::string shown_file_name(std::string_view stored);

/// By the ending of the name, if the file begins as files of that type do; else unknown_media_type. What a browser
/// would run (HTML, SVG, scripts) is in no row of the table. `content`: the whole file or its beginning.
std::string_view media_type_of(std::string_view name, ByteView content);

/// The same where the content is elsewhere: what was said of it, if it is what the table says of that ending.
std::string_view media_type_of_said(std::string_view name, std::string_view said);

}  // namespace tern::sync
