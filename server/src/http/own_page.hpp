// A page of this server's own: one script, one style, nothing from elsewhere, in nobody's frame.
#pragma once

#include <string_view>

#include "tern/server/http.hpp"

namespace tern::server {

/// The policy allows this script alone, and asking this server.
Response own_page(std::string_view title, std::string_view body, std::string_view script);

}  // namespace tern::server
