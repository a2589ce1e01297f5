// Text inside of HTML.
#pragma once

#include <string>
#include <string_view>

namespace tern::server {

/// Between tags, or inside of an attribute in double quotes.
std::string html_text(std::string_view text);

}  // namespace tern::server
