#include "outgoing/web_address.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace tern::server {
namespace {

constexpr std::size_t web_address_bytes_max = 2'000, host_bytes_max = 253, v6_bytes_max = 45;
constexpr std::string_view https = "https://";

/// In brackets stands an address and never a name: without them it would be another host.
bool is_host(std::string_view host, bool v6) {
  if (v6 && (host.size() > v6_bytes_max || std::ranges::count(host, ':') < 2)) return false;
  return !host.empty() && host.size() <= host_bytes_max && std::ranges::all_of(host, [&](char c) {
    const bool digit = c >= '0' && c <= '9';
    if (v6) return digit || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
    return digit || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_';
  });
}

std::optional<std::uint16_t> port_of(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0 || port > 65'535) return std::nullopt;
  return static_cast<std::uint16_t>(port);
}

/// Port 0: none was said.
std::optional<HostAndPort> split_authority(std::string_view text) {
  HostAndPort out;
  std::string_view port;
  const bool v6 = text.starts_with('[');
  if (v6) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    out.host = text.substr(1, close - 1);
    port = text.substr(close + 1);
  } else {
    const auto colon = std::min(text.find(':'), text.size());
    out.host = text.substr(0, colon);
    port = text.substr(colon);
  }
  for (char& c : out.host)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (!is_host(out.host, v6)) return std::nullopt;
  if (port.empty()) return out;
  const auto number = port.front() == ':' ? port_of(port.substr(1)) : std::nullopt;
  if (!number) return std::nullopt;
  out.port = *number;
  return out;
}

}  // namespace

Result<WebAddress> parse_web_address(std::string_view url) {
  const auto refuse = [] {
    return fail(ErrorCode::invalid, "That is no address that begins with https://.",
                "Write it like https://receiver.example/hook.", "url");
  };
  const bool printable = std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7f && c != '\\' && c != '#'; });
  if (!url.starts_with(https) || url.size() > web_address_bytes_max || !printable) return refuse();
  url.remove_prefix(https.size());
  const std::size_t end = std::min(url.find_first_of("/?"), url.size());
  const auto authority = split_authority(url.substr(0, end));
  if (!authority) return refuse();
  WebAddress out{authority->host, authority->port == 0 ? std::uint16_t{443} : authority->port, "/"};
  if (end < url.size()) out.target = (url[end] == '?' ? "/" : "") + std::string(url.substr(end));
  return out;
}

Result<HostAndPort> parse_host_and_port(std::string_view text, std::string_view field) {
  auto out = split_authority(text);
  if (out && out->port != 0) return std::move(*out);
  return fail(ErrorCode::invalid, "\"" + std::string(text) + "\" is no HOST:PORT.", "Write it like mail.example:587.",
              std::string(field));
}

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

}  // namespace tern::server
