#include "outgoing/told_address.hpp"

#include <string>

#include "egress/address_rules.hpp"

namespace tern::server {
namespace {

constexpr std::string_view http = "http://";

}  // namespace

Result<WebAddress> told_web_address(std::string_view url,
                                    const std::function<bool(const std::string& host, std::uint16_t port)>& allowed) {
  const bool plain = url.starts_with(http);
  auto address = plain ? parse_web_address("https://" + std::string(url.substr(http.size()))) : parse_web_address(url);
  if (address && is_inner_literal(address->host) && !allowed(address->host, address->port))
    return fail(ErrorCode::url_not_public, "The internet does not reach " + bracketed(address->host) + ".",
                "A receiver of your own network is named with ternd serve --egress-allow " + bracketed(address->host) +
                    ":" + std::to_string(address->port) + "; add it while that runs.",
                "url");
  return plain ? parse_web_address(url) : address;
}

}  // namespace tern::server
