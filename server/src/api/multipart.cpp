#include "api/multipart.hpp"

#include <algorithm>

#include "api/head_text.hpp"

namespace tern::server {
namespace {

constexpr std::size_t boundary_bytes_max = 70;  // RFC 2046
constexpr std::size_t part_head_bytes_max = 4096;
constexpr std::size_t window_bytes = 64 * 1024;
constexpr std::string_view line_end = "\r\n", head_end = "\r\n\r\n";

tl::unexpected<Error> bad_multipart(const char* what) {
  return fail(ErrorCode::malformed, std::string("The multipart body is not in its form: ") + what + ".");
}

/// `form-data; name="x"; filename="y"` -> the value of one parameter. A quoted pair stands for its second byte.
std::optional<std::string> parameter_of(std::string_view header, std::string_view wanted) {
  std::size_t at = header.find(';');
  while (at != std::string_view::npos && at < header.size()) {
    const std::size_t equals = header.find('=', at);
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string name = lower_of(unpadded(header.substr(at + 1, equals - at - 1)));
    std::string value;
    std::size_t end = equals + 1;
    if (end < header.size() && header[end] == '"') {
      for (++end; end < header.size() && header[end] != '"'; ++end) {
        if (header[end] == '\\' && end + 1 < header.size()) ++end;
        value += header[end];
      }
      if (end >= header.size()) return std::nullopt;
      end = header.find(';', end);
    } else {
      end = header.find(';', end);
      value = std::string(unpadded(header.substr(equals + 1, end == std::string_view::npos ? end : end - equals - 1)));
    }
    if (name == wanted) return value;
    at = end;
  }
  return std::nullopt;
}

/// How some clients write a name beyond ASCII: `filename*=UTF-8''na%C3%AFve.txt`.
std::optional<std::string> extended_parameter_of(std::string_view header, std::string_view wanted) {
  const auto value = parameter_of(header, wanted);
  if (!value) return std::nullopt;
  const std::size_t quote = value->find('\''), second = value->find('\'', quote + 1);
  if (quote == std::string::npos || second == std::string::npos) return value;
  const auto decoded = percent_decoded(std::string_view(*value).substr(second + 1));
  return decoded ? decoded : value;
}

/// Where `needle` stands first, from `from` on; nothing: nowhere in `most` bytes.
Result<std::optional<std::uint64_t>> find_in(const RequestBody& body, std::string_view needle, std::uint64_t from,
                                             std::uint64_t most) {
  const std::uint64_t end = from + std::min(most, body.size() - std::min(from, body.size()));
  for (std::uint64_t at = from; at < end; at += window_bytes) {
    const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(window_bytes + needle.size() - 1, end - at));
    TERN_TRY(const Bytes window, body.read_at(at, length));
    const std::size_t found = window.find(needle);
    if (found != std::string::npos) return std::optional(at + found);
  }
  return std::optional<std::uint64_t>{};
}

/// What the head of a part says of it.
Result<MultipartPart> read_head(std::string_view heads) {
  while (!heads.empty()) {
    const std::size_t end = std::min(heads.find(line_end), heads.size());
    const std::string_view head = heads.substr(0, end);
    heads.remove_prefix(std::min(end + line_end.size(), heads.size()));
    const std::size_t colon = head.find(':');
    if (colon == std::string_view::npos || lower_of(head.substr(0, colon)) != "content-disposition") continue;
    const std::string_view value = head.substr(colon + 1);
    auto name = parameter_of(value, "name");
    if (!name || name->empty()) return bad_multipart("a part has no name");
    auto file_name = parameter_of(value, "filename");
    if (!file_name) file_name = extended_parameter_of(value, "filename*");
    return MultipartPart{std::move(*name), std::move(file_name)};
  }
  return bad_multipart("a part has no Content-Disposition");
}

}  // namespace

Result<std::vector<MultipartPart>> find_parts(std::string_view content_type, const RequestBody& body) {
  const auto boundary = parameter_of(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > boundary_bytes_max)
    return bad_multipart("it names no boundary");
  const std::string between = std::string(line_end) + "--" + *boundary;
  const std::string first = between.substr(line_end.size());
  TERN_TRY(const Bytes beginning, body.read_at(0, first.size()));
  if (beginning != first) return bad_multipart("it does not begin with its boundary");
  std::vector<MultipartPart> parts;
  std::uint64_t at = first.size();
  for (;;) {
    TERN_TRY(const Bytes mark, body.read_at(at, 2));
    if (mark == "--") return parts;
    if (mark != line_end) return bad_multipart("a boundary does not end its line");
    if (parts.size() >= multipart_parts_max) return fail(ErrorCode::too_large, "There are too many parts.");
    const std::uint64_t begin = at + line_end.size();
    TERN_TRY(const auto end, find_in(body, between, begin, body.size()));
    if (!end) return bad_multipart("it does not end with its boundary");
    TERN_TRY(const auto blank, find_in(body, head_end, begin, part_head_bytes_max));
    if (!blank || *blank + head_end.size() > *end) return bad_multipart("a part has no head");
    TERN_TRY(const Bytes heads, body.read_at(begin, static_cast<std::size_t>(*blank - begin)));
    TERN_TRY(MultipartPart part, read_head(heads));
    part.offset = *blank + head_end.size();
    part.size_bytes = *end - part.offset;
    parts.push_back(std::move(part));
    at = *end + between.size();
  }
}

}  // namespace tern::server
