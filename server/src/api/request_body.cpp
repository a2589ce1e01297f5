#include "api/request_body.hpp"

#include <algorithm>
#include <optional>

#include "tern/protocol/bytes.hpp"
#include "tern/server/http.hpp"

namespace tern::server {
namespace {

constexpr std::size_t boundary_bytes_max = 70;  // RFC 2046
constexpr std::size_t part_head_bytes_max = 4096;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

/// `form-data; name="x"; filename="y"` -> the value of one parameter. A quoted pair stands for its second byte.
std::optional<std::string> parameter_of(std::string_view header, std::string_view wanted) {
  std::size_t at = header.find(';');
  while (at != std::string_view::npos && at < header.size()) {
    const std::size_t equals = header.find('=', at);
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string name = lower(without_blanks(header.substr(at + 1, equals - at - 1)));
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
      value = std::string(
          without_blanks(header.substr(equals + 1, end == std::string_view::npos ? end : end - equals - 1)));
    }
    if (name == wanted) return value;
    at = end;
  }
  return std::nullopt;
}

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

tl::unexpected<Error> bad_multipart(const char* what) {
  return fail(ErrorCode::malformed, std::string("The multipart body is not in its form: ") + what + ".");
}

/// One part between its boundaries: head, empty line, content.
Result<void> add_part(Json& out, std::string_view part) {
  const std::size_t blank = part.find("\r\n\r\n");
  if (blank == std::string_view::npos || blank > part_head_bytes_max) return bad_multipart("a part has no head");
  const std::string_view content = part.substr(blank + 4);
  std::string_view heads = part.substr(0, blank);
  while (!heads.empty()) {
    const std::size_t end = std::min(heads.find("\r\n"), heads.size());
    const std::string_view head = heads.substr(0, end);
    heads.remove_prefix(std::min(end + 2, heads.size()));
    const std::size_t colon = head.find(':');
    if (colon == std::string_view::npos || lower(head.substr(0, colon)) != "content-disposition") continue;
    const std::string_view value = head.substr(colon + 1);
    auto name = parameter_of(value, "name");
    if (!name || name->empty()) return bad_multipart("a part has no name");
    auto file_name = parameter_of(value, "filename");
    if (!file_name) file_name = parameter_of(value, "filename*");  // how some clients write a name beyond ASCII
    if (!file_name) return add_field(out, std::move(*name), std::string(content));
    if (file_name->empty() && content.empty()) return {};  // a form whose file was not chosen
    return fail(ErrorCode::invalid, "No files are taken here: nothing was stored.", "Send the text without the file.",
                "files");
  }
  return bad_multipart("a part has no Content-Disposition");
}

Result<Json> decode_multipart(std::string_view content_type, std::string_view body) {
  const auto boundary = parameter_of(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > boundary_bytes_max)
    return bad_multipart("it names no boundary");
  const std::string between = "\r\n--" + *boundary;
  const std::string first = between.substr(2);
  if (!body.starts_with(first)) return bad_multipart("it does not begin with its boundary");
  body.remove_prefix(first.size());
  Json out = Json::object();
  while (!body.starts_with("--")) {
    if (!body.starts_with("\r\n")) return bad_multipart("a boundary does not end its line");
    body.remove_prefix(2);
    const std::size_t end = body.find(between);
    if (end == std::string_view::npos) return bad_multipart("it does not end with its boundary");
    TERN_CHECKED(add_part(out, body.substr(0, end)));
    body.remove_prefix(end + between.size());
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

Result<Json> decode_request_body(std::string_view content_type, std::string_view body) {
  const std::string type = lower(without_blanks(content_type.substr(0, content_type.find(';'))));
  if (type == "application/json" ||
      ((type.empty() || type == "application/x-www-form-urlencoded") && looks_like_object(body)))
    return decode_json(body);
  if (type == "application/x-www-form-urlencoded") return decode_form(body);
  if (type == "multipart/form-data") return decode_multipart(content_type, body);
  return fail(ErrorCode::malformed, "This content type is not read here.",
              "Send application/json, application/x-www-form-urlencoded or multipart/form-data.", "Content-Type");
}

}  // namespace tern::server
