#include "egress/address_rules.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

namespace tern::server {
namespace {

constexpr std::size_t v4_bytes = 4, v6_bytes = 16;

struct AddressBlock {
  std::array<std::uint8_t, v6_bytes> first;
  unsigned bits;
};

constexpr AddressBlock inner_v4[] = {
    {{0}, 8},              // this network
    {{10}, 8},             // private
    {{100, 64}, 10},       // shared by customers of a carrier
    {{127}, 8},            // this machine
    {{169, 254}, 16},      // link-local, and what clouds tell of their machines
    {{172, 16}, 12},       // private
    {{192, 0, 0}, 24},     // protocol assignments
    {{192, 0, 2}, 24},     // documentation
    {{192, 88, 99}, 24},   // relays of 6to4
    {{192, 168}, 16},      // private
    {{198, 18}, 15},       // benchmarks
    {{198, 51, 100}, 24},  // documentation
    {{203, 0, 113}, 24},   // documentation
    {{224}, 4},            // multicast
    {{240}, 4},            // reserved, broadcast
};

// Of IPv6 only 2000::/3 is given out; the rest, mapped and NAT64 addresses with it, is refused as a whole.
constexpr AddressBlock given_out_v6 = {{0x20}, 3};
constexpr AddressBlock inner_v6[] = {
    {{0x20, 0x01}, 23},              // protocol assignments: Teredo, benchmarks, ORCHID
    {{0x20, 0x01, 0x0d, 0xb8}, 32},  // documentation
    {{0x20, 0x02}, 16},              // 6to4
    {{0x3f, 0xff}, 20},              // documentation
};

bool is_in(std::span<const std::uint8_t> raw, const AddressBlock& block) {
  const std::size_t whole = block.bits / 8;
  if (!std::equal(raw.begin(), raw.begin() + static_cast<std::ptrdiff_t>(whole), block.first.begin())) return false;
  const unsigned rest = block.bits % 8;
  return rest == 0 || (raw[whole] ^ block.first[whole]) >> (8 - rest) == 0;
}

template <std::size_t N>
bool is_in_any(std::span<const std::uint8_t> raw, const AddressBlock (&blocks)[N]) {
  return std::any_of(std::begin(blocks), std::end(blocks), [&](const AddressBlock& one) { return is_in(raw, one); });
}

/// Whether a resolver would take it for an address and not for a name.
bool ends_in_number(std::string_view host) {
  const std::string_view last = host.substr(host.rfind('.') + 1);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_hex = [&](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); };
  return !last.empty() && (std::ranges::all_of(last, is_digit) ||
                           (last.starts_with("0x") && std::ranges::all_of(last.substr(2), is_hex)));
}

}  // namespace

bool is_global_address(std::span<const std::uint8_t> raw) {
  if (raw.size() == v4_bytes) return !is_in_any(raw, inner_v4);
  return raw.size() == v6_bytes && is_in(raw, given_out_v6) && !is_in_any(raw, inner_v6);
}

bool is_inner_literal(std::string_view host) {
  std::array<std::uint8_t, v6_bytes> raw{};
  if (host.find(':') != std::string_view::npos)
    return inet_pton(AF_INET6, std::string(host).c_str(), raw.data()) != 1 || !is_global_address(raw);
  if (host.ends_with('.')) host.remove_suffix(1);
  if (!ends_in_number(host)) return false;
  // As resolvers read them, too: in one to four parts, octal and hexadecimal.
  in_addr v4{};
  if (inet_aton(std::string(host).c_str(), &v4) == 0) return true;
  std::memcpy(raw.data(), &v4, v4_bytes);
  return !is_global_address(std::span(raw).first(v4_bytes));
}

}  // namespace tern::server
