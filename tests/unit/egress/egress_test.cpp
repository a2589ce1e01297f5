// The one way out, against real peers.
#include "tern/server/egress.hpp"

#include <atomic>
#include <thread>

#include "outgoing/web_address.hpp"
#include "support/catch.hpp"
#include "support/must.hpp"
#include "support/tls_peer.hpp"
#include "unit/edge/test_certificate.hpp"

namespace tern::test {
namespace {

using server::EgressOptions;
using server::MailPost;
using server::MailSecurity;
using server::MailServer;
using server::WebPost;

std::unique_ptr<server::Egress> way_to(std::uint16_t port, const std::string& ca, std::int64_t deadline_ms = 10'000) {
  EgressOptions options;
  options.allow = {"127.0.0.1:" + std::to_string(port), "localhost:" + std::to_string(port)};
  options.ca_file = ca;
  options.web_deadline_ms = options.mail_deadline_ms = deadline_ms;
  return must(server::make_egress(options));
}

WebPost to_port(std::uint16_t port, const std::string& host = "127.0.0.1") {
  return {"https://" + host + ":" + std::to_string(port) + "/hook?a=b", {{"Tern-Event", "test"}}, "{\"a\":1}"};
}

template <typename Answer>
std::string trouble_of(const Result<Answer>& answer) {
  REQUIRE_FALSE(answer);
  return std::string(to_string(answer.error().code)) + ": " + answer.error().message;
}

}  // namespace

TEST_CASE("a webhook is posted over TLS to the address that was looked up, and only its status comes back",
          "[egress]") {
  const TestCertificate certificate;
  HookReceiver receiver(certificate.certificate_file(), certificate.key_file());
  const auto egress = way_to(receiver.port(), certificate.certificate_file());
  CHECK(must(egress->post(to_port(receiver.port()))) == 204);
  CHECK(must(egress->post(to_port(receiver.port(), "localhost"))) == 204);
  receiver.status = 302;  // a redirect is an answer, and nothing is fetched
  CHECK(must(egress->post(to_port(receiver.port()))) == 302);
  receiver.status = 503;
  CHECK(must(egress->post(to_port(receiver.port()))) == 503);
  const auto taken = receiver.taken();
  REQUIRE(taken.size() == 4);
  CHECK(taken[0].request_line == "POST /hook?a=b HTTP/1.1");
  CHECK(taken[0].headers.at("host") == "127.0.0.1:" + std::to_string(receiver.port()));
  CHECK(taken[0].headers.at("tern-event") == "test");
  CHECK(taken[0].body == "{\"a\":1}");
  CHECK(taken[1].headers.at("host") == "localhost:" + std::to_string(receiver.port()));
}

TEST_CASE("what is not allowed is not connected to: inner addresses, other ports, other certificates", "[egress]") {
  const TestCertificate certificate, other, elsewhere("desk.example");
  HookReceiver receiver(certificate.certificate_file(), certificate.key_file());
  HookReceiver named(elsewhere.certificate_file(), elsewhere.key_file());
  const auto closed = must(server::make_egress({}));
  for (const std::string host :
       {"127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "2130706433", "0x7f.1"})
    CHECK(trouble_of(closed->post({"https://" + host + "/", {}, ""})) == "not_permitted: the address is an inner one");
  CHECK(trouble_of(closed->post({"https://127.0.0.1:8443/", {}, ""})) == "not_permitted: the port is not allowed");
  CHECK(trouble_of(closed->mail({"localhost", 25, MailSecurity::starttls, "", ""}, {"", "a@b.example", ""})) ==
        "not_permitted: the address is an inner one");
  const auto open = way_to(receiver.port(), other.certificate_file());
  CHECK(trouble_of(open->post(to_port(receiver.port()))) == "no_connection: the certificate is not trusted");
  const auto by_name = way_to(named.port(), elsewhere.certificate_file());
  CHECK(trouble_of(by_name->post(to_port(named.port()))) == "no_connection: the certificate is for another name");
  CHECK(receiver.taken().empty());
  CHECK(named.taken().empty());
  for (const std::string url :
       {"http://a.example/", "https://", "https://a b/", "https://u@a.example/", "https://a.example/#x",
        "https://a.example:0/", "https://a.example:70000/", "https://a\r\nX: y/", "ftp://a.example/",
        "https://[a.example]/", "https://[127.0.0.1]/", "https://[fe80::1%25eth0]/"})
    CHECK(closed->post({url, {}, ""}).error().code == ErrorCode::invalid);
  CHECK(server::make_egress({{"nowhere"}, "", 1, 1}).error().code == ErrorCode::usage);
  CHECK(server::make_egress({{}, "/no/such/file", 1, 1}).error().code == ErrorCode::usage);
}

TEST_CASE("whoever answers too slowly, too much, or no HTTP is left, and a stop ends the wait", "[egress]") {
  const TestCertificate certificate;
  std::string answer;
  TlsPeer peer(certificate.certificate_file(), certificate.key_file(), [&](PeerLine& line) {
    line.start_tls();
    if (!answer.empty()) line.write(answer);
    while (true) line.read_line();
  });
  const auto egress = way_to(peer.port(), certificate.certificate_file());
  answer = "HTTP/1.1 200 OK";  // and no end of it
  {
    const auto hasty = way_to(peer.port(), certificate.certificate_file(), 300);
    CHECK(trouble_of(hasty->post(to_port(peer.port()))) == "no_connection: too slow");
  }
  answer = std::string(80'000, 'x');
  CHECK(trouble_of(egress->post(to_port(peer.port()))) == "no_connection: says too much");
  answer = "SSH-2.0-OpenSSH\r\n";
  CHECK(trouble_of(egress->post(to_port(peer.port()))) == "no_connection: does not speak HTTP");
  answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\n";
  CHECK(must(egress->post(to_port(peer.port()))) == 201);
  answer.clear();
  std::thread stopper([&] { egress->stop(); });
  CHECK_FALSE(egress->post(to_port(peer.port())));
  stopper.join();
  CHECK(trouble_of(egress->post(to_port(peer.port()))) == "no_connection: this server stops");
}

TEST_CASE("of an answer that is asked for as much is read as it says, within 64 KiB, and nowhere else is asked",
          "[egress]") {
  const TestCertificate certificate;
  std::string answer, asked;
  TlsPeer peer(certificate.certificate_file(), certificate.key_file(), [&](PeerLine& line) {
    line.start_tls();
    asked = line.read_line();
    line.write(answer);
    line.read(1'000'000);
  });
  const auto egress = way_to(peer.port(), certificate.certificate_file());
  const auto fetched = [&](const std::string& what) {
    answer = what;
    return egress->fetch({"GET", "https://localhost:" + std::to_string(peer.port()) + "/a?b", {}, {}});
  };
  const auto good = must(fetched("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more"));
  CHECK(good.status == 200);
  CHECK(good.body == "hello");
  CHECK(asked == "GET /a?b HTTP/1.1");
  CHECK(
      must(fetched("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n")).body ==
      "hello");
  const auto moved = must(fetched("HTTP/1.1 302 Found\r\nLocation: https://localhost/\r\nContent-Length: 0\r\n\r\n"));
  CHECK(moved.status == 302);
  for (const char* bad : {"HTTP/1.1 200 OK\r\n\r\nno end", "HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n\r\nhello",
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n",
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nno header\r\n\r\n"}) {
    INFO(bad);
    CHECK_FALSE(fetched(bad));
  }
  CHECK(trouble_of(egress->fetch({"GET", "http://localhost/", {}, {}})).starts_with("invalid"));
  CHECK(trouble_of(egress->fetch({"GET", "https://127.0.0.1/", {}, {}})).starts_with("not_permitted"));
}

TEST_CASE("a mail goes under TLS with its login inside, and never without TLS unless that was said", "[egress]") {
  const TestCertificate certificate;
  MailReceiver receiver(certificate.certificate_file(), certificate.key_file());
  const auto egress = way_to(receiver.port(), certificate.certificate_file());
  const MailServer server{"localhost", receiver.port(), MailSecurity::starttls, "desk", "secret"};
  CHECK(must(egress->mail(server, {"desk@a.example", "joe@b.example", "Subject: x\r\n\r\n.dot\r\n..two\r\n"})).code ==
        250);
  receiver.to_recipients = 550;
  const auto refused = must(egress->mail(server, {"", "joe@b.example", "Subject: x\r\n\r\n"}));
  CHECK(refused.code == 550);
  CHECK_FALSE(refused.of_message);
  const auto taken = receiver.taken();
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].under_tls);
  CHECK(taken[0].login == "AGRlc2sAc2VjcmV0");
  CHECK(taken[0].from == "<desk@a.example>");
  CHECK(taken[0].to == "<joe@b.example>");
  CHECK(taken[0].content == "Subject: x\r\n\r\n.dot\r\n..two\r\n");
  // A recipient cannot hold a command.
  for (const std::string address : {"joe@b.example>\r\nRCPT TO:<eve@c.example", "", "a b@c.example"})
    CHECK_FALSE(egress->mail(server, {"", address, "x"}));

  MailReceiver plain(certificate.certificate_file(), certificate.key_file(), false);
  const auto way = way_to(plain.port(), certificate.certificate_file());
  const MailServer bare{"localhost", plain.port(), MailSecurity::starttls, "", ""};
  CHECK(trouble_of(way->mail(bare, {"", "joe@b.example", "x"})) == "no_connection: the mail server offers no TLS");
  CHECK(must(way->mail({"localhost", plain.port(), MailSecurity::plain, "", ""}, {"", "joe@b.example", "x"})).code ==
        250);
}

TEST_CASE("an address is refused by the codes that say so, and what is refused of a message is not its address",
          "[egress]") {
  const TestCertificate certificate;
  MailReceiver receiver(certificate.certificate_file(), certificate.key_file());
  const auto egress = way_to(receiver.port(), certificate.certificate_file());
  const MailServer server{"localhost", receiver.port(), MailSecurity::starttls, "", ""};
  const MailPost post{"", "joe@b.example", "x"};
  for (const int code : {450, 550, 551, 553}) {
    receiver.to_recipients = code;
    CHECK(must(egress->mail(server, post)).code == code);
  }
  for (const int code : {530, 535, 552, 554}) {
    receiver.to_recipients = code;
    CHECK(trouble_of(egress->mail(server, post)) ==
          "no_connection: the mail server refuses the recipient (" + std::to_string(code) + ")");
  }
  receiver.to_recipients = 250;
  for (const int code : {451, 550, 554}) {
    receiver.to_messages = code;
    const auto answer = must(egress->mail(server, post));
    CHECK(answer.code == code);
    CHECK(answer.of_message);
  }
}

TEST_CASE("the answer to a message has a time of its own, and a stop lets it come for a while", "[egress]") {
  const TestCertificate certificate;
  const std::string file = certificate.certificate_file(), key = certificate.key_file();
  std::atomic<server::Egress*> stopped{nullptr};
  const auto take_message = [](PeerLine& line) {
    line.write("220 mail.example\r\n");
    for (const char* answer : {"250 mail.example\r\n", "250 good\r\n", "250 good\r\n", "354 say it\r\n"}) {
      line.read_line();
      line.write(answer);
    }
    while (line.read_line() != ".") {
    }
  };
  TlsPeer silent(file, key, [&](PeerLine& line) {
    take_message(line);
    line.read_line();
  });
  TlsPeer slow(file, key, [&](PeerLine& line) {
    take_message(line);
    stopped.load()->stop();
    if (!line.stirs_within(300)) line.write("250 taken\r\n");
  });
  TlsPeer stuck(file, key, [&](PeerLine& line) {
    take_message(line);
    stopped.load()->stop();
    line.read_line();
  });
  EgressOptions options;
  options.ca_file = file;
  for (const TlsPeer* peer : {&silent, &slow, &stuck})
    options.allow.push_back("localhost:" + std::to_string(peer->port()));
  const auto mail = [&](const TlsPeer& peer) {
    const auto egress = must(server::make_egress(options));
    stopped = egress.get();
    return egress->mail({"localhost", peer.port(), MailSecurity::plain, "", ""}, {"", "joe@b.example", "x"});
  };
  options.mail_taken_ms = options.mail_drain_ms = 300;
  CHECK(trouble_of(mail(silent)) == "no_connection: too slow");
  options.mail_taken_ms = 600'000;
  CHECK(trouble_of(mail(stuck)) == "no_connection: this server stops");
  options.mail_drain_ms = 600'000;
  CHECK(must(mail(slow)).code == 250);
}

}  // namespace tern::test
