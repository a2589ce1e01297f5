// Which addresses the whole internet reaches, and so may be connected to.
#pragma once

#include <cstdint>
#include <span>

namespace tern::server {

/// Four bytes or sixteen, as they travel; any other number is none. False for all that special registries name
/// (RFC 6890 and what followed): this machine, private, shared (100.64/10), link-local, documentation, benchmarks,
/// multicast, reserved; and for whatever has an IPv4 address inside of it: mapped, NAT64, 6to4, Teredo.
bool is_global_address(std::span<const std::uint8_t> raw);

}  // namespace tern::server
