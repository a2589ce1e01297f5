// The device's network against a real edge, and against servers that are none.
#include "tern/client_poco/http_transport.hpp"

#include "support/catch.hpp"
#include "unit/client_poco/scripted_server.hpp"
#include "unit/edge/probe_handler.hpp"
#include "unit/edge/test_certificate.hpp"

using namespace tern;
using namespace tern::test;
using client::HttpRequest;
using client::HttpTransport;

namespace {

std::unique_ptr<HttpTransport> transport_to(const std::string& url, const std::string& ca_file = {}) {
  client::TransportOptions options;
  options.server_url = url;
  options.ca_file = ca_file;
  options.connect_ms = options.stall_ms = 5'000;
  auto opened = HttpTransport::open(options);
  REQUIRE(opened);
  return std::move(*opened);
}

HttpRequest post(const std::string& target, Bytes body) {
  return {"POST", target, {{"x-a", "b"}}, std::move(body)};
}

std::string url_of(const EdgeUnderTest& edge, bool tls) {
  return (tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(edge.port());
}

void exchange_with(EdgeUnderTest& edge, HttpTransport& transport) {
  for (const std::size_t size : {0, 5, 100'000, 1'000'000}) {
    const Bytes body(size, 'x');
    const auto answer = transport.send(post("/echo", body));
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(answer->header("content-type") == "application/octet-stream");
    CHECK(answer->body == body);
  }
  CHECK(edge.server().counters().connections_accepted == 1);  // one connection for all of them
}

void stream_with(EdgeUnderTest& edge, HttpTransport& transport) {
  auto opening = transport.open_stream({"GET", "/stream", {{"tern-auth", "v=1"}}, {}});
  REQUIRE(opening);
  CHECK(opening->answer.status == 101);
  CHECK(opening->answer.header("x-mac") == "good");
  REQUIRE(opening->stream);
  auto& stream = *opening->stream;
  CHECK_FALSE(stream.receive(0).value());
  for (int i = 0; i < 20; ++i) REQUIRE(stream.send("message " + std::to_string(i)));
  for (int i = 0; i < 20; ++i) CHECK(stream.receive(5'000).value() == "message " + std::to_string(i));
  const Bytes large(1'500'000, 'm');
  REQUIRE(stream.send(large));
  CHECK(stream.receive(5'000).value() == large);
  stream.close();
  CHECK(stream.close_code() == 1000);
  CHECK(edge.handler.closed.wait());
  CHECK(edge.handler.close_code == 1000);
  CHECK_FALSE(stream.send("too late"));
}

}  // namespace

TEST_CASE("exchanges and a stream over plain HTTP", "[transport]") {
  EdgeUnderTest edge;
  edge.start();
  const auto transport = transport_to(url_of(edge, false));
  exchange_with(edge, *transport);
  stream_with(edge, *transport);
}

TEST_CASE("exchanges and a stream over TLS", "[transport][tls]") {
  const TestCertificate certificate;
  EdgeUnderTest edge;
  edge.options.tls_certificate_file = certificate.certificate_file();
  edge.options.tls_key_file = certificate.key_file();
  edge.start();
  const auto transport = transport_to(url_of(edge, true), certificate.certificate_file());
  exchange_with(edge, *transport);
  stream_with(edge, *transport);
  const auto big = transport->send({"GET", "/echo", {}, {}});
  CHECK(big.value().status == 200);
}

TEST_CASE("a server whose certificate is not trusted or not its own gets nothing", "[transport][tls]") {
  const TestCertificate certificate, other, foreign_name("elsewhere.example");
  EdgeUnderTest edge;
  edge.options.tls_certificate_file = certificate.certificate_file();
  edge.options.tls_key_file = certificate.key_file();
  edge.start();
  for (const std::string& ca_file : {other.certificate_file(), std::string()}) {
    const auto answer = transport_to(url_of(edge, true), ca_file)->send(post("/echo", "secret"));
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == ErrorCode::no_connection);
  }

  EdgeUnderTest foreign;
  foreign.options.tls_certificate_file = foreign_name.certificate_file();
  foreign.options.tls_key_file = foreign_name.key_file();
  foreign.start();
  for (const char* const host : {"127.0.0.1", "localhost"}) {
    const auto answer = transport_to("https://" + std::string(host) + ":" + std::to_string(foreign.port()),
                                     foreign_name.certificate_file())
                            ->send(post("/echo", "secret"));
    REQUIRE_FALSE(answer);
    CHECK(answer.error().message == "The certificate of the server is not for " + std::string(host));
  }
  CHECK(edge.handler.heads().empty());
  CHECK(foreign.handler.heads().empty());
}

TEST_CASE("a TLS port refuses plain bytes, a plain port refuses TLS", "[transport][tls]") {
  const TestCertificate certificate;
  EdgeUnderTest secure, plain;
  secure.options.tls_certificate_file = certificate.certificate_file();
  secure.options.tls_key_file = certificate.key_file();
  secure.start();
  plain.start();
  CHECK(transport_to(url_of(secure, false))->send(post("/echo", "x")).error().code == ErrorCode::no_connection);
  CHECK(transport_to(url_of(plain, true), certificate.certificate_file())->send(post("/echo", "x")).error().code ==
        ErrorCode::no_connection);
  CHECK(transport_to(url_of(secure, true), certificate.certificate_file())->send(post("/echo", "x")).value().status ==
        200);
}

TEST_CASE("a certificate that cannot be used is said at the start", "[transport][tls]") {
  const TestCertificate certificate, other;
  for (const auto& [certificate_file, key_file] :
       std::vector<std::pair<std::string, std::string>>{{certificate.certificate_file(), other.key_file()},
                                                        {"/nonexistent", "/nonexistent"},
                                                        {certificate.certificate_file(), ""}}) {
    ProbeHandler handler;
    server::EdgeOptions options;
    options.listen_port = 0;
    options.tls_certificate_file = certificate_file;
    options.tls_key_file = key_file;
    server::EdgeServer edge(options, handler);
    const auto started = edge.start();
    REQUIRE_FALSE(started);
    CHECK(started.error().code == ErrorCode::usage);
  }
}

TEST_CASE("a connection that the server closed meanwhile is replaced", "[transport]") {
  EdgeUnderTest edge;
  edge.options.deadlines.keep_alive_ms = 30;
  edge.start();
  const auto transport = transport_to(url_of(edge, false));
  CHECK(transport->send(post("/echo", "1")).value().body == "1");
  REQUIRE(edge.until([](const auto& counters) { return counters.connections_open == 0; }));
  CHECK(transport->send(post("/echo", "2")).value().body == "2");
}

TEST_CASE("an answer may be fetched later, and is given up by the next request", "[transport]") {
  EdgeUnderTest edge;
  edge.start();
  const auto transport = transport_to(url_of(edge, false));
  CHECK(transport->fetch().error().code == ErrorCode::usage);
  transport->send_ahead(post("/echo", "first"));
  CHECK(
      edge.until([](const server::EdgeCounters& counters) { return counters.bytes_out > 0; }));  // before anybody asks
  CHECK(transport->fetch().value().body == "first");
  CHECK(transport->fetch().error().code == ErrorCode::usage);  // once
  transport->send_ahead(post("/echo", "given up"));
  CHECK(transport->send(post("/echo", "second")).value().body == "second");
  CHECK(transport->fetch().error().code == ErrorCode::usage);
  transport->send_ahead(post("/echo", Bytes(1'000'000, 'x')));  // more than goes out at once
  CHECK(transport->fetch().value().body.size() == 1'000'000);

  const auto nowhere = transport_to("http://127.0.0.1:1");
  nowhere->send_ahead(post("/echo", "x"));
  CHECK(nowhere->fetch().error().code == ErrorCode::no_connection);
}

TEST_CASE("a refusal before the body is read is an answer, not a fault", "[transport][tls]") {
  const bool tls = GENERATE(false, true);
  const TestCertificate certificate;
  EdgeUnderTest edge;
  if (tls) {
    edge.options.tls_certificate_file = certificate.certificate_file();
    edge.options.tls_key_file = certificate.key_file();
  }
  edge.start();
  const auto transport = transport_to(url_of(edge, tls), certificate.certificate_file());
  const auto answer = transport->send(post("/echo", Bytes(4 << 20, 'x')));
  REQUIRE(answer);
  CHECK(answer->status == 413);
  const auto no = transport->open_stream({"GET", "/no", {}, {}});
  REQUIRE(no);
  CHECK(no->answer.status == 403);
  CHECK_FALSE(no->stream);
}

TEST_CASE("what the network answers is brought as it is, bounded, and never followed", "[transport]") {
  const std::string portal = "<html>Welcome to the hotel</html>";
  const std::string length = std::to_string(portal.size());
  struct Row {
    std::string name, bytes;
    int status;  // 0: no_connection
    std::string body;
  };
  const std::vector<Row> rows = {
      {"captive portal",
       "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: " + length + "\r\n\r\n" + portal, 200, portal},
      {"portal of HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n" + portal, 200, portal},
      {"redirect", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 302, ""},
      {"interim answers first",
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 204,
       ""},
      {"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, "abc"},
      {"error of the server", "HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno", 500, "no"},
      {"cut body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", 0, ""},
      {"cut chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 0, ""},
      {"cut head", "HTTP/1.1 200 OK\r\nContent-Le", 0, ""},
      {"nothing", "", 0, ""},
      {"no HTTP", "SSH-2.0-OpenSSH\r\n", 0, ""},
      {"announced too large", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", 0, ""},
      {"too large without a length", "HTTP/1.1 200 OK\r\n\r\n" + std::string(5 << 20, 'x'), 0, ""},
      {"endless headers", "HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n", 0, ""},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    ScriptedServer server({row.bytes});
    const auto answer = transport_to(server.url())->send(post("/sync/v1/exchange", "x"));
    if (row.status == 0) {
      REQUIRE_FALSE(answer);
      CHECK(answer.error().code == ErrorCode::no_connection);
      CHECK_FALSE(answer.error().hint.empty());
    } else {
      REQUIRE(answer);
      CHECK(answer->status == row.status);
      CHECK(answer->body == row.body);
    }
  }
}

TEST_CASE("a request goes out as it was given, once", "[transport]") {
  ScriptedServer server({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"});
  {
    const auto transport = transport_to(server.url());
    CHECK_FALSE(transport->send(post("/a?b=c", "")));
    const auto bad = transport->send({"POST", "/a", {{"x", "a\r\nEvil: 1"}}, {}});
    CHECK(bad.error().code == ErrorCode::usage);
    CHECK_FALSE(transport->send({"POST", "/a b", {}, {}}));
  }
  const auto requests = server.requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0] == "POST /a?b=c HTTP/1.1\r\nhost: " + server.url().substr(7) +
                           "\r\nconnection: keep-alive\r\nx-a: b\r\ncontent-length: 0\r\n\r\n");
}

TEST_CASE("a server that stops talking is given up on", "[transport]") {
  for (const char* const bytes : {"...", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel..."}) {
    ScriptedServer server({bytes});
    client::TransportOptions options;
    options.server_url = server.url();
    options.stall_ms = 100;
    const auto transport = HttpTransport::open(options).value()->send(post("/a", "x"));
    REQUIRE_FALSE(transport);
    CHECK(transport.error().message.ends_with("does not answer in time"));
  }
}

TEST_CASE("a stream ends with one clear error whatever the server does", "[transport]") {
  EdgeUnderTest edge;
  edge.start();
  const auto transport = transport_to(url_of(edge, false));
  auto closed = transport->open_stream({"GET", "/push", {}, {}}).value();
  REQUIRE(closed.stream);
  REQUIRE(edge.handler.opened.wait());
  edge.handler.sender().send("last words");
  edge.handler.sender().close(4401, "revoked");
  CHECK(closed.stream->receive(5'000).value() == "last words");
  const auto end = closed.stream->receive(5'000);
  REQUIRE_FALSE(end);
  CHECK(end.error().code == ErrorCode::no_connection);
  CHECK(closed.stream->close_code() == 4401);

  ScriptedServer liar(
      {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
       "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n"});
  CHECK(transport_to(liar.url())->open_stream({"GET", "/stream", {}, {}}).error().code == ErrorCode::no_connection);
}

TEST_CASE("pings of the server are answered while waiting", "[transport]") {
  EdgeUnderTest edge;
  edge.options.deadlines.ping_ms = 30;
  edge.options.deadlines.dead_ms = 150;
  edge.start();
  auto opening = transport_to(url_of(edge, false))->open_stream({"GET", "/push", {}, {}}).value();
  REQUIRE(opening.stream);
  CHECK_FALSE(opening.stream->receive(600).value());  // four times what a dead peer gets
  CHECK(edge.server().counters().streams_open == 1);
}

TEST_CASE("addresses of servers are judged before anything is sent", "[transport]") {
  const auto code = [](const std::string& url, bool insecure = false) {
    client::TransportOptions options;
    options.server_url = url;
    options.insecure_http = insecure;
    const auto opened = HttpTransport::open(options);
    return opened ? std::string("good") : std::string(to_string(opened.error().code));
  };
  CHECK(code("https://desk.example") == "good");
  CHECK(code("https://desk.example:8470/") == "good");
  CHECK(code("http://localhost:8470") == "good");
  CHECK(code("http://127.0.0.1:8470") == "good");
  CHECK(code("http://[::1]:8470") == "good");
  CHECK(code("http://desk.example", true) == "good");
  CHECK(code("http://desk.example") == "usage");
  CHECK(code("http://127.0.0.1.evil.example") == "usage");
  CHECK(code("https://user:pass@desk.example") == "usage");
  CHECK(code("https://desk.example/path") == "usage");
  CHECK(code("https://desk.example?x") == "usage");
  CHECK(code("ftp://desk.example") == "usage");
  CHECK(code("desk.example") == "usage");
  CHECK(code("") == "usage");
  client::TransportOptions options;
  options.server_url = "https://desk.example";
  options.ca_file = "/nonexistent.pem";
  CHECK(HttpTransport::open(options).error().field == "ca");
}
