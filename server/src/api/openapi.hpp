// The registry's actions as documents: OpenAPI 3.1, and the reference page of docs/api.md.
#pragma once

#include <string>

#include "tern/protocol/json.hpp"
#include "tern/server/admin.hpp"

namespace tern::server {

/// "string", "list of integers".
std::string parameter_type(const AdminArg& arg);

/// Served at /api/openapi.json. `public_url` empty: the paths are relative.
Json openapi_document(const std::string& public_url);

/// Markdown: each action with its scopes, parameters and example. `ternd api --reference` prints it.
std::string api_reference();

}  // namespace tern::server
