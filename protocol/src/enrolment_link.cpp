// The QR's text: a URI of our own with percent-encoded values, so that a phone's camera offers to open it.
#include <algorithm>

#include "tern/protocol/enrolment.hpp"

namespace tern::protocol {
namespace {

constexpr std::string_view link_prefix = "tern:enrol?v=1&";
constexpr std::size_t link_bytes_max = 2048;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~' || c == '/' || c == ':';
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_plain(c)) {
      out.push_back(c);
    } else {
      out += '%' + to_hex(ByteView(&c, 1));
    }
  }
  return out;
}

std::optional<std::string> unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const std::optional<Bytes> byte = from_hex(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1) return std::nullopt;
    out += *byte;
    i += 2;
  }
  return is_valid_utf8(out) ? std::optional(out) : std::nullopt;
}

/// The value of `name`, unescaped; empty when it is not there or damaged.
std::string value_of(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') {
      return unescaped(pair.substr(name.size() + 1)).value_or("");
    }
  }
  return {};
}

}  // namespace

std::string to_text(const EnrolmentLink& link) {
  return std::string(link_prefix) + "url=" + escaped(link.url) + "&tenant=" + to_hex(link.tenant) +
         "&root=" + to_hex(link.root) + "&code=" + escaped(link.code);
}

Result<EnrolmentLink> enrolment_link_from_text(std::string_view text) {
  const auto refused = [](std::string field) {
    return fail(ErrorCode::usage, "this is no enrolment link", "type server and code instead", std::move(field));
  };
  if (text.size() > link_bytes_max || !text.starts_with(link_prefix)) return refused("link");
  const std::string_view query = text.substr(link_prefix.size());
  EnrolmentLink link;
  link.url = value_of(query, "url");
  link.code = value_of(query, "code");
  const std::optional<TenantId> tenant = TenantId::from(from_hex(value_of(query, "tenant")).value_or(""));
  const std::optional<RootId> root = RootId::from(from_hex(value_of(query, "root")).value_or(""));
  if (link.url.empty()) return refused("url");
  if (!tenant) return refused("tenant");
  if (!root) return refused("root");
  TERN_CHECKED(EnrolmentCode::from_text(link.code));
  link.tenant = *tenant;
  link.root = *root;
  // Signs that somebody left unescaped take more room once it is written again.
  if (to_text(link).size() > link_bytes_max) return refused("link");
  return link;
}

}  // namespace tern::protocol
