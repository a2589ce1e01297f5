// Which addresses may be connected to, against a list of its own, at every edge and between.
#include "egress/address_rules.hpp"

#include <arpa/inet.h>

#include <array>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace tern::test {
namespace {

using Raw = std::vector<std::uint8_t>;

struct Cidr {
  const char* address;
  unsigned bits;
};
// RFC 6890, 6598, 8190, 9637, 9602 and the IANA registries of 2026, written down once more.
constexpr Cidr refused_v4[] = {{"0.0.0.0", 8},      {"10.0.0.0", 8},     {"100.64.0.0", 10}, {"127.0.0.0", 8},
                               {"169.254.0.0", 16}, {"172.16.0.0", 12},  {"192.0.0.0", 24},  {"192.0.2.0", 24},
                               {"192.88.99.0", 24}, {"192.168.0.0", 16}, {"198.18.0.0", 15}, {"198.51.100.0", 24},
                               {"203.0.113.0", 24}, {"224.0.0.0", 4},    {"240.0.0.0", 4}};
constexpr Cidr refused_v6[] = {
    {"::", 3},  // unspecified, loopback, mapped, NAT64 (64:ff9b::), and all that was never given out
    {"4000::", 2},  {"8000::", 1},  // ULA, link-local, site-local, multicast, 5f00:: with them
    {"2001::", 23}, {"2001:db8::", 32}, {"2002::", 16}, {"3fff::", 20}};
// Named by the design, each by an address that somebody would use.
constexpr const char* names_of_inner[] = {"::1",
                                          "::ffff:8.8.8.8",
                                          "::ffff:127.0.0.1",
                                          "64:ff9b::7f00:1",
                                          "64:ff9b::808:808",
                                          "64:ff9b:1::1",
                                          "2002:7f00:1::1",
                                          "2001:0:53aa:64c::1",
                                          "fc00::1",
                                          "fd12:3456::1",
                                          "fe80::1",
                                          "febf::1",
                                          "fec0::1",
                                          "ff02::1",
                                          "::",
                                          "100::1",
                                          "2001:2::1",
                                          "2001:10::1",
                                          "2001:20::1",
                                          "2001:db8::1",
                                          "3fff::1",
                                          "5f00::1"};

Raw raw_of(const std::string& text) {
  const bool v6 = text.find(':') != std::string::npos;
  Raw out(v6 ? 16 : 4);
  REQUIRE(::inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), out.data()) == 1);
  return out;
}

bool bit(const Raw& raw, unsigned i) {
  return (raw[i / 8] >> (7 - i % 8) & 1) != 0;
}

bool is_within(const Raw& raw, const Cidr& block) {
  const Raw base = raw_of(block.address);
  if (base.size() != raw.size()) return false;
  for (unsigned i = 0; i < block.bits; ++i)
    if (bit(raw, i) != bit(base, i)) return false;
  return true;
}

template <std::size_t N>
bool is_listed(const Raw& raw, const Cidr (&blocks)[N]) {
  for (const Cidr& block : blocks)
    if (is_within(raw, block)) return true;
  return false;
}

bool ought_to_be_global(const Raw& raw) {
  return raw.size() == 4 ? !is_listed(raw, refused_v4) : !is_listed(raw, refused_v6);
}

/// One more or less; past the end it comes out on the other side.
Raw stepped(Raw raw, int by) {
  for (std::size_t i = raw.size(); i-- > 0;) {
    const int sum = raw[i] + by;
    raw[i] = static_cast<std::uint8_t>(sum);
    if (sum >= 0 && sum <= 255) break;
  }
  return raw;
}

Raw last_of(const Cidr& block) {
  Raw out = raw_of(block.address);
  for (unsigned i = block.bits; i < out.size() * 8; ++i) out[i / 8] |= static_cast<std::uint8_t>(1U << (7 - i % 8));
  return out;
}

template <std::size_t N>
void check_edges(const Cidr (&blocks)[N]) {
  for (const Cidr& block : blocks) {
    const Raw first = raw_of(block.address), last = last_of(block);
    for (const Raw& raw : {first, last, stepped(first, 1), stepped(last, -1), stepped(first, -1), stepped(last, 1)}) {
      INFO(block.address << "/" << block.bits << " " << int{raw[0]} << "." << int{raw[1]} << " ... "
                         << int{raw.back()});
      CHECK(server::is_global_address(raw) == ought_to_be_global(raw));
    }
    CHECK_FALSE(server::is_global_address(first));
    CHECK_FALSE(server::is_global_address(last));
  }
}

}  // namespace

TEST_CASE("at each edge of each range that is not global, addresses are refused up to it and not beyond", "[egress]") {
  check_edges(refused_v4);
  check_edges(refused_v6);
  for (const char* inner : names_of_inner) {
    INFO(inner);
    CHECK_FALSE(server::is_global_address(raw_of(inner)));
  }
  for (const char* outer : {"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
                            "223.255.255.255", "2606:4700:4700::1111", "2a00:1450::1", "2001:200::1", "2003::1"}) {
    INFO(outer);
    CHECK(server::is_global_address(raw_of(outer)));
  }
  for (const std::size_t size : {0, 3, 5, 15, 17}) CHECK_FALSE(server::is_global_address(Raw(size, 8)));
}

TEST_CASE("any address is judged as the registries say", "[egress]") {
  // The first bits of a range and others behind them: near the edges, where random bits alone never come.
  const auto near = [](const Cidr& block, const std::array<std::uint8_t, 16>& bits) {
    Raw raw = raw_of(block.address);
    const auto same = *rc::gen::inRange<unsigned>(0, block.bits + 3);
    for (unsigned i = same; i < raw.size() * 8; ++i) {
      const auto mask = static_cast<std::uint8_t>(1U << (7 - i % 8));
      raw[i / 8] = static_cast<std::uint8_t>((raw[i / 8] & ~mask) | (bits[i / 8] & mask));
    }
    RC_ASSERT(server::is_global_address(raw) == ought_to_be_global(raw));
  };
  CHECK(rc::check("IPv4", [&](const std::array<std::uint8_t, 16>& bits) {
    near(refused_v4[*rc::gen::inRange<std::size_t>(0, std::size(refused_v4))], bits);
  }));
  CHECK(rc::check("IPv6", [&](const std::array<std::uint8_t, 16>& bits) {
    near(refused_v6[*rc::gen::inRange<std::size_t>(0, std::size(refused_v6))], bits);
  }));
}

}  // namespace tern::test
