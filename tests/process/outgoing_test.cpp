// A real ternd, and real peers that it sends to: webhooks over https, mail under STARTTLS.
#include "desk/outgoing_settings.hpp"
#include "outgoing/hook_body.hpp"
#include "support/authority.hpp"
#include "support/catch.hpp"
#include "support/process_desk.hpp"
#include "support/tls_peer.hpp"

namespace tern::test {
namespace {

Json body_of(const HookReceiver::Taken& taken) {
  const auto parsed = parse_json(taken.body);
  REQUIRE(parsed);
  return *parsed;
}

/// Of one attempt: made with the secret, at the time that it says.
bool is_signed(const HookReceiver::Taken& taken, const std::string& secret) {
  const std::string& signature = taken.headers.at("tern-signature");
  const std::int64_t seconds = std::stoll(signature.substr(2, signature.find(',') - 2));
  return signature == server::hook_signature({secret, "", 0}, seconds * 1'000, taken.body);
}

}  // namespace

TEST_CASE("what a killed server had committed and not sent is sent by the next one, once, signed and over TLS",
          "[outgoing]") {
  const TempDir folder;
  const Authority authority(folder, "outside", "IP:127.0.0.1");
  const std::uint16_t port = free_port();
  const std::string where = "127.0.0.1:" + std::to_string(port);
  const Words outside = {"--egress-allow", where, "--egress-ca", authority.ca};
  ServerProcess server(folder.file("server"));
  server.start(outside);
  const DeviceProcess ann(server, folder.file("ann"), "Ann");
  const Json hook = server
                        .admin({"webhook", "add", "Billing", "--url", "https://" + where + "/tern", "--owner", "Ann",
                                "--event", "ticket.created"})
                        .line();
  static_cast<void>(ann.open_ticket("Pump leaks"));
  CHECK(ann({"sync"}).line()["changes_sent"].as_integer() >= 1);
  CHECK(server.kill_hard().signal == 9);
  const Json waiting = server.admin({"webhook", "list"}).line();
  CHECK(waiting["waiting"] == Json(1));
  HookReceiver receiver(authority.certificate, authority.key, port);
  server.start(outside);
  REQUIRE(until([&] { return !receiver.taken().empty(); }, 30'000));
  REQUIRE(until([&] { return server.admin({"webhook", "list"}).line()["waiting"] == Json(0); }, 20'000));
  const auto taken = receiver.taken();
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].request_line == "POST /tern HTTP/1.1");
  CHECK(is_signed(taken[0], hook["secret"].as_string()));
  CHECK(body_of(taken[0])["ticket"]["subject"] == Json("Pump leaks"));
  const Json row = server.admin({"webhook", "log", "Billing"}).line();
  CHECK(row["state"] == Json("sent"));
  CHECK(row["delivery"] == body_of(taken[0])["id"]);
  CHECK(server.child().err().find(hook["secret"].as_string()) == std::string::npos);
  check_verified(server);
}

TEST_CASE("inner addresses and strangers' certificates are refused, and the log says so", "[outgoing]") {
  const TempDir folder;
  const Authority authority(folder, "outside", "IP:127.0.0.1"), stranger(folder, "stranger", "IP:127.0.0.1");
  HookReceiver receiver(stranger.certificate, stranger.key);
  const std::string where = "127.0.0.1:" + std::to_string(receiver.port());
  ServerProcess server(folder.file("server"));
  server.start({"--egress-allow", where, "--egress-ca", authority.ca});
  static_cast<void>(server.code_for("Ann"));
  const auto last_of = [&](const std::string& name) {
    return server.admin({"webhook", "log", name, "--limit", "1"}).line()["said"];
  };
  server.admin({"webhook", "add", "Inner", "--url", "https://127.0.0.1/", "--owner", "Ann"});
  server.admin({"webhook", "add", "Stranger", "--url", "https://" + where + "/", "--owner", "Ann"});
  for (const char* name : {"Inner", "Stranger"}) server.admin({"webhook", "test", name});
  CHECK(until([&] { return last_of("Inner") == Json("the address is an inner one"); }, 20'000));
  CHECK(until([&] { return last_of("Stranger") == Json("the certificate is not trusted"); }, 20'000));
  CHECK(receiver.taken().empty());
  CHECK(server.ternd({"serve", "--listen", "127.0.0.1:0", "--egress-allow", "nonsense"}).exit_code != 0);
}

TEST_CASE("mail goes out under STARTTLS with a password that came on stdin", "[outgoing]") {
  const TempDir folder;
  const Authority authority(folder, "outside", "DNS:localhost");
  MailReceiver receiver(authority.certificate, authority.key);
  ServerProcess server(folder.file("server"));
  server.start({"--egress-allow", "localhost:" + std::to_string(receiver.port()), "--egress-ca", authority.ca});
  static_cast<void>(server.code_for("Ann"));
  server.admin({"mail", "set", "--host", "localhost", "--port", std::to_string(receiver.port()), "--from",
                "support@harbour.example", "--user", "support", "--password-stdin"},
               "a mail password\n");
  CHECK(server.admin({"mail", "show"}).line()["has_password"] == Json(true));
  server.admin({"mail", "test", "Ann"});
  REQUIRE(until([&] { return !receiver.taken().empty(); }, 20'000));
  const auto taken = receiver.taken();
  CHECK(taken[0].under_tls);
  CHECK(taken[0].login == "AHN1cHBvcnQAYSBtYWlsIHBhc3N3b3Jk");
  CHECK(taken[0].from == "<>");
  CHECK(holds(taken[0].content, "From: \"Harbour\" <support@harbour.example>\r\n"));
  CHECK(until([&] { return server.admin({"mail", "log"}).line()["said"] == Json("250"); }, 20'000));
  CHECK_FALSE(holds(server.child().err(), "a mail password"));
}

}  // namespace tern::test
