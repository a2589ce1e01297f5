// The address of a server as people write it.
#pragma once

#include <cstdint>
#include <string>

#include "tern/client_poco/http_transport.hpp"

namespace tern::client {

struct ServerUrl {
  bool tls = true;
  std::string host;  // a name or an IP, without brackets
  std::uint16_t port = 0;
  /// As a Host header writes it.
  [[nodiscard]] std::string authority() const;
};

/// Error `usage`: not http(s)://HOST[:PORT], or plain http to another machine without leave.
Result<ServerUrl> parse_server_url(const TransportOptions& options);

}  // namespace tern::client
