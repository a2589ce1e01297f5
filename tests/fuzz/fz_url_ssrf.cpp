// Where a webhook is to go, out of the hands of whoever sets it up. What is read of an address is what Poco reads of
// it, what the machine's own resolver makes of its host and what is connected to; it is written and read back the same;
// and an address of the inside is never connected to, however it is written.
//
// Input: which (1 byte), then an address; or a notation (1 byte), the four or sixteen bytes of an IP address and what
// is written around it; or those bytes alone.
#include <Poco/URI.h>
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include <optional>
#include <string>
#include <vector>

#include "egress/address_rules.hpp"
#include "egress/outgoing_line.hpp"
#include "fuzz/fuzz_input.hpp"
#include "outgoing/web_address.hpp"
#include "tern/server/egress.hpp"

namespace tern::fz_url_ssrf {

namespace {

using Raw = std::vector<std::uint8_t>;

template <typename Number>
struct Range {
  Number first, last;
};
// The registries of IANA once more, as numbers; of IPv6 the upper half of an address.
constexpr Range<std::uint32_t> inner_v4[] = {
    {0x00000000, 0x00ffffff}, {0x0a000000, 0x0affffff}, {0x64400000, 0x647fffff}, {0x7f000000, 0x7fffffff},
    {0xa9fe0000, 0xa9feffff}, {0xac100000, 0xac1fffff}, {0xc0000000, 0xc00000ff}, {0xc0000200, 0xc00002ff},
    {0xc0586300, 0xc05863ff}, {0xc0a80000, 0xc0a8ffff}, {0xc6120000, 0xc613ffff}, {0xc6336400, 0xc63364ff},
    {0xcb007100, 0xcb0071ff}, {0xe0000000, 0xffffffff}};
constexpr Range<std::uint64_t> inner_v6[] = {
    {0x0000000000000000, 0x1fffffffffffffff}, {0x2001000000000000, 0x200101ffffffffff},
    {0x20010db800000000, 0x20010db8ffffffff}, {0x2002000000000000, 0x2002ffffffffffff},
    {0x3fff000000000000, 0x3fff0fffffffffff}, {0x4000000000000000, 0xffffffffffffffff}};

template <typename Number, std::size_t N>
bool is_listed(const Raw& raw, const Range<Number> (&ranges)[N]) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) number = static_cast<Number>(number << 8 | raw[i]);
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [&](const auto& range) { return number >= range.first && number <= range.last; });
}

bool is_inner(const Raw& raw) {
  return raw.size() == 4 ? is_listed(raw, inner_v4) : is_listed(raw, inner_v6);
}

/// What the machine takes for an address and not for a name: it asks nobody for it.
std::optional<Raw> address_of_machine(const std::string& host) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), "443", &hints, &found) != 0) return std::nullopt;
  const auto* first =
      found->ai_family == AF_INET6
          ? reinterpret_cast<const std::uint8_t*>(&reinterpret_cast<const sockaddr_in6*>(found->ai_addr)->sin6_addr)
          : reinterpret_cast<const std::uint8_t*>(&reinterpret_cast<const sockaddr_in*>(found->ai_addr)->sin_addr);
  Raw out(first, first + (found->ai_family == AF_INET6 ? 16 : 4));
  ::freeaddrinfo(found);
  return out;
}

server::Egress& egress() {
  static const auto made = server::make_egress({});
  check(made.has_value(), "an egress is made");
  return **made;
}

