// Requests that are good, and what becomes of them.
#include <filesystem>
#include <thread>

#include "edge/body_sink.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "unit/edge/probe_handler.hpp"
#include "unit/edge/raw_client.hpp"

using namespace tern;
using namespace tern::test;

namespace {

std::string request(const std::string& method, const std::string& target, const std::string& body = {}) {
  return method + " " + target + " HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

}  // namespace

TEST_CASE("a connection serves one request after the other", "[edge]") {
  EdgeUnderTest edge;
  edge.start();
  RawClient client(edge.port());
  for (int i = 0; i < 3; ++i) {
    client.send(request("POST", "/echo?secret=1", "body " + std::to_string(i)));
    const auto answer = client.answer();
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(answer->body == "body " + std::to_string(i));
    CHECK(answer->headers.at("connection") == "keep-alive");
  }
  CHECK(edge.server().counters().connections_accepted == 1);
  for (const std::string& line : edge.access_log()) CHECK(line == "POST /echo 200 ");  // no query in a log
}

TEST_CASE("pipelined requests are answered in order, one at a time", "[edge]") {
  EdgeUnderTest edge;
  edge.start();
  RawClient client(edge.port());
  client.send(request("POST", "/hold") + request("POST", "/echo?2", "two") + request("GET", "/echo?3"));
  REQUIRE(edge.handler.held.wait());
  CHECK(edge.handler.heads() == std::vector<std::string>{"/hold"});  // the second waits for the first
  edge.handler.release.happen();
  CHECK(client.answer().value().body.empty());
  CHECK(client.answer().value().body == "two");
  CHECK(client.answer().value().status == 200);
  CHECK(edge.handler.handled() == std::vector<std::string>{"/hold", "/echo?2", "/echo?3"});
}

TEST_CASE("a chunked body arrives whole, however it is cut", "[edge]") {
  EdgeUnderTest edge;
  edge.start();
  const std::string bytes =
      "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0006\r\n world\r\n0\r\n\r\n";
  RawClient client(edge.port());
  client.send(bytes + bytes);
  CHECK(client.answer().value().body == "hello world");
  CHECK(client.answer().value().body == "hello world");
  for (const char c : bytes) client.send({&c, 1});
  CHECK(client.answer().value().body == "hello world");
}

TEST_CASE("a body that is cut short never reaches the handler", "[edge]") {  // F4
  EdgeUnderTest edge;
  edge.start();
  for (const char* const framing :
       {"Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}) {
    RawClient client(edge.port());
    client.send("POST /echo HTTP/1.1\r\nHost: t\r\n" + std::string(framing));
    client.end_writing();
    CHECK(client.is_closed_by_peer());
    CHECK(client.rest().empty());
  }
  CHECK(edge.handler.handled().empty());
}

TEST_CASE("a large body goes through a file", "[edge][F4]") {
  EdgeUnderTest edge;
  edge.start();
  RawClient client(edge.port());
  std::string body;
  for (int i = 0; body.size() < 300'000; ++i) body += std::to_string(i) + ",";
  client.send(request("POST", "/echo", body));
  CHECK(client.answer().value().body == body);
  CHECK(edge.handler.body_was_in_file);

  edge.handler.body_was_in_file = false;
  client.send(request("POST", "/echo", body.substr(0, 64 * 1024)));
  CHECK(client.answer().value().body.size() == 64 * 1024);
  CHECK_FALSE(edge.handler.body_was_in_file);
}

TEST_CASE("what a large body waits in can be read by nobody who finds it on the disk", "[edge][security]") {
  const std::string here;
  server::edge::BodySink sink(100, here);
  std::string body;
  for (int i = 0; body.size() < 200'000; ++i) body += "canary" + std::to_string(i) + ",";
  for (std::size_t at = 0; at < body.size(); at += 777) REQUIRE(sink.append(std::string_view(body).substr(at, 777)));
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (target.find("(deleted)") == std::string::npos) continue;
    const std::string content = content_of(entry.path());
    files += content.size() == body.size() ? 1 : 0;
    CHECK(content.find("canary") == std::string::npos);
  }
  CHECK(files == 1);
  const server::RequestBody taken = sink.take();
  REQUIRE(taken.in_file());
  CHECK(taken.read_all().value() == body);
  for (const std::size_t at : {0U, 1U, 63U, 64U, 65U, 4'095U, 199'990U})
    CHECK(taken.read_at(at, 1'000).value() == body.substr(at, 1'000));
}

TEST_CASE("no place for a large body is an answer, not an accident", "[edge]") {
  EdgeUnderTest edge;
  edge.options.spill_directory = "/nonexistent/place";
  edge.start();
  RawClient client(edge.port());
  client.send(request("POST", "/echo", std::string(100'000, 'x')));
  const auto answer = client.answer();
  REQUIRE(answer);
  CHECK(answer->status == 500);
  CHECK(answer->code() == "internal");
}

TEST_CASE("who asks before sending the body is told to go on", "[edge]") {
  EdgeUnderTest edge;
  edge.start();
  RawClient client(edge.port());
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.answer().value().status == 100);
  client.send("hello");
  CHECK(client.answer().value().body == "hello");

  client.send("POST /deny HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  const auto answer = client.answer();
  CHECK(answer.value().status == 401);
  CHECK(answer.value().headers.at("connection") == "close");
}

TEST_CASE("a refusal by the head alone reads no body and runs no handler", "[edge]") {
  EdgeUnderTest edge;
  edge.start();
  RawClient client(edge.port());
  client.send(request("POST", "/deny", std::string(40'000, 'x')) + request("GET", "/echo"));
  CHECK(client.answer().value().status == 401);
  CHECK(client.is_closed_by_peer());
  CHECK(client.rest().empty());
  CHECK(edge.handler.handled().empty());

  RawClient other(edge.port());
  other.send(request("GET", "/deny") +
             request("GET", "/echo"));  // nothing was left unread: the connection is still good
  CHECK(other.answer().value().status == 401);
  CHECK(other.answer().value().status == 200);
}

TEST_CASE("a refusal reaches a peer that is still sending", "[edge]") {
  EdgeUnderTest edge;
  edge.start();
  for (const char* const path : {"/deny", "/small"}) {
    RawClient client(edge.port());
    CHECK(client.send(request("POST", path, std::string(4 << 20, 'x'))));  // no reset in the middle of it
    const auto answer = client.answer();
    REQUIRE(answer);
    CHECK(answer->status == (std::string(path) == "/deny" ? 401 : 413));
  }
}

TEST_CASE("HEAD gets the headers of GET without the body", "[edge]") {
  EdgeUnderTest edge;
  edge.start();
  RawClient client(edge.port());
  client.send(request("HEAD", "/big") + request("GET", "/echo"));
  CHECK(client.answer(true).value().headers.at("content-length") == std::to_string(8 << 20));
  CHECK(client.answer().value().status == 200);
}

TEST_CASE("HTTP/1.0 and Connection: close end the connection after the answer", "[edge]") {
  EdgeUnderTest edge;
  edge.start();
  for (const char* const head :
       {"GET /echo HTTP/1.0\r\nHost: t\r\n\r\n", "GET /echo HTTP/1.1\r\nHost: t\r\nConnection: x, Close\r\n\r\n"}) {
    RawClient client(edge.port());
    client.send(head);
    CHECK(client.answer().value().headers.at("connection") == "close");
    CHECK(client.is_closed_by_peer());
  }
}

TEST_CASE("a client that has said all it has to say still gets its answer", "[edge]") {
  EdgeUnderTest edge;
  edge.start();
  RawClient client(edge.port());
  client.send(request("POST", "/hold", ""));
  client.end_writing();
  REQUIRE(edge.handler.held.wait());
  edge.handler.release.happen();
  CHECK(client.answer().value().status == 200);
  CHECK(client.is_closed_by_peer());
}

TEST_CASE("a handler that throws costs one answer without its words", "[edge]") {  // row 60
  EdgeUnderTest edge;
  std::mutex mutex;
  std::vector<std::string> events;
  edge.options.on_event = [&](server::EdgeEvent, std::string_view detail, std::string_view request_id) {
    const std::lock_guard lock(mutex);
    events.push_back(std::string(detail) + " " + std::string(request_id));
  };
  edge.start();
  RawClient client(edge.port());
  for (const char* const path : {"/throw", "/bad-head", "/drop"}) {
    INFO(path);
    client.send(request("GET", path));
    const auto answer = client.answer();
    REQUIRE(answer);
    CHECK(answer->status == 500);
    CHECK(answer->code() == "internal");
    CHECK(answer->body.find("asked") == std::string::npos);
    if (std::string(path) != "/drop") {
      const std::lock_guard lock(mutex);
      CHECK(events.back() == "asked to " + answer->headers.at("x-request-id"));  // the log knows it by the same id
    }
  }
  client.send(request("GET", "/echo"));
  CHECK(client.answer().value().status == 200);
  client.upgrade("/bad-upgrade");
}

TEST_CASE("an answer may come later and from another thread", "[edge]") {
  EdgeUnderTest edge;
  edge.start();
  RawClient client(edge.port());
  client.send(request("GET", "/later") + request("GET", "/later"));
  CHECK(client.answer().value().body == "later");
  CHECK(client.answer().value().body == "later");
}

TEST_CASE("more requests than may wait get 503 and a time to come back", "[edge]") {
  EdgeUnderTest edge;
  edge.options.workers = 1;
  edge.options.limits.requests_waiting_max = 1;
  edge.start();
  RawClient running(edge.port()), waiting(edge.port()), refused(edge.port());
  running.send(request("GET", "/hold"));
  REQUIRE(edge.handler.held.wait());
  waiting.send(request("GET", "/echo"));
  REQUIRE(edge.until([](const auto& counters) { return counters.requests_waiting == 1; }));
  refused.send(request("GET", "/echo"));
  const auto answer = refused.answer();
  REQUIRE(answer);
  CHECK(answer->status == 503);
  CHECK(answer->code() == "busy");
  CHECK(answer->headers.at("retry-after") == "1");
  CHECK(answer->headers.at("x-sealed") == "context of /echo");
  edge.handler.release.happen();
  CHECK(waiting.answer().value().status == 200);
}

TEST_CASE("what a header brought in cannot break out of an answer", "[edge]") {  // F1
  EdgeUnderTest edge;
  edge.start();
  RawClient client(edge.port());
  client.send("GET /header HTTP/1.1\r\nHost: t\r\nX-In:  a\tb \r\n\r\n");
  CHECK(client.answer().value().headers.at("x-out") == "a\tb");

  server::Response response(200);
  CHECK_FALSE(response.set_header("X-Out", "a\r\nSet-Cookie: evil=1"));
  CHECK_FALSE(response.set_header("X-Out", std::string_view("a\0b", 3)));
  CHECK_FALSE(response.set_header("X Out", "a"));
  CHECK_FALSE(response.set_header("Content-Length", "5"));
  CHECK_FALSE(response.add_header("Transfer-Encoding", "chunked"));
  CHECK(response.headers().empty());
  CHECK(response.set_header("X-Out", "a"));
  CHECK(response.set_header("x-out", "b"));
  CHECK(response.headers() == std::vector<server::Header>{{"x-out", "b"}});
}

TEST_CASE("problems are JSON whatever they quote", "[edge][F1]") {
  const auto response =
      server::problem_response({422, "invalid", "A \"title\"", "line\nbreak \x01 \xff", "field", "r-1"});
  CHECK(response.body ==
        "{\"type\":\"about:blank\",\"status\":422,\"code\":\"invalid\",\"title\":\"A \\\"title\\\"\","
        "\"detail\":\"line\\u000abreak \\u0001 \xef\xbf\xbd\",\"field\":\"field\",\"request_id\":\"r-1\"}");
  CHECK(server::percent_decoded("a%2Fb%c3%a4") == "a/b\xc3\xa4");
  CHECK_FALSE(server::percent_decoded("%00"));
  CHECK_FALSE(server::percent_decoded("%2"));
  CHECK_FALSE(server::percent_decoded("%zz"));
}

TEST_CASE("a stop finishes what is under way and takes nothing new", "[edge]") {
  EdgeUnderTest edge;
  edge.start();
  RawClient idle(edge.port()), busy(edge.port()), stream(edge.port()), halfway(edge.port());
  idle.send(request("GET", "/echo"));
  REQUIRE(idle.answer());
  REQUIRE(stream.upgrade("/push"));
  busy.send(request("GET", "/hold") + request("GET", "/echo?after"));
  REQUIRE(edge.handler.held.wait());
  halfway.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhe");
  REQUIRE(edge.until([](const auto& counters) { return counters.requests == 4; }));

  std::thread stopping([&] { edge.server().stop(10'000); });
  CHECK(idle.is_closed_by_peer());
  const auto goodbye = stream.frame();
  REQUIRE(goodbye);
  CHECK(goodbye->close_code() == 1001);
  stream.send(client_frame(8, "\x03\xe9"));
  halfway.send("llo");
  CHECK(halfway.answer().value().body == "hello");
  edge.handler.release.happen();
  const auto answer = busy.answer();
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->headers.at("connection") == "close");
  CHECK(busy.is_closed_by_peer());
  busy.reset();
  halfway.reset();
  stopping.join();
  CHECK(edge.handler.closed.wait());
  CHECK_THROWS(RawClient(edge.port()));
  for (const std::string& target : edge.handler.handled()) CHECK(target != "/echo?after");
}

TEST_CASE("a stop without patience cuts everything and returns", "[edge]") {
  EdgeUnderTest edge;
  edge.start();
  RawClient stream(edge.port()), half(edge.port());
  REQUIRE(stream.upgrade("/push"));
  half.send("GET /echo HT");
  REQUIRE(edge.handler.opened.wait());
  const server::StreamSender sender = edge.handler.sender();
  edge.server().stop(0);
  CHECK(stream.is_closed_by_peer());
  CHECK(half.is_closed_by_peer());
  CHECK(edge.handler.closed.wait());
  CHECK_FALSE(sender.send("into the void"));  // a sender may outlive the server
  CHECK_FALSE(sender.is_open());
}

TEST_CASE("a port that is taken is an error with a hint", "[edge]") {
  EdgeUnderTest edge;
  edge.start();
  server::EdgeOptions options = edge.options;
  options.listen_port = edge.port();
  server::EdgeServer second(options, edge.handler);
  const auto started = second.start();
  REQUIRE_FALSE(started);
  CHECK(started.error().code == ErrorCode::busy);
}

TEST_CASE("an answer out of a file is read while it is sent, and arrives whole", "[edge]") {
  EdgeUnderTest edge;
  edge.start();
  std::string due = "head,";
  for (std::uint64_t i = 0; i < 1'000'000; ++i) due += countable(3 + i);
  for (const int buffer : {0, 4096}) {
    RawClient client(edge.port(), buffer);
    client.send(request("GET", "/file") + request("HEAD", "/file") + request("GET", "/file") + request("GET", "/echo"));
    CHECK(client.answer().value().body == due);
    CHECK(client.answer(true).value().headers.at("content-length") == "1000005");
    CHECK(client.answer().value().body == due);
    CHECK(client.answer().value().status == 200);
  }
}

TEST_CASE("an answer whose file cannot be read any more is cut, short of its length", "[edge]") {
  EdgeUnderTest edge;
  edge.start();
  RawClient client(edge.port());
  client.send(request("GET", "/short-file") + request("GET", "/echo"));
  CHECK_FALSE(client.answer());
  CHECK(client.is_closed_by_peer());
  CHECK(client.rest().size() < 1'000'000);
}

TEST_CASE("an answer larger than the sockets hold arrives whole", "[edge]") {
  EdgeUnderTest edge;
  edge.start();
  RawClient client(edge.port(), 4096);
  client.send(request("GET", "/big") + request("GET", "/echo"));
  CHECK(client.answer().value().body == Bytes(8 << 20, 'b'));
  CHECK(client.answer().value().status == 200);
}
