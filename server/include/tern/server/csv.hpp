// What goes into CSV (RFC 4180) and comes out of it: no spreadsheet takes a cell for a formula, and none is altered.
#pragma once

#include <string>
#include <string_view>

#include "tern/protocol/json.hpp"

namespace tern::server {

/// A text as a cell. One that a spreadsheet would take for a formula begins with an apostrophe; so does one that begins
/// with apostrophes and would be such a text without them.
std::string csv_text(std::string_view text);
/// Numbers as they are, texts as csv_text, lists one item a line, nothing for null.
std::string csv_cell(const Json& value);
/// The text that csv_text was given, of a cell that was read.
std::string text_of_csv(std::string_view cell);

}  // namespace tern::server
