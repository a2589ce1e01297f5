// What names and reasons may hold: they stand in lists, in sentences and on terminals.
#pragma once

#include <string>
#include <string_view>

#include "tern/protocol/error.hpp"

namespace tern::server {

/// `invalid` with `field` when UTF-8 `text` holds a control character (C0, DEL, C1), a line separator, or a mark that
/// turns the reading direction of what follows. `what` it is: "name". What was stored before this rule stays readable.
Result<void> check_one_line(std::string_view text, std::string_view what, std::string_view field);

bool is_one_line(std::string_view text);

/// Nothing in it can be seen: empty, or of spaces and of marks without a width alone.
bool is_blank(std::string_view text);

}  // namespace tern::server
