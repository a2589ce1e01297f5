// The body of an API request as one flat object: JSON, a form, or a multipart form, which may bring files.
#pragma once

#include <string_view>
#include <vector>

#include "api/sent_files.hpp"
#include "tern/protocol/json.hpp"

namespace tern::server {

inline constexpr std::size_t api_parameters_max = 200;
inline constexpr std::size_t api_parameters_bytes_max = 1024 * 1024;  // of a body but for its files

struct DecodedBody {
  Json parameters;
  std::vector<SentFile> files;  // those of `files[]` or `files`
};

/// `content_type` as the header says it; nothing said, and a form that begins like an object, are read as JSON.
/// `malformed` for what is not in its form or of another type, `invalid` with the hint of parse_json and the name for
/// a parameter that stands twice or is no text, and for a file of another name; `too_large` for too many.
Result<DecodedBody> decode_request_body(std::string_view content_type, const RequestBody& body);

/// A multipart form, as far as the header says: its files count for themselves.
bool is_multipart(std::string_view content_type);

}  // namespace tern::server
