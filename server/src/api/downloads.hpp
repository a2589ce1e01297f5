// Files as answers: always saved, never shown, with a type of our own table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/ticket_view.hpp"
#include "files/file_store.hpp"
#include "tern/server/admin.hpp"
#include "tern/server/http.hpp"

namespace tern::server {

/// Who may read them, at the door of `surface`: by what, with which scopes and role.
ApiFace face_of_files(ApiSurface surface);

/// "/api/files/103" -> 103. Nothing: it is another path.
std::optional<std::int64_t> file_of_path(std::string_view path);

/// What a Range asks for of a file: one range of bytes; anything else is no range, and all of it is meant.
struct ByteRange {
  std::uint64_t offset = 0, size_bytes = 0;
  bool partial = false;
};
/// Nothing: there are no such bytes.
std::optional<ByteRange> range_of(std::string_view header, std::uint64_t size_bytes);

/// The value of Content-Disposition for a name that `file_name_of` or `shown_file_name` gave.
std::string disposition_of(const std::string& name);

/// The file of a message: 200, 206 or 416. `not_found` where its content is not here.
Result<Response> file_response(FileStore& files, const FoundMessage& file, std::string_view range,
                               const std::string& request_id);

}  // namespace tern::server
