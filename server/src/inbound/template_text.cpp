#include "inbound/template_text.hpp"

#include <algorithm>
#include <charconv>

namespace tern::server {
namespace {

constexpr std::size_t places_max = 20, path_bytes_max = 200;

bool is_path(std::string_view path) {
  if (path.starts_with('@')) path.remove_prefix(1);
  if (path.empty() || path.size() > path_bytes_max || path.front() == '.' || path.back() == '.') return false;
  return path.find("..") == std::string_view::npos && std::ranges::none_of(path, [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == '{' || c == '}' || c == '|' || c == '"';
         });
}

const Json* member_at(const Json& value, std::string_view name) {
  if (value.is_object()) return value.find(name);
  std::size_t place = 0;
  const auto read = std::from_chars(name.data(), name.data() + name.size(), place);
  if (!value.is_array() || read.ec != std::errc() || read.ptr != name.data() + name.size()) return nullptr;
  return place < value.size() ? &value.items()[place] : nullptr;
}

/// As text: nothing for what is not there, null, empty, or a list.
std::optional<std::string> text_of(const Json& value) {
  if (value.is_string()) return value.as_string().empty() ? std::nullopt : std::optional(value.as_string());
  if (value.is_bool() || value.is_number()) return to_text(value);
  return std::nullopt;
}

std::optional<std::string> text_at(const InboundRequest& request, std::string_view path) {
  if (path.starts_with('@')) {
    const auto found = request.headers.find(std::string(path.substr(1)));
    return found == request.headers.end() || found->second.empty() ? std::nullopt : std::optional(found->second);
  }
  const Json* at = &request.payload;
  while (at != nullptr && !path.empty()) {
    const std::size_t end = std::min(path.find('.'), path.size());
    at = member_at(*at, path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  auto said = at == nullptr ? std::nullopt : text_of(*at);
  // Of a request out of the log what was hidden is not there any more.
  if (request.event && said == inbound_hidden) return std::nullopt;
  return said;
}

tl::unexpected<Error> no_template(const std::string& why) {
  return fail(ErrorCode::invalid, why, "Places are written {member}, {list.0.member}, {@header} or {this|that}.",
              "mapping");
}

}  // namespace

Result<TemplateText> TemplateText::parse(std::string_view text) {
  TemplateText out;
  std::size_t places = 0;
  std::string plain;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if ((c == '{' || c == '}') && at + 1 < text.size() && text[at + 1] == c) {
      plain += c;
      at += 2;
      continue;
    }
    if (c == '}') return no_template("A } stands alone.");
    if (c != '{') {
      plain += c;
      ++at;
      continue;
    }
    const std::size_t end = text.find('}', at);
    if (end == std::string_view::npos) return no_template("A { is not closed.");
    if (++places > places_max) return no_template("There are more than 20 places in one text.");
    Part part;
    std::string_view inside = text.substr(at + 1, end - at - 1);
    for (std::size_t from = 0; from <= inside.size();) {
      const std::size_t bar = std::min(inside.find('|', from), inside.size());
      const std::string_view path = inside.substr(from, bar - from);
      if (!is_path(path)) return no_template("\"{" + std::string(inside) + "}\" names nothing.");
      part.paths.emplace_back(path);
      from = bar + 1;
    }
    if (!plain.empty()) out.parts_.push_back({std::exchange(plain, {}), {}});
    out.parts_.push_back(std::move(part));
    at = end + 1;
  }
  if (!plain.empty()) out.parts_.push_back({std::move(plain), {}});
  return out;
}

std::optional<std::string> TemplateText::fill(const InboundRequest& request) const {
  std::string out;
  std::size_t places = 0, filled = 0;
  for (const Part& part : parts_) {
    if (part.paths.empty()) {
      out += part.text;
      continue;
    }
    ++places;
    for (const std::string& path : part.paths) {
      const auto said = text_at(request, path);
      if (!said) continue;
      out += *said;
      ++filled;
      break;
    }
  }
  if (places > 0 && filled == 0) return std::nullopt;
  return out;
}

}  // namespace tern::server
