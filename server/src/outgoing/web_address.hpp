// Where a webhook is: an https address, judged before it is kept and again before it is used.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tern/protocol/error.hpp"

namespace tern::server {

struct WebAddress {
  std::string host;  // lower case; of an IPv6 address without brackets
  std::uint16_t port = 443;
  std::string target = "/";  // path and query
};

/// `invalid` with field "url" for anything but https://HOST[:PORT][/...]: no name or password in it, no fragment,
/// printable ASCII, at most 2,000 bytes.
Result<WebAddress> parse_web_address(std::string_view url);

struct HostAndPort {
  std::string host;
  std::uint16_t port = 0;
};
/// "host:25", "[::1]:25". `invalid` with `field`.
Result<HostAndPort> parse_host_and_port(std::string_view text, std::string_view field);

/// A host as it stands in a header or in SNI: brackets around an IPv6 address.
std::string bracketed(const std::string& host);

}  // namespace tern::server
