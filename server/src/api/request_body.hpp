// The body of an API request as one flat object: JSON, a form, or the fields of a multipart form.
#pragma once

#include <string_view>

#include "tern/protocol/json.hpp"

namespace tern::server {

inline constexpr std::size_t api_parameters_max = 200;

/// `content_type` as the header says it; nothing said, and a form that begins like an object, are read as JSON.
/// `malformed` for what is not in its form or of another type, `invalid` with the hint of parse_json and the name for
/// a parameter that stands twice or is no text, `too_large` for too many. A file is refused: nothing here takes one.
Result<Json> decode_request_body(std::string_view content_type, std::string_view body);

}  // namespace tern::server