std::string without_brackets(const std::string& host) {
  return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

void poco_reads_the_same(const std::string& url, const server::WebAddress& address) {
  std::optional<Poco::URI> other;
  try {
    other.emplace(url);
  } catch (const Poco::Exception&) {
    return;  // it connects to nothing
  }
  std::string host = without_brackets(other->getHost());
  for (char& c : host)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  check(other->getScheme() == "https" && host == address.host && other->getPort() == address.port, "host and port");
  check(other->getUserInfo().empty(), "nobody's name stands before the host");
}

void is_read_back(const server::WebAddress& address) {
  const std::string authority = server::bracketed(address.host) + ":" + std::to_string(address.port);
  const auto again = server::parse_web_address("https://" + authority + address.target);
  const std::size_t written = 8 + authority.size() + address.target.size();
  if (written > 2'000) return;  // it said no port, and is the longest
  check(again && again->host == address.host && again->port == address.port && again->target == address.target,
        "an address is written and read back the same");
  const auto pair = server::parse_host_and_port(authority, "allow");
  check(pair && pair->host == address.host && pair->port == address.port, "host and port are read as in an address");
}

void inside_is_not_connected_to(const std::string& url, const server::WebAddress& address) {
  const auto raw = address_of_machine(address.host);
  Poco::Net::IPAddress literal;
  const bool is_literal = Poco::Net::IPAddress::tryParse(address.host, literal);
  check(!is_literal || raw, "what Poco takes for an address the machine does, too");
  if (!raw) return;  // a name: whoever it belongs to is asked for it, which no fuzzing does
  const auto found = server::addresses_of_name(address.host);
  check(found && found->size() == 1, "an address is one");
  const auto* bytes = static_cast<const std::uint8_t*>(found->front().addr());
  check(Raw(bytes, bytes + found->front().length()) == *raw, "it is connected to the address that stands there");
  check(server::is_global_address(*raw) != is_inner(*raw), "an address is judged as the registries say");
  if (!is_inner(*raw) && address.port == 443) return;  // that would be connected to
  const auto posted = egress().post({url, {}, {}});
  check(!posted && posted.error().code == ErrorCode::not_permitted, "the inside is not connected to");
}

void judge(const std::string& url) {
  const auto address = server::parse_web_address(url);
  if (!address) {
    check(address.error().code == ErrorCode::invalid && address.error().field == "url", "a refusal names its field");
    return;
  }
  check(!address->host.empty() && address->port != 0 && address->target.starts_with('/'), "all parts are there");
  for (const std::string* part : {&address->host, &address->target})
    check(std::ranges::all_of(*part, [](char c) { return c > 0x20 && c < 0x7f; }), "no part breaks a line of a head");
  poco_reads_the_same(url, *address);
  is_read_back(*address);
  inside_is_not_connected_to(url, *address);
}

/// The same address, as people have written it to get past those who look for it.
std::string written(std::uint8_t notation, const Raw& v4, const Raw& v6) {
  const unsigned a = v4[0], b = v4[1], c = v4[2], d = v4[3];
  const unsigned whole = a << 24 | b << 16 | c << 8 | d;
  char text[INET6_ADDRSTRLEN];
  ::inet_ntop(AF_INET6, v6.data(), text, sizeof text);
  switch (notation % 16) {
    case 0:
      return fmt::format("{}.{}.{}.{}", a, b, c, d);
    case 1:
      return fmt::format("0{:o}.0{:o}.0{:o}.0{:o}", a, b, c, d);
    case 2:
      return fmt::format("0x{:x}.0X{:X}.{}.0{:o}", a, b, c, d);
    case 3:
      return std::to_string(whole);
    case 4:
      return fmt::format("0x{:08x}", whole);
    case 5:
      return fmt::format("0{:o}", whole);
    case 6:
      return fmt::format("{}.{}", a, whole & 0xffffff);
    case 7:
      return fmt::format("{}.{}.{}", a, b, whole & 0xffff);
    case 8:
      return fmt::format("[::ffff:{}.{}.{}.{}]", a, b, c, d);
    case 9:
      return fmt::format("[::{}.{}.{}.{}]", a, b, c, d);
    case 10:
      return fmt::format("[64:ff9b::{:x}:{:x}]", whole >> 16, whole & 0xffff);
    case 11:
      return fmt::format("[2002:{:x}:{:x}::1]", whole >> 16, whole & 0xffff);
    case 12:
      return fmt::format("[{}]", text);
    case 13:
      return fmt::format("[{}%25eth0]", text);
    case 14:
      return fmt::format("{}.{}.{}.{}.", a, b, c, d);
    default:
      return fmt::format("someone.example@{}.{}.{}.{}", a, b, c, d);
  }
}

Raw raw_of(ByteView bytes, std::size_t size) {
  Raw out(bytes.begin(), bytes.end());
  out.resize(size);
  return out;
}

}  // namespace

TERN_FUZZ_TARGET(fz_url_ssrf) {
  fuzz::Input input(data, size_bytes);
  const std::uint8_t mode = input.u8();
  if (mode % 3 == 1) {
    const std::uint8_t notation = input.u8();
    const Raw v6 = raw_of(input.take(16), 16), v4(v6.begin(), v6.begin() + 4);
    judge("https://" + written(notation, v4, v6) + std::string(input.rest()));
  } else if (mode % 3 == 2) {
    const Raw raw = raw_of(input.rest(), (mode & 4) != 0 ? 16 : 4);
    check(server::is_global_address(raw) != is_inner(raw), "an address is judged as the registries say");
  } else {
    judge(std::string(input.rest()));
  }
  return 0;
}

}  // namespace tern::fz_url_ssrf
