// Addresses of the inside, as somebody tells them.
#include "outgoing/told_address.hpp"

#include "egress/address_rules.hpp"

#include "support/catch.hpp"

namespace tern::test {

TEST_CASE("a host that is an address of the inside is known in each form that resolvers take", "[egress]") {
  for (const char* inner : {"127.0.0.1",
                            "127.1",
                            "0x7f.1",
                            "0x7f000001",
                            "2130706433",
                            "017700000001",
                            "127.0.0.1.",
                            "0177.0.0.0x1",
                            "10.1.2.3",
                            "192.168.257",
                            "100.64.0.1",
                            "0",
                            "0x",
                            "169.254.169.254",
                            "256.1.1.1",
                            "1.2.3.4.5",
                            "8.8.8.08",
                            "8.8.8.256",
                            "8..8.8",
                            "99999999999",
                            "::1",
                            "::",
                            "::ffff:8.8.8.8",
                            "fd00::1",
                            "fe80::1",
                            "2001:db8::",
                            "64:ff9b::8.8.8.8",
                            ":::",
                            "2606:4700",
                            "2606::4700::1",
                            "2606:4700:1:2:3:4:5:6:7",
                            "2606:47000::1",
                            "1.2.3.4:5"}) {
    INFO(inner);
    CHECK(server::is_inner_literal(inner));
  }
  for (const char* outer :
       {"8.8.8.8", "8.8", "0x8.0x8.0x8.0x8", "134744072", "hooks.example", "localhost", "1.example", "0x7f.example",
        "1.0xfg", "2606:4700:4700::1111", "2a00:1450:4001:830::200e", "2606:4700:4700:0:0:0:1.1.1.1", "2003::"}) {
    INFO(outer);
    CHECK_FALSE(server::is_inner_literal(outer));
  }
}

TEST_CASE("an address of the inside is told to nobody but whom the operator of the server named", "[egress]") {
  const auto judged = [](const char* url) {
    const auto told = server::told_web_address(
        url, [](const std::string& host, std::uint16_t port) { return host == "10.0.0.7" && port == 8443; });
    return told ? "good" : std::string(to_string(told.error().code)) + " " + told.error().field;
  };
  CHECK(judged("https://hooks.example/x") == "good");
  CHECK(judged("https://8.8.8.8/x") == "good");
  CHECK(judged("https://10.0.0.7:8443/x") == "good");
  CHECK(judged("https://10.0.0.7/x") == "url_not_public url");
  CHECK(judged("https://[::FFFF:7f00:1]/") == "url_not_public url");
  CHECK(judged("http://169.254.169.254") == "url_not_public url");
  CHECK(judged("http://hooks.example/x") == "invalid url");
  CHECK(judged("https://ann@10.0.0.7/") == "invalid url");
}

}  // namespace tern::test
