// WebSocket connections: what is carried, what is refused, what is cut.
#include <malloc.h>

#include "support/catch.hpp"
#include "unit/edge/probe_handler.hpp"
#include "unit/edge/raw_client.hpp"

using namespace tern;
using namespace tern::test;

namespace {

constexpr int continuation = 0, text = 1, binary = 2, close_frame = 8, ping = 9, pong = 10;

/// The close code that ends the stream; 0 when it ends without one.
int close_code_of(RawClient& client) {
  while (auto frame = client.frame())
    if (frame->opcode == close_frame) return frame->close_code();
  return 0;
}

}  // namespace

TEST_CASE("a handshake turns a connection into a stream that carries messages both ways", "[edge][stream]") {
  EdgeUnderTest edge;
  edge.start();
  RawClient client(edge.port());
  const auto answer = client.upgrade("/stream", client_frame(binary, "came with the handshake"));  // F17
  REQUIRE(answer);
  CHECK(answer->status == 101);
  CHECK(answer->headers.at("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  CHECK(answer->headers.at("x-mac") == "good");
  CHECK(client.frame().value().payload == "came with the handshake");
  for (const std::size_t size : {0, 1, 125, 126, 65'535, 65'536, 700'000}) {
    const std::string message(size, 'm');
    client.send(client_frame(binary, message));
    const auto frame = client.frame();
    REQUIRE(frame);
    CHECK(frame->opcode == binary);
    CHECK(frame->payload == message);
  }
  client.send(client_frame(close_frame, "\x03\xe8"));
  CHECK(close_code_of(client) == 1000);
  CHECK(client.is_closed_by_peer());
  CHECK(edge.handler.closed.wait());
  CHECK(edge.handler.close_code == 1000);
}

TEST_CASE("messages arrive whole and in order, however frames are cut and mixed with pings", "[edge][stream]") {
  EdgeUnderTest edge;
  edge.start();
  RawClient client(edge.port());
  REQUIRE(client.upgrade("/stream"));
  std::string bytes;
  for (int i = 0; i < 20; ++i) bytes += client_frame(binary, "message " + std::to_string(i));
  bytes += client_frame(binary, "in ", false) + client_frame(ping, "hello?") +
           client_frame(continuation, "three ", false) + client_frame(continuation, "parts");
  for (const char c : bytes) client.send({&c, 1});
  client.send(bytes);
  int pongs = 0;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 21; ++i) {
      auto frame = client.frame();
      REQUIRE(frame);
      if (frame->opcode == pong) {
        CHECK(frame->payload == "hello?");
        ++pongs;
        frame = client.frame();
        REQUIRE(frame);
      }
      CHECK(frame->payload == (i < 20 ? "message " + std::to_string(i) : "in three parts"));
    }
  }
  CHECK(pongs + (client.rest().empty() ? 0 : 1) >= 1);
}

TEST_CASE("frames that no client may send end the stream with the code that says why",
          "[edge][stream]") {  // rows 46, 48
  struct Row {
    std::string name, bytes;
    int code;
  };
  const std::string fragments = [] {
    std::string out = client_frame(binary, "", false);
    for (int i = 0; i < 1100; ++i) out += client_frame(continuation, "", false);
    return out;
  }();
  const std::string large = [] {
    std::string out = client_frame(binary, std::string(1'000'000, 'x'), false);
    for (int i = 0; i < 2; ++i) out += client_frame(continuation, std::string(1'000'000, 'x'), false);
    return out;
  }();
  const std::vector<Row> rows = {
      {"text", client_frame(text, "hello"), 1003},
      {"unmasked", client_frame(binary, "hello", true, 0, false), 1002},
      {"unmasked and empty", client_frame(binary, "", true, 0, false), 1002},
      {"RSV1", client_frame(binary, "hello", true, 4), 1002},
      {"RSV3", client_frame(binary, "hello", true, 1), 1002},
      {"opcode 3", client_frame(3, "hello"), 1002},
      {"opcode 11", client_frame(11, "hello"), 1002},
      {"continuation of nothing", client_frame(continuation, "hello"), 1002},
      {"a message inside a message", client_frame(binary, "a", false) + client_frame(binary, "b"), 1002},
      {"endless fragments", fragments, 1009},
      {"endless large fragments", large, 1009},
      {"a frame of 8 EiB", client_frame_header(binary, 1ull << 62) + "x", 1009},
      {"one byte over the largest message", client_frame_header(binary, 2 * 1024 * 1024 + 1) + "x", 1009},
      {"control frame of 126 bytes", client_frame(ping, std::string(126, 'p')), 1002},
      {"fragmented ping", client_frame(ping, "p", false), 1002},
      {"length written too long", std::string("\x82\xfe\x00\x05mask", 8) + "hello", 1002},
      {"close of one byte", client_frame(close_frame, "x"), 1002},
      {"close with a code of ours", client_frame(close_frame, "\x03\xee"), 1002},
      {"close with bad text", client_frame(close_frame, "\x03\xe8\xff\xfe"), 1007},
  };
  EdgeUnderTest edge;
  edge.start();
  int closed = 0;
  for (const Row& row : rows) {
    INFO(row.name);
    RawClient client(edge.port());
    REQUIRE(client.upgrade("/push"));
    client.send(row.bytes);
    client.send(client_frame(binary, "after"));
    CHECK(close_code_of(client) == row.code);
    CHECK(client.is_closed_by_peer());
    REQUIRE(edge.handler.closed.wait(++closed));
    CHECK(edge.handler.close_code == row.code);
  }
  CHECK(edge.server().counters().stream_messages_in == 0);
}

TEST_CASE("a handler closes with its own codes", "[edge][stream]") {  // rows 49, 50
  EdgeUnderTest edge;
  edge.start();
  RawClient unknown(edge.port()), gap(edge.port()), throws(edge.port()), silent(edge.port());
  REQUIRE(unknown.upgrade("/push"));
  REQUIRE(gap.upgrade("/push"));
  REQUIRE(throws.upgrade("/push"));
  REQUIRE(silent.upgrade("/first"));
  unknown.send(client_frame(binary, "auth?"));
  gap.send(client_frame(binary, "gap"));
  throws.send(client_frame(binary, "throw"));
  CHECK(close_code_of(unknown) == 4401);
  CHECK(close_code_of(gap) == 4409);
  CHECK(close_code_of(throws) == 1011);
  CHECK(close_code_of(silent) == 4408);
}

TEST_CASE("an upgrade that is refused leaves an ordinary connection", "[edge][stream][F7]") {
  EdgeUnderTest edge;
  edge.start();
  RawClient client(edge.port());
  CHECK(client.upgrade("/no").value().status == 403);
  CHECK(client.upgrade("/bad-upgrade").value().code() == "internal");
  CHECK(client.upgrade("/stream").value().status == 101);
}

namespace {

/// A stream whose peer reads nothing and whose sockets are full.
server::StreamSender fill(EdgeUnderTest& edge) {
  const server::StreamSender sender = edge.handler.sender();
  REQUIRE(sender.send(Bytes(20 << 20, 'f')));
  REQUIRE(edge.until([](const auto& counters) { return counters.stream_messages_out == 1; }));
  return sender;
}

}  // namespace

TEST_CASE("a reader that is too slow is cut, and only it", "[edge][stream][I32]") {
  EdgeUnderTest edge;
  edge.options.deadlines.close_ms = 100;
  edge.start();
  RawClient slow(edge.port(), 4096);
  REQUIRE(slow.upgrade("/push"));
  REQUIRE(edge.handler.opened.wait(1));
  const server::StreamSender to_slow = fill(edge);
  RawClient quick(edge.port());
  REQUIRE(quick.upgrade("/push"));
  REQUIRE(edge.handler.opened.wait(2));
  const server::StreamSender to_quick = edge.handler.sender();

  int sent = 0;
  while (to_slow.send(Bytes(100'000, 'm'))) REQUIRE(++sent < 1000);
  CHECK(sent == 10);  // a MiB and no more
  CHECK_FALSE(to_slow.is_open());
  CHECK(edge.handler.closed.wait(1));
  CHECK(edge.handler.close_code == 4413);
  CHECK(edge.until([](const auto& counters) { return counters.slow_readers_cut == 1; }));
  CHECK(to_quick.send("still here"));
  CHECK(quick.frame().value().payload == "still here");
}

TEST_CASE("a slow reader that catches up is told why it was cut", "[edge][stream]") {
  EdgeUnderTest edge;
  edge.options.deadlines.close_ms = 10'000;
  edge.start();
  RawClient slow(edge.port(), 4096);
  REQUIRE(slow.upgrade("/push"));
  REQUIRE(edge.handler.opened.wait());
  const server::StreamSender sender = fill(edge);
  int sent = 0;
  while (sender.send("small")) REQUIRE(++sent < 1000);
  CHECK(sent == 256);
  CHECK(slow.frame().value().payload.size() == 20 << 20);  // what was begun ends whole
  CHECK(slow.frame().value().close_code() == 4413);
}

TEST_CASE("a close does not wait for a peer that reads nothing", "[edge][stream]") {
  EdgeUnderTest edge;
  edge.options.deadlines.close_ms = 100;
  edge.start();
  RawClient slow(edge.port(), 4096);
  REQUIRE(slow.upgrade("/push"));
  REQUIRE(edge.handler.opened.wait());
  fill(edge).close(4401, "revoked");
  CHECK(edge.handler.closed.wait());
  CHECK(edge.handler.close_code == 4401);
  CHECK(edge.until([](const auto& counters) { return counters.connections_open == 0; }));
}

TEST_CASE("nothing more is read while the handler has a message", "[edge][stream]") {
  EdgeUnderTest edge;
  edge.start();
  RawClient client(edge.port());
  REQUIRE(client.upgrade("/push"));
  client.send(client_frame(binary, "hold") + client_frame(binary, "next"));
  REQUIRE(edge.handler.held.wait());
  const std::string message = client_frame(binary, std::string(1'000'000, 'm'));
  std::size_t taken = 0;
  while (client.offer(message)) REQUIRE(++taken < 200);  // until the sockets are full
  CHECK(edge.server().counters().stream_messages_in == 1);
  edge.handler.release.happen();
  CHECK(edge.handler.message_seen.wait(static_cast<int>(taken) + 2));
}

TEST_CASE("one message larger than the queue fits when nothing else waits", "[edge][stream]") {
  EdgeUnderTest edge;
  edge.start();
  RawClient client(edge.port());
  REQUIRE(client.upgrade("/push"));
  REQUIRE(edge.handler.opened.wait());
  CHECK(edge.handler.sender().send(Bytes(3 << 20, 'x')));
  CHECK(client.frame().value().payload.size() == 3 << 20);
}

TEST_CASE("what was sent before a close arrives before it", "[edge][stream]") {
  EdgeUnderTest edge;
  edge.start();
  RawClient client(edge.port());
  REQUIRE(client.upgrade("/push"));
  REQUIRE(edge.handler.opened.wait());
  const server::StreamSender sender = edge.handler.sender();
  for (int i = 0; i < 100; ++i) CHECK(sender.send(std::to_string(i)));
  sender.close(4401, "revoked");
  CHECK_FALSE(sender.send("too late"));
  for (int i = 0; i < 100; ++i) CHECK(client.frame().value().payload == std::to_string(i));
  CHECK(client.frame().value().payload == "\x11\x31revoked");
  CHECK(client.is_closed_by_peer());  // though the peer never said goodbye
  CHECK(edge.handler.closed.wait());
  CHECK(edge.handler.close_code == 4401);
}

TEST_CASE("a peer is pinged while it is silent and cut when it stays so", "[edge][stream]") {
  EdgeUnderTest edge;
  edge.options.deadlines.ping_ms = 50;
  edge.options.deadlines.dead_ms = 400;
  edge.start();
  RawClient alive(edge.port()), dead(edge.port());
  REQUIRE(alive.upgrade("/push"));
  REQUIRE(dead.upgrade("/push"));
  for (int i = 0; i < 12; ++i) {  // longer than dead_ms
    const auto frame = alive.frame();
    REQUIRE(frame);
    CHECK(frame->opcode == ping);
    alive.send(client_frame(pong, frame->payload));
  }
  CHECK(dead.is_closed_by_peer());
  CHECK(edge.handler.closed.wait());
  CHECK(edge.handler.close_code == 1006);
  CHECK(edge.server().counters().streams_open == 1);
}

TEST_CASE("half a frame does not hold anybody up and is not waited for for ever", "[edge][stream]") {  // F17
  EdgeUnderTest edge;
  edge.options.loops = 1;
  edge.options.deadlines.slow_grace_ms = 150;
  edge.start();
  RawClient half(edge.port()), other(edge.port());
  REQUIRE(half.upgrade("/push"));
  REQUIRE(other.upgrade("/stream"));
  half.send(client_frame_header(binary, 1'000'000) + "some");
  other.send(client_frame(binary, "served"));
  CHECK(other.frame().value().payload == "served");
  CHECK(close_code_of(half) == 1008);
}

TEST_CASE("a peer that closes after half a header costs nothing", "[edge][stream]") {  // F8, T-WS-PARTIAL
  EdgeUnderTest edge;
  edge.start();
  const std::string frame = client_frame(binary, std::string(200, 'x'));
  for (std::size_t cut = 0; cut < 9; ++cut) {
    RawClient client(edge.port());
    REQUIRE(client.upgrade("/push"));
    client.send(frame.substr(0, cut));
    client.end_writing();
    CHECK(client.is_closed_by_peer());
    REQUIRE(edge.handler.closed.wait(static_cast<int>(cut) + 1));
    CHECK(edge.handler.close_code == 1006);
  }
  CHECK(edge.until([](const auto& counters) { return counters.connections_open == 0; }));
  CHECK(edge.server().counters().streams_open == 0);
}

TEST_CASE("idle streams hold next to no memory", "[edge][stream][F8]") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return;  // their allocators are not ours
#endif
  if (server::raise_descriptor_limit() < 4'200) return;
  constexpr std::size_t streams = 2'000;
  EdgeUnderTest edge;
  edge.start();
  std::vector<std::unique_ptr<RawClient>> clients;
  const auto open = [&](std::size_t count) {
    const std::size_t before = clients.size();
    for (std::size_t i = 0; i < count; ++i) {
      clients.push_back(std::make_unique<RawClient>(edge.port()));
      REQUIRE(clients.back()->upgrade("/stream"));
    }
    for (std::size_t i = before; i < clients.size(); ++i) {  // each has worked before it idles
      clients[i]->send(client_frame(binary, std::string(3000, 'x')));
      REQUIRE(clients[i]->frame());
    }
  };
  clients.reserve(streams + 50);
  open(50);
  const std::size_t before = ::mallinfo2().uordblks;
  open(streams);
  const std::size_t after = ::mallinfo2().uordblks;
  const std::size_t each = (after - std::min(before, after)) / streams;
  INFO("bytes for each stream, its client's included: " << each);
  CHECK(each <= 4096);
  CHECK(edge.server().counters().streams_open == streams + 50);
}
