#include "server_url.hpp"

#include <Poco/Exception.h>
#include <Poco/Net/IPAddress.h>
#include <Poco/URI.h>

namespace tern::client {
namespace {

bool is_this_machine(const std::string& host) {
  Poco::Net::IPAddress address;
  return host == "localhost" || (Poco::Net::IPAddress::tryParse(host, address) && address.isLoopback());
}

}  // namespace

std::string ServerUrl::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (tls ? 443 : 80) ? name : name + ":" + std::to_string(port);
}

Result<ServerUrl> parse_server_url(const TransportOptions& options) {
  const auto refuse = [&](const char* why) {
    return fail(ErrorCode::usage, "The server's address " + options.server_url + " " + why,
                "Write it as https://HOST or https://HOST:PORT", "server");
  };
  try {
    const Poco::URI uri(options.server_url);
    const bool tls = uri.getScheme() == "https";
    if (!tls && uri.getScheme() != "http") return refuse("is not an https address");
    const bool bare = (uri.getPath().empty() || uri.getPath() == "/") && uri.getRawQuery().empty() &&
                      uri.getFragment().empty() && uri.getUserInfo().empty();
    if (uri.getHost().empty() || !bare) return refuse("must name a host and nothing behind it");
    if (!tls && !options.insecure_http && !is_this_machine(uri.getHost()))
      return refuse("is not encrypted, which is only allowed on this machine or with --insecure-http");
    return ServerUrl{tls, uri.getHost(), uri.getPort()};
  } catch (const Poco::Exception&) {
    return refuse("cannot be read");
  }
}

}  // namespace tern::client
