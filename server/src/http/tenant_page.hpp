// The page at /tenant.html: a login with a password, and what waits.
#pragma once

#include "tern/server/http.hpp"

namespace tern::server {

Response tenant_page();

}  // namespace tern::server
