// The page where people log in by an issuer of their organisation, and where it sends them back to.
#pragma once

#include "tern/server/http.hpp"

namespace tern::server {

/// Keeps the proof of `oidc_begin` in this tab, and says it with what the issuer sent to `oidc_finish` alone.
Response sign_in_page();

}  // namespace tern::server
