// Errors as HTTP answers: one table of statuses and titles.
#pragma once

#include "tern/protocol/error.hpp"
#include "tern/server/http.hpp"

namespace tern::server {

/// problem+json with the code's name, `error`'s sentence and hint. What only the server's operator should read (paths,
/// SQL) is left out: such errors are 500 `internal`. 429 and 503 say when to come back.
Response refusal(const Error& error, const std::string& request_id);

/// Whether the peer is told `error` as it is.
bool tells_the_peer(ErrorCode code);

}  // namespace tern::server
