// The page that links to another password lead to: one form, no state, nothing from elsewhere.
#pragma once

#include "tern/server/http.hpp"

namespace tern::server {

/// The token stands behind # of the page's address: the page takes it out of there and says it to `reset_password`
/// alone.
Response reset_page();

}  // namespace tern::server
