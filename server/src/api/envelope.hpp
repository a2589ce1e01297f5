// What an answer of the API looks like: the envelope of the paths that integrations know, problem+json on /api/v1.
#pragma once

#include <string>

#include "tern/protocol/json.hpp"
#include "tern/server/http.hpp"

namespace tern::server {

/// Where an action was asked for: docs/api.md, "Errors".
enum class ApiDialect : std::uint8_t { envelope, problem };

/// {"ok":true,"data":...}
Response data_response(const Json& data);
/// {"ok":false,"error":...} with 400, 403, 413, 429, 500, 503 or 507; or a problem with its exact status. What only
/// the server's operator should read is left out.
Response refusal_in(ApiDialect dialect, const Error& error, const std::string& request_id);
/// A refusal in the envelope whose status no error code stands for: 404 and 405.
Response envelope_refusal(int status, const std::string& code, const std::string& sentence,
                          const std::string& request_id);

}  // namespace tern::server
