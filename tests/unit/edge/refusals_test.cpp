// What the edge refuses, as a table of raw bytes: answer, code, and that nothing after it runs.
#include "support/catch.hpp"
#include "unit/edge/probe_handler.hpp"
#include "unit/edge/raw_client.hpp"

using namespace tern;
using namespace tern::test;

namespace {

struct Row {
  std::string name;
  std::string bytes;
  int status;
  std::string code;
};

const std::string second = "GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n";

std::string post(const std::string& headers, const std::string& body = {}) {
  return "POST /echo HTTP/1.1\r\nHost: t\r\n" + headers + "\r\n" + body;
}
std::string get(const std::string& headers) {
  return "GET /echo HTTP/1.1\r\nHost: t\r\n" + headers + "\r\n";
}

std::string many_headers(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += "X-" + std::to_string(i) + ": 1\r\n";
  return out;
}

std::vector<Row> rows() {
  return {
      // Row 1 to 4: framing (F3).
      {"TE and CL", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n" + second), 400,
       "framing_ambiguous"},
      {"CL and TE", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + second), 400,
       "framing_ambiguous"},
      {"two CL", post("Content-Length: 5\r\nContent-Length: 0\r\n", second), 400, "framing_ambiguous"},
      {"two equal CL", post("Content-Length: 0\r\nContent-Length: 0\r\n", second), 400, "framing_ambiguous"},
      {"negative CL", post("Content-Length: -5\r\n", second), 400, "content_length_invalid"},
      {"CL of words", post("Content-Length: abc\r\n", second), 400, "content_length_invalid"},
      {"CL of 20 digits", post("Content-Length: 18446744073709551620\r\n", second), 400, "content_length_invalid"},
      {"CL list", post("Content-Length: 0, 0\r\n", second), 400, "content_length_invalid"},
      {"CL with plus", post("Content-Length: +0\r\n", second), 400, "content_length_invalid"},
      {"empty CL", post("Content-Length:\r\n", second), 400, "content_length_invalid"},
      {"space before the colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n" + second), 400,
       "framing_ambiguous"},
      {"gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n" + second), 501,
       "transfer_coding_unsupported"},
      {"two TE", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", second), 400,
       "framing_ambiguous"},
      {"TE identity", post("Transfer-Encoding: identity\r\n", second), 501, "transfer_coding_unsupported"},
      {"TE with a trick", post("Transfer-Encoding: \vchunked\r\n", second), 400, "header_value_invalid"},
      {"TE in HTTP/1.0", "POST /echo HTTP/1.0\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + second, 400,
       "framing_ambiguous"},
      {"bad chunk size", post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\nzz\r\n\r\n" + second), 400,
       "chunk_invalid"},
      {"chunk without line end", post("Transfer-Encoding: chunked\r\n", "5\r\nhelloXX0\r\n\r\n" + second), 400,
       "chunk_invalid"},
      {"chunk with one wrong byte after it", post("Transfer-Encoding: chunked\r\n", "5\r\nhelloX\n0\r\n\r\n" + second),
       400, "chunk_invalid"},
      {"chunk with CR and another byte after it",
       post("Transfer-Encoding: chunked\r\n", "5\r\nhello\rX0\r\n\r\n" + second), 400, "chunk_invalid"},
      {"chunk size with LF only", post("Transfer-Encoding: chunked\r\n", "5\nhello\r\n0\r\n\r\n" + second), 400,
       "chunk_invalid"},
      {"chunk extension", post("Transfer-Encoding: chunked\r\n", "5;a=b\r\nhello\r\n0\r\n\r\n" + second), 400,
       "chunk_invalid"},
      {"chunk trailer", post("Transfer-Encoding: chunked\r\n", "0\r\nX: y\r\n\r\n" + second), 400, "chunk_invalid"},
      {"chunk size of 9 digits", post("Transfer-Encoding: chunked\r\n", "100000000\r\n" + second), 400,
       "chunk_invalid"},
      // Lines.
      {"folding", get("X-A: 1\r\n  2\r\n") + second, 400, "framing_ambiguous"},
      {"bare LF", "GET /echo HTTP/1.1\r\nHost: t\nX: y\r\n\r\n" + second, 400, "framing_ambiguous"},
      {"bare CR", "GET /echo HTTP/1.1\r\nHost: t\r\nX: a\rb\r\n\r\n" + second, 400, "framing_ambiguous"},
      {"no colon", get("nonsense\r\n") + second, 400, "framing_ambiguous"},
      {"empty name", get(": 1\r\n") + second, 400, "framing_ambiguous"},
      {"space in a name", get("X A: 1\r\n") + second, 400, "header_name_invalid"},
      {"NUL in a name", get(std::string("X\0A: 1\r\n", 8)) + second, 400, "header_name_invalid"},
      // Row 6: values (F1, F2).
      {"encoded word", get("X-Foo: =?utf-8?B?DQpTZXQtQ29va2llOiBldmlsPTE=?=\r\n") + second, 400,
       "header_value_invalid"},
      {"encoded word in UTF-32", get("X-Foo: =?utf-32?B?/////////////////////w==?=\r\n") + second, 400,
       "header_value_invalid"},
      {"NUL in a value", get(std::string("X: a\0b\r\n", 8)) + second, 400, "header_value_invalid"},
      {"DEL in a value", get("X: a\x7f\r\n") + second, 400, "header_value_invalid"},
      // Row 7: sizes.
      {"101 headers", get(many_headers(100)) + second, 431, "headers_too_large"},
      {"value of 9 KiB", get("X: " + std::string(9 * 1024, 'v') + "\r\n") + second, 431, "headers_too_large"},
      {"48 KiB of headers", get("X: " + std::string(60 * 1024, 'v')), 431, "headers_too_large"},
      {"URI of 17 KiB", "GET /" + std::string(17 * 1024, 'u') + " HTTP/1.1\r\nHost: t\r\n\r\n" + second, 414,
       "uri_too_long"},
      {"URI without end", "GET /" + std::string(17 * 1024, 'u'), 414, "uri_too_long"},
      // Row 8: version and host (F5).
      {"HTTX/9", "GET / HTTX/9\r\nHost: t\r\n\r\n" + second, 505, "http_version"},
      {"HTTP/9.9", "GET / HTTP/9.9\r\nHost: t\r\n\r\n" + second, 505, "http_version"},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "http_version"},
      {"no version", "GET /echo\r\nHost: t\r\n\r\n" + second, 400, "request_line_invalid"},
      {"two spaces", "GET  /echo HTTP/1.1\r\nHost: t\r\n\r\n" + second, 400, "request_line_invalid"},
      {"empty line first", "\r\nGET /echo HTTP/1.1\r\nHost: t\r\n\r\n" + second, 400, "request_line_invalid"},
      {"no Host", "GET /echo HTTP/1.1\r\nX: y\r\n\r\n" + second, 400, "host_required"},
      {"no headers at all", "GET /echo HTTP/1.1\r\n\r\n" + second, 400, "host_required"},
      {"two Hosts", get("Host: other\r\n") + second, 400, "host_required"},
      {"empty Host", "GET /echo HTTP/1.1\r\nHost:\r\n\r\n" + second, 400, "host_required"},
      {"Host with a path", "GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n" + second, 400, "host_required"},
      // Targets and methods.
      {"absolute target", "GET http://t/echo HTTP/1.1\r\nHost: t\r\n\r\n" + second, 400, "target_invalid"},
      {"fragment", "GET /echo#x HTTP/1.1\r\nHost: t\r\n\r\n" + second, 400, "target_invalid"},
      {"bytes in the target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: t\r\n\r\n" + second, 400, "target_invalid"},
      {"CONNECT", "CONNECT t:80 HTTP/1.1\r\nHost: t\r\n\r\n" + second, 501, "method_unsupported"},
      {"TRACE", "TRACE / HTTP/1.1\r\nHost: t\r\n\r\n" + second, 501, "method_unsupported"},
      {"lower-case method", "get / HTTP/1.1\r\nHost: t\r\n\r\n" + second, 501, "method_unsupported"},
      {"garbage", "\x16\x03\x01\x02\r\n\r\n", 400, "request_line_invalid"},
      // Credentials that could mean two things.
      {"two Tern-Auth", get("Tern-Auth: a\r\nTern-Auth: b\r\n") + second, 400, "header_repeated"},
      {"other expectation", post("Expect: miracles\r\nContent-Length: 1\r\n", "x" + second), 417, "expectation_failed"},
      // Row 10: sizes of bodies.
      {"body over the limit", "POST /small HTTP/1.1\r\nHost: t\r\nContent-Length: 11\r\n\r\n" + second, 413,
       "body_too_large"},
      {"chunked body over the limit",
       "POST /small HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n" + second, 413,
       "body_too_large"},
      {"body where none is taken", "POST /none HTTP/1.1\r\nHost: t\r\nContent-Length: 34\r\n\r\n" + second, 413,
       "body_too_large"},
      // Handshakes.
      {"WebSocket of version 8",
       get("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: "
           "dGhlIHNhbXBsZSBub25jZQ==\r\n") +
           second,
       400, "upgrade_invalid"},
      {"WebSocket without key",
       get("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n") + second, 400,
       "upgrade_invalid"},
  };
}

}  // namespace

