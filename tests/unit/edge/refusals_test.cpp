// What the edge refuses, as a table of raw bytes: answer, code, and that nothing after it runs.
#include "support/catch.hpp"
#include "unit/edge/probe_handler.hpp"
#include "unit/edge/raw_client.hpp"
#include "unit/edge/refused_bytes.hpp"

using namespace tern;
using namespace tern::test;

namespace {

/// What hangs on the probe's own limits.
std::vector<RefusedBytes> rows() {
  std::vector<RefusedBytes> rows = refused_bytes("/echo");
  const std::string& second = smuggled_request;
  rows.insert(rows.end(),
              {
                  {"10", "body over the limit",
                   "POST /small HTTP/1.1\r\nHost: t\r\nContent-Length: 11\r\n\r\n" + second, 413, "body_too_large"},
                  {"10", "chunked body over the limit",
                   "POST /small HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n" + second,
                   413, "body_too_large"},
                  {"10", "body where none is taken",
                   "POST /none HTTP/1.1\r\nHost: t\r\nContent-Length: 34\r\n\r\n" + second, 413, "body_too_large"},
              });
  return rows;
}

}  // namespace

TEST_CASE("bytes that are no clear request get one refusal and the connection closes", "[edge][F1][F2][F3][F5]") {
  EdgeUnderTest edge;
  edge.start();
  for (const RefusedBytes& row : rows()) {
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

TEST_CASE("a refusal does not depend on where the network cuts the bytes", "[edge][F1][F2][F3][F5]") {
  EdgeUnderTest edge;
  edge.start();
  for (const RefusedBytes& row : rows()) {
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
