// The API's reference as a page to read: doors, credentials, limits, and each action, from the tables that the doors
// judge by.
#pragma once

#include <string>

#include "tern/server/http.hpp"

namespace tern::server {

/// Served at /api/reference, to anybody. `public_url`: what examples begin with; may be empty.
Response reference_page(const std::string& public_url);

}  // namespace tern::server
