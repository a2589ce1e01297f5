// What people read on a terminal: stored and received text must not command it.
#pragma once

#include <string>
#include <string_view>

namespace tern::apps {

enum class Lines { one, kept };

/// Text as it may be shown: control characters (C0, DEL, C1), marks that turn the reading direction, and bytes that are
/// no UTF-8 become U+FFFD; line ends and tabs become a space, unless lines are `kept`. Every human-readable line of
/// every program goes through it; JSON does not, it escapes.
std::string safe(std::string_view text, Lines lines = Lines::one);

}  // namespace tern::apps
