// The texts of a mapping, as somebody writes them, and the requests that fill them. What is a text and what it comes
// to, another reading of docs/inbound.md says too.
//
// Input: one out of the log or not (1 byte), the text, a header's value (2 bytes of length each), then JSON.
#include <optional>
#include <variant>
#include <vector>

#include "fuzz/fuzz_input.hpp"
#include "inbound/template_text.hpp"

namespace tern::fz_template {

namespace {

using Paths = std::vector<std::string>;
using Piece = std::variant<std::string, Paths>;

std::vector<std::string> parted(std::string_view text, char at) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == at)
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

bool names_something(const std::string& path) {
  const std::string rest = path.starts_with('@') ? path.substr(1) : path;
  if (rest.size() > 200 || rest.find_first_of("{}|\"") != std::string::npos) return false;
  for (const char c : rest)
    if (static_cast<unsigned char>(c) < ' ') return false;
  return std::ranges::none_of(parted(rest, '.'), [](const std::string& name) { return name.empty(); });
}

/// Nothing: it is no text of a mapping.
std::optional<std::vector<Piece>> pieces_of(const std::string& text) {
  std::vector<Piece> out;
  std::size_t places = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::string two = text.substr(at, 2);
    if (two == "{{" || two == "}}") {
      out.emplace_back(two.substr(1));
      at += 2;
    } else if (text[at] == '}') {
      return std::nullopt;
    } else if (text[at] == '{') {
      const std::size_t end = text.find('}', at);
      if (end == std::string::npos || ++places > 20) return std::nullopt;
      const Paths paths = parted(text.substr(at + 1, end - at - 1), '|');
      if (!std::ranges::all_of(paths, names_something)) return std::nullopt;
      out.emplace_back(paths);
      at = end + 1;
    } else {
      out.emplace_back(text.substr(at++, 1));
    }
  }
  return out;
}

std::optional<std::string> said_at(const Json& value, const std::vector<std::string>& names, std::size_t from) {
  if (from == names.size()) {
    if (value.is_string() && !value.as_string().empty()) return value.as_string();
    return value.is_bool() || value.is_number() ? std::optional(to_text(value)) : std::nullopt;
  }
  const std::string& name = names[from];
  if (value.is_object()) {
    for (const auto& [member, inner] : value.members())
      if (member == name) return said_at(inner, names, from + 1);
    return std::nullopt;
  }
  if (name.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  const std::size_t first = std::min(name.find_first_not_of('0'), name.size() - 1);
  if (!value.is_array() || name.size() - first > 9) return std::nullopt;
  const std::size_t place = std::stoul(name);
  return place < value.size() ? said_at(value.items()[place], names, from + 1) : std::nullopt;
}

std::optional<std::string> said_by(const server::InboundRequest& request, const std::string& path) {
  if (path.starts_with('@')) {
    for (const auto& [name, value] : request.headers)
      if (name == path.substr(1) && !value.empty()) return value;
    return std::nullopt;
  }
  const auto said = said_at(request.payload, parted(path, '.'), 0);
  return request.event && said == "***" ? std::nullopt : said;
}

std::optional<std::string> filled(const std::vector<Piece>& pieces, const server::InboundRequest& request) {
  std::string out;
  bool asks = false, knows = false;
  for (const Piece& piece : pieces) {
    if (const auto* plain = std::get_if<std::string>(&piece)) {
      out += *plain;
      continue;
    }
    asks = true;
    for (const std::string& path : std::get<Paths>(piece))
      if (const auto said = said_by(request, path)) {
        knows = true;
        out += *said;
        break;
      }
  }
  return asks && !knows ? std::nullopt : std::optional(out);
}

}  // namespace

TERN_FUZZ_TARGET(fz_template) {
  fuzz::Input input(data, size_bytes);
  server::InboundRequest request;
  if ((input.u8() & 1) != 0) request.event = fuzz::filled<Hash>(1);
  const std::string text(input.sized());
  request.headers = {{"x-kind", std::string(input.sized())}, {"x-none", ""}};
  request.payload = parse_json(input.rest(), {.decimals = true}).value_or(Json::object());

  const auto parsed = server::TemplateText::parse(text);
  const auto pieces = pieces_of(text);
  check(parsed.has_value() == pieces.has_value(), "both readings agree on what a text is");
  if (!parsed) {
    check(!parsed.error().message.empty() && parsed.error().field == "mapping", "a refusal says why and where");
    return 0;
  }
  check(parsed->fill(request) == filled(*pieces, request), "both readings agree on what it comes to");
  return 0;
}

}  // namespace tern::fz_template
