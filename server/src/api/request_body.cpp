#include "api/request_body.hpp"

#include <algorithm>
#include <optional>

#include "api/head_text.hpp"
#include "api/multipart.hpp"
#include "tern/protocol/bytes.hpp"
#include "tern/server/http.hpp"

namespace tern::server {
namespace {

/// "x[]" may stand several times, and is an array.
Result<void> add_field(Json& out, std::string name, std::string value) {
  if (!is_valid_utf8(name) || !is_valid_utf8(value))
    return fail(ErrorCode::invalid, "A parameter is no UTF-8 text.", "text_encoding", is_valid_utf8(name) ? name : "");
  if (out.size() >= api_parameters_max) return fail(ErrorCode::too_large, "There are too many parameters.");
  if (name.ends_with("[]")) {
    name.resize(name.size() - 2);
    Json list = out[name];
    if (!list.is_null() && !list.is_array())
      return fail(ErrorCode::invalid, "A parameter stands there twice.", "json_duplicate_key", name);
    if (list.size() >= api_parameters_max) return fail(ErrorCode::too_large, "A list is too long.", "", name);
    list.push(Json(std::move(value)));
    out.set(std::move(name), std::move(list));
    return {};
  }
  if (out.find(name) != nullptr)
    return fail(ErrorCode::invalid, "A parameter stands there twice.", "json_duplicate_key", name);
  out.append_member(std::move(name), Json(std::move(value)));
  return {};
}

Result<std::string> form_text(std::string_view raw) {
  std::string spaced(raw);
  std::ranges::replace(spaced, '+', ' ');
  auto decoded = percent_decoded(spaced);
  if (!decoded) return fail(ErrorCode::malformed, "The form is not in its form: a % without two digits, or a NUL.");
  return std::move(*decoded);
}

Result<Json> decode_form(std::string_view body) {
  Json out = Json::object();
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('&'), body.size());
    const std::string_view field = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    if (field.empty()) continue;
    const std::size_t equals = std::min(field.find('='), field.size());
    TERN_TRY(std::string name, form_text(field.substr(0, equals)));
    TERN_TRY(std::string value, form_text(field.substr(std::min(equals + 1, field.size()))));
    TERN_CHECKED(add_field(out, std::move(name), std::move(value)));
  }
  return out;
}

/// Whether a part is a file of the request's. A form whose file was not chosen has one without name and content.
Result<bool> brings_file(const MultipartPart& part) {
  if (!part.file_name || (part.file_name->empty() && part.size_bytes == 0)) return false;
  if (part.name == "files[]" || part.name == "files") return true;
  return fail(ErrorCode::invalid, "Files are taken as files[]: nothing was stored.", "", part.name);
}

Result<DecodedBody> decode_multipart(std::string_view content_type, const RequestBody& body) {
  TERN_TRY(const auto parts, find_parts(content_type, body));
  DecodedBody out{Json::object(), {}};
  std::uint64_t fields_bytes = 0;
  for (const MultipartPart& part : parts) {
    TERN_TRY(const bool file, brings_file(part));
    if (file) {
      out.files.push_back({*part.file_name, part.offset, part.size_bytes, {}, {}});
      continue;
    }
    if (part.file_name) continue;
    fields_bytes += part.size_bytes;
    if (fields_bytes > api_parameters_bytes_max) return fail(ErrorCode::too_large, "The parameters are too large.");
    TERN_TRY(Bytes value, body.read_at(part.offset, static_cast<std::size_t>(part.size_bytes)));
    TERN_CHECKED(add_field(out.parameters, part.name, std::move(value)));
  }
  return out;
}

Result<Json> decode_json(std::string_view body) {
  TERN_TRY(Json out, parse_json(body, {.depth_max = 32, .bytes_max = body.size(), .decimals = true}));
  if (!out.is_object()) return fail(ErrorCode::malformed, "The body is no JSON object.", "Send {\"action\": ...}.");
  if (out.size() > api_parameters_max) return fail(ErrorCode::too_large, "There are too many parameters.");
  return out;
}

bool looks_like_object(std::string_view body) {
  const std::size_t at = body.find_first_not_of(" \t\r\n");
  return at != std::string_view::npos && body[at] == '{';
}

}  // namespace

bool is_multipart(std::string_view content_type) {
  return lower_of(unpadded(content_type.substr(0, content_type.find(';')))) == "multipart/form-data";
}

Result<DecodedBody> decode_request_body(std::string_view content_type, const RequestBody& body) {
  if (is_multipart(content_type)) return decode_multipart(content_type, body);
  if (body.size() > api_parameters_bytes_max) return fail(ErrorCode::too_large, "The body is too large.");
  TERN_TRY(const Bytes text, body.read_all());
  const auto alone = [](Json parameters) { return DecodedBody{std::move(parameters), {}}; };
  const std::string type = lower_of(unpadded(content_type.substr(0, content_type.find(';'))));
  if (type == "application/json" ||
      ((type.empty() || type == "application/x-www-form-urlencoded") && looks_like_object(text)))
    return decode_json(text).map(alone);
  if (type == "application/x-www-form-urlencoded") return decode_form(text).map(alone);
  return fail(ErrorCode::malformed, "This content type is not read here.",
              "Send application/json, application/x-www-form-urlencoded or multipart/form-data.", "Content-Type");
}

}  // namespace tern::server