TEST_CASE("bytes that are no clear request get one refusal and the connection closes", "[edge]") {
  EdgeUnderTest edge;
  edge.start();
  for (const Row& row : rows()) {
    INFO(row.name);
    RawClient client(edge.port());
    client.send(row.bytes);
    const auto answer = client.answer();
    REQUIRE(answer);
    CHECK(answer->status == row.status);
    CHECK(answer->code() == row.code);
    CHECK(answer->headers.at("content-type") == "application/problem+json");
    CHECK(answer->headers.at("connection") == "close");
    CHECK(answer->body.find(answer->headers.at("x-request-id")) != std::string::npos);
    CHECK(client.is_closed_by_peer());
    CHECK(client.rest().empty());  // no second answer
  }
  CHECK(edge.handler.handled().empty());  // no first and no second request ran
  for (const std::string& target : edge.handler.heads()) CHECK(target.find("smuggled") == std::string::npos);
}

TEST_CASE("a refusal does not depend on where the network cuts the bytes", "[edge]") {
  EdgeUnderTest edge;
  edge.start();
  for (const Row& row : rows()) {
    if (row.bytes.size() > 400) continue;
    INFO(row.name);
    RawClient client(edge.port());
    for (const char c : row.bytes)
      if (!client.send({&c, 1})) break;
    const auto answer = client.answer();
    REQUIRE(answer);
    CHECK(answer->status == row.status);
    CHECK(answer->code() == row.code);
  }
  CHECK(edge.handler.handled().empty());
}

TEST_CASE("a body over the limit is refused before it is sent", "[edge]") {
  EdgeUnderTest edge;
  edge.start();
  RawClient client(edge.port());
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1048577\r\nExpect: 100-continue\r\n\r\n");
  const auto answer = client.answer();
  REQUIRE(answer);
  CHECK(answer->status == 413);
  CHECK(answer->code() == "body_too_large");
  CHECK(answer->headers.at("x-sealed") == "context of /echo");  // the handler could put its MAC on it
}
