// Slow and greedy peers cost themselves, not others. Deadlines are set short; nothing here sleeps.
#include <thread>

#include "support/catch.hpp"
#include "unit/edge/probe_handler.hpp"
#include "unit/edge/raw_client.hpp"

using namespace tern;
using namespace tern::test;

namespace {
const std::string good = "GET /echo HTTP/1.1\r\nHost: t\r\n\r\n";
}

TEST_CASE("a head that does not come in time gets 408, however busily it trickles", "[edge]") {  // row 9
  EdgeUnderTest edge;
  edge.options.deadlines.head_ms = 150;
  edge.start();
  RawClient client(edge.port());
  client.send("GET /echo HTTP/1.1\r\nX: ");
  std::optional<RawAnswer> answer;
  std::thread reader([&] { answer = client.answer(); });
  while (edge.server().counters().head_timeouts == 0 && client.send("x")) std::this_thread::yield();  // never stops
  reader.join();
  REQUIRE(answer);
  CHECK(answer->status == 408);
  CHECK(answer->code() == "head_timeout");
  CHECK(client.is_closed_by_peer());
}

TEST_CASE("the head of a later request has the same deadline", "[edge]") {
  EdgeUnderTest edge;
  edge.options.deadlines.head_ms = 150;
  edge.start();
  RawClient client(edge.port());
  client.send(good + "GET /ec");
  CHECK(client.answer().value().status == 200);
  CHECK(client.answer().value().status == 408);
}

TEST_CASE("eight peers that trickle their heads do not keep a ninth from its answer", "[edge]") {  // F6
  EdgeUnderTest edge;
  edge.options.workers = 1;
  edge.options.loops = 1;
  edge.start();
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 8; ++i) {
    slow.push_back(std::make_unique<RawClient>(edge.port()));
    slow.back()->send("GET /echo HT");
  }
  RawClient normal(edge.port());
  for (int round = 0; round < 20; ++round) {
    for (auto& client : slow) client->send("x");
    normal.send(good);
    CHECK(normal.answer().value().status == 200);
  }
}

TEST_CASE("a connection that says nothing is closed without a word", "[edge][F6]") {
  EdgeUnderTest edge;
  edge.options.deadlines.head_ms = 100;
  edge.options.deadlines.keep_alive_ms = 100;
  edge.start();
  RawClient silent(edge.port()), served(edge.port());
  served.send(good);
  CHECK(served.answer().value().status == 200);
  CHECK(silent.is_closed_by_peer());
  CHECK(served.is_closed_by_peer());
  CHECK(silent.rest().empty());
  CHECK(served.rest().empty());
}

TEST_CASE("a body slower than the minimum rate gets 408", "[edge]") {
  EdgeUnderTest edge;
  edge.options.deadlines.slow_grace_ms = 100;
  edge.start();
  RawClient client(edge.port());
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\nslow");
  const auto answer = client.answer();
  REQUIRE(answer);
  CHECK(answer->status == 408);
  CHECK(answer->code() == "body_timeout");
  CHECK(answer->headers.at("x-sealed") == "context of /echo");
  CHECK(client.is_closed_by_peer());
  CHECK(edge.handler.handled().empty());
}

TEST_CASE("who does not read its answer is cut and the others are served", "[edge]") {
  EdgeUnderTest edge;
  edge.options.deadlines.slow_grace_ms = 100;
  edge.options.deadlines.bytes_per_second_min = 100 << 20;
  edge.start();
  RawClient greedy(edge.port(), 4096);
  greedy.send("GET /big HTTP/1.1\r\nHost: t\r\n\r\n");
  REQUIRE(edge.until([](const auto& counters) { return counters.slow_readers_cut == 1; }));
  RawClient normal(edge.port());
  normal.send(good);
  CHECK(normal.answer().value().status == 200);
  CHECK(edge.until([](const auto& counters) { return counters.connections_open == 1; }));
}

TEST_CASE("an address holds no more connections than its cap", "[edge]") {
  EdgeUnderTest edge;
  edge.options.limits.connections_per_address_max = 2;
  edge.options.limits.loopback_is_capped = true;
  edge.start();
  auto first = std::make_unique<RawClient>(edge.port());
  RawClient second(edge.port());
  first->send(good);
  second.send(good);
  CHECK(first->answer());
  CHECK(second.answer());
  RawClient third(edge.port());
  const auto answer = third.answer();
  REQUIRE(answer);
  CHECK(answer->status == 429);
  CHECK(answer->code() == "too_many_connections");
  CHECK(third.is_closed_by_peer());

  first.reset();  // a place is free again
  REQUIRE(edge.until([](const auto& counters) { return counters.connections_open == 1; }));
  RawClient fourth(edge.port());
  fourth.send(good);
  CHECK(fourth.answer().value().status == 200);
}

TEST_CASE("loopback is not capped, because a proxy there speaks for many", "[edge]") {
  EdgeUnderTest edge;
  edge.options.limits.connections_per_address_max = 1;
  edge.start();
  RawClient first(edge.port()), second(edge.port());
  first.send(good);
  second.send(good);
  CHECK(first.answer());
  CHECK(second.answer());
}

TEST_CASE("peers that vanish leave nothing behind", "[edge]") {
  EdgeUnderTest edge;
  edge.start();
  for (const char* const bytes : {"", "GET /ec", "GET /hold HTTP/1.1\r\nHost: t\r\n\r\n",
                                  "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nhalf"}) {
    RawClient client(edge.port());
    client.send(bytes);
    if (std::string(bytes).starts_with("GET /hold")) REQUIRE(edge.handler.held.wait());
    client.reset();
  }
  CHECK(edge.until([](const auto& counters) { return counters.connections_open == 0; }));
  edge.handler.release.happen();
  RawClient normal(edge.port());
  normal.send(good);
  CHECK(normal.answer().value().status == 200);
}
