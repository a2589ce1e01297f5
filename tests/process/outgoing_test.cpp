// A real ternd, and real peers that it sends to: webhooks over https, mail under STARTTLS.
#include "desk/outgoing_settings.hpp"
#include "outgoing/hook_body.hpp"
#include "support/authority.hpp"
#include "support/catch.hpp"
#include "support/process_desk.hpp"
#include "support/tls_peer.hpp"
#include "tern/protocol/base64.hpp"
#include "tern/protocol/crash_point.hpp"

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

#ifdef TERN_TEST_CRASH_POINTS
TEST_CASE("a server that dies around a delivery makes it once more, under the same name", "[outgoing][I30]") {
  for (const std::string_view point : sending_crash_points) {
    INFO(point);
    const TempDir folder;
    const Authority authority(folder, "outside", "IP:127.0.0.1");
    HookReceiver receiver(authority.certificate, authority.key);
    const std::string where = "127.0.0.1:" + std::to_string(receiver.port());
    const Words outside = {"--egress-allow", where, "--egress-ca", authority.ca};
    ServerProcess server(folder.file("server"));
    server.start(outside, {{"TERN_CRASH_AT", std::string(point) + ":1"}});
    const DeviceProcess ann(server, folder.file("ann"), "Ann");
    server.admin({"webhook", "add", "Billing", "--url", "https://" + where + "/tern", "--owner", "Ann", "--event",
                  "ticket.created"});
    static_cast<void>(ann.open_ticket("Pump leaks"));
    static_cast<void>(ann.tern({"sync"}));  // its answer may not come any more
    REQUIRE(until([&] { return !server.running(); }, 20'000));
    const std::size_t before = point == "after_send" ? 1 : 0;
    REQUIRE(receiver.taken().size() == before);
    server.kill_hard();
    server.start(outside);
    REQUIRE(until([&] { return server.admin({"webhook", "list"}).line()["waiting"] == Json(0); }, 40'000));
    const auto taken = receiver.taken();
    REQUIRE(taken.size() == before + 1);
    for (const auto& one : taken) CHECK(body_of(one)["id"] == body_of(taken.front())["id"]);
    check_verified(server);
  }
}
#endif

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
  server.admin({"webhook", "add", "Inner", "--url", "https://localhost/", "--owner", "Ann"});
  server.admin({"webhook", "add", "Stranger", "--url", "https://" + where + "/", "--owner", "Ann"});
  const Ended told = server.ternd({"webhook", "add", "Told", "--url", "https://127.0.0.1/", "--owner", "Ann"});
  CHECK(told.error()["code"] == Json("url_not_public"));  // another port than the one that is let out
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

TEST_CASE("a customer rates what was done by the link in its mail", "[outgoing]") {
  const TempDir folder;
  const Authority authority(folder, "outside", "DNS:localhost");
  MailReceiver receiver(authority.certificate, authority.key);
  ServerProcess server(folder.file("server"));
  server.start({"--public-url", "https://desk.example", "--egress-allow",
                "localhost:" + std::to_string(receiver.port()), "--egress-ca", authority.ca});
  const DeviceProcess ann(server, folder.file("ann"), "Ann");
  server.admin({"mail", "set", "--host", "localhost", "--port", std::to_string(receiver.port()), "--from",
                "support@harbour.example"});
  server.admin({"contact", "add", "Joe", "--email", "joe@customer.example"});
  static_cast<void>(ann({"sync"}));
  static_cast<void>(ann({"new", "--subject", "Pump leaks", "--queue", "Field", "--contact", "Joe"}));
  static_cast<void>(ann({"take", ann.number_of("Pump leaks")}));
  static_cast<void>(ann({"resolve", ann.number_of("Pump leaks"), "--result", "Tightened."}));
  static_cast<void>(ann({"sync"}));
  std::string token;
  const auto has_link = [&] {
    for (const auto& taken : receiver.taken()) {
      std::string packed = taken.content.substr(taken.content.find("\r\n\r\n") + 4);
      std::erase_if(packed, [](char c) { return c == '\r' || c == '\n'; });
      const std::string text = from_base64(packed).value_or(""), start = "https://desk.example/rate?token=";
      const auto at = text.find(start);
      if (at != std::string::npos) token = text.substr(at + start.size(), text.find('&', at) - at - start.size());
    }
    return !token.empty();
  };
  REQUIRE(until(has_link, 30'000));
  const auto curl = [&](const Words& more) {
    Words words = {"/usr/bin/curl", "-sS", "-w", "%{http_code}"};
    words.insert(words.end(), more.begin(), more.end());
    return run({words}).out;
  };
  const std::string page = server.url() + "/rate";
  const auto rating = [&] { return server.admin({"export"}).line()["csat"]; };
  const std::string form = curl({page + "?token=" + token + "&score=4"});
  CHECK(holds(form, "value=\"4\" checked"));
  CHECK(form.ends_with("200"));
  CHECK(rating().size() == 0);
  const Words rate = {"-d", "token=" + token, "-d", "score=4", "--data-urlencode", "comment=Quick & kind", page};
  CHECK(curl(rate).ends_with("200"));
  REQUIRE(rating().size() == 1);
  CHECK(rating().items()[0]["rating"] == Json(4));
  CHECK(rating().items()[0]["comment"] == Json("Quick & kind"));
  CHECK(curl(rate) == curl({page + "?token=none"}));
  CHECK(curl(rate).ends_with("404"));
  CHECK(rating().size() == 1);
  CHECK_FALSE(holds(server.child().err(), token));
  check_verified(server);
}

}  // namespace tern::test
