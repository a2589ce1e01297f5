// Addresses that somebody tells this server to send to, judged by their words alone: the door judges what names lead
// to.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "outgoing/web_address.hpp"

namespace tern::server {

/// As parse_web_address; `url_not_public` with field "url" for an inner literal that `allowed` does not know. An http
/// address of one is refused as what it is, too.
Result<WebAddress> told_web_address(std::string_view url,
                                    const std::function<bool(const std::string& host, std::uint16_t port)>& allowed);

}  // namespace tern::server
