// Which addresses the whole internet reaches, and so may be connected to.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tern::server {

/// Four bytes or sixteen, as they travel; any other number is none. False for all that special registries name
/// (RFC 6890 and what followed): this machine, private, shared (100.64/10), link-local, documentation, benchmarks,
/// multicast, reserved; and for whatever has an IPv4 address inside of it: mapped, NAT64, 6to4, Teredo.
bool is_global_address(std::span<const std::uint8_t> raw);

/// Whether a host, in lower case and of IPv6 without brackets, is itself an address that not the whole internet
/// reaches. Whatever a resolver takes for one counts: 127.1, 0x7f.1, 2130706433, ::ffff:7f00:1; and so does what ends
/// in a number and is none. A name: false.
bool is_inner_literal(std::string_view host);

}  // namespace tern::server
