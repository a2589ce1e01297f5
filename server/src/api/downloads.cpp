#include "api/downloads.hpp"

#include <algorithm>
#include <charconv>

#include "tern/sync/attachment.hpp"

namespace tern::server {
namespace {

constexpr std::string_view files_path = "/api/files/";
constexpr std::size_t id_digits_max = 18;

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t out = 0;
  const bool plain = !text.empty() && text.size() <= id_digits_max &&
                     std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  if (!plain) return std::nullopt;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

bool is_plain_in_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

}  // namespace

ApiFace face_of_files(ApiSurface surface) {
  return {"files", surface, {"read", "tickets"}, ApiRole::operator_, {}, {}};
}

std::optional<std::int64_t> file_of_path(std::string_view path) {
  if (!path.starts_with(files_path)) return std::nullopt;
  const auto id = whole_number(path.substr(files_path.size()));
  return id ? std::optional(static_cast<std::int64_t>(*id)) : std::nullopt;
}

std::optional<ByteRange> range_of(std::string_view header, std::uint64_t size_bytes) {
  constexpr std::string_view unit = "bytes=";
  const ByteRange whole{0, size_bytes, false};
  if (!header.starts_with(unit)) return whole;
  const std::string_view asked = header.substr(unit.size());
  const std::size_t dash = asked.find('-');
  if (dash == std::string_view::npos) return whole;
  const std::string_view from_text = asked.substr(0, dash), to_text = asked.substr(dash + 1);
  const auto from = whole_number(from_text), to = whole_number(to_text);
  if (from_text.empty() && to) {  // the last so many
    if (*to == 0 || size_bytes == 0) return std::nullopt;
    const std::uint64_t bytes = std::min(*to, size_bytes);
    return ByteRange{size_bytes - bytes, bytes, true};
  }
  if (!from || (!to && !to_text.empty()) || (to && *to < *from)) return whole;
  if (*from >= size_bytes) return std::nullopt;
  const std::uint64_t last = to ? std::min(*to, size_bytes - 1) : size_bytes - 1;
  return ByteRange{*from, last - *from + 1, true};
}

std::string disposition_of(const std::string& name) {
  std::string plain, encoded;
  for (const char c : name) {
    const bool visible = c >= ' ' && c < '\x7f';
    plain += visible && c != '"' && c != '\\' && c != '%' ? c : '_';
    if (is_plain_in_name(c))
      encoded += c;
    else
      encoded += '%' + to_hex(std::string_view(&c, 1));
  }
  return "attachment; filename=\"" + plain + "\"; filename*=UTF-8''" + encoded;
}

Result<Response> file_response(FileStore& files, const FoundMessage& file, std::string_view range,
                               const std::string& request_id) {
  TERN_TRY(const auto content, files.find(file.message.stamp.ref()));
  if (!content)
    return fail(ErrorCode::not_found, "The content of this file is not here yet.",
                "It comes when the device that attached it sends it.", "file_id");
  const auto asked = range_of(range, content->size_bytes);
  const std::string size = std::to_string(content->size_bytes);
  if (!asked) {
    Response refused =
        problem_response({416, "range_not_satisfiable", "There are no such bytes", "", "Range", request_id});
    refused.set_header("content-range", "bytes */" + size);
    return refused;
  }
  const auto stored = files.open(*content);
  TERN_TRY(const Bytes beginning, stored->read_at(0, sync::media_type_looks_at_bytes));
  const std::string name = sync::shown_file_name(file.message.file_name);
  Response response(asked->partial ? 206 : 200, sync::media_type_of(name, beginning), {});
  response.set_file(stored, asked->offset, asked->size_bytes);
  response.set_header("content-disposition", disposition_of(name));
  response.set_header("x-content-type-options", "nosniff");
  response.set_header("content-security-policy", "default-src 'none'; sandbox");
  response.set_header("cross-origin-resource-policy", "same-origin");
  response.set_header("accept-ranges", "bytes");
  response.set_header("etag", '"' + to_hex(content->sha256) + '"');
  if (asked->partial)
    response.set_header("content-range", "bytes " + std::to_string(asked->offset) + "-" +
                                             std::to_string(asked->offset + asked->size_bytes - 1) + "/" + size);
  return response;
}

}  // namespace tern::server
