// multipart/form-data out of a body that may be in a file: found in pieces, never held as a whole.
// Why not Poco's: docs/decisions/multipart.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/error.hpp"
#include "tern/server/http.hpp"

namespace tern::server {

inline constexpr std::size_t multipart_parts_max = 250;

/// One part: what its head says, and where its content stands in the body.
struct MultipartPart {
  std::string name;                      // never empty
  std::optional<std::string> file_name;  // nothing: a field
  std::uint64_t offset = 0, size_bytes = 0;
};

/// All parts in their order. `content_type` as the header says it. `malformed` for what is not in its form, `too_large`
/// for too many parts. Memory: 64 KiB, whatever the body's size.
Result<std::vector<MultipartPart>> find_parts(std::string_view content_type, const RequestBody& body);

}  // namespace tern::server
