// The pure parts: the same bytes mean the same, however they are cut.
#include "edge/address_book.hpp"
#include "edge/chunk_decoder.hpp"
#include "edge/frame_reader.hpp"
#include "edge/head_reader.hpp"
#include "edge/message_rules.hpp"
#include "support/catch.hpp"
#include "unit/edge/raw_client.hpp"

using namespace tern;
using namespace tern::server::edge;
using tern::test::client_frame;

namespace {

std::optional<HeadReader::Outcome> read_cut(const std::string& bytes, std::size_t step) {
  const server::EdgeLimits limits;
  HeadReader reader(limits);
  for (std::size_t end = step; end < bytes.size() + step; end += step)
    if (auto outcome = reader.read(std::string_view(bytes).substr(0, end))) return outcome;
  return std::nullopt;
}

/// Messages and the first violation, as text.
std::string read_frames(const std::string& bytes, std::size_t step) {
  FrameReader reader;
  MessageRules rules({1000, 10});
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    const std::string piece = bytes.substr(at, step);
    reader.feed(piece);
    FramePiece frame;
    FrameReader::Step state = FrameReader::Step::piece;
    while ((state = reader.next(frame)) == FrameReader::Step::piece) {
      const auto event = rules.take(frame);
      if (!event) continue;
      out += std::to_string(static_cast<int>(event->kind)) + ":" + event->payload + ":" + std::to_string(event->code) +
             ";";
      if (event->kind == MessageEvent::Kind::violation) return out;
    }
    if (state == FrameReader::Step::broken) return out + "broken";
  }
  return out + (reader.is_clean() ? "" : "half");
}

}  // namespace

TEST_CASE("a head means the same wherever it is cut", "[edge]") {
  const std::string bytes =
      "POST /a/b?x=1&y=%20 HTTP/1.1\r\nHost: desk.example:8470\r\nContent-Length: 12\r\nX-A:\t padded \t\r\nx-a: "
      "again\r\n"
      "Expect: 100-Continue\r\n\r\nrest of it";
  for (const std::size_t step : {1, 2, 3, 7, 50, 1000}) {
    const auto outcome = read_cut(bytes, step);
    REQUIRE(outcome);
    REQUIRE(std::holds_alternative<Head>(*outcome));
    const Head& head = std::get<Head>(*outcome);
    CHECK(head.request.method == "POST");
    CHECK(head.request.target == "/a/b?x=1&y=%20");
    CHECK(head.request.path == "/a/b");
    CHECK(head.request.query == "x=1&y=%20");
    CHECK(head.request.header("x-a") == "padded");
    CHECK(head.request.headers.size() == 5);
    CHECK(head.framing == Framing::length);
    CHECK(head.content_length == 12);
    CHECK(head.expect_continue);
    CHECK(head.keep_alive);
    CHECK(bytes.substr(head.size_bytes) == "rest of it");
  }
}

TEST_CASE("sizes of a head are judged before its end is here", "[edge]") {
  const auto code = [](const std::string& bytes) {
    const auto outcome = read_cut(bytes, 4096);
    return outcome && std::holds_alternative<Refusal>(*outcome) ? std::string(std::get<Refusal>(*outcome).code) : "";
  };
  CHECK(code("GET /" + std::string(17'000, 'u')) == "uri_too_long");
  CHECK(code("GET / HTTP/1.1\r\nX: " + std::string(50'000, 'v')) == "headers_too_large");
  std::string many = "GET / HTTP/1.1\r\nHost: t\r\n";
  for (int i = 0; i < 99; ++i) many += "A: b\r\n";
  CHECK(code(many + "\r\n").empty());
  CHECK(code(many + "A: b\r\nA: b\r\n") == "headers_too_large");
}

TEST_CASE("chunks give the same body wherever they are cut", "[edge]") {
  const std::string bytes = "3\r\nabc\r\nA\r\n0123456789\r\n000\r\n\r\nGET /next";
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    ChunkDecoder decoder;
    std::string body, left;
    bool done = false;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      std::string_view input = std::string_view(bytes).substr(at, step);
      std::string_view piece;
      ChunkDecoder::Step state = done ? ChunkDecoder::Step::done : decoder.next(input, piece);
      while (state == ChunkDecoder::Step::data) {
        body += piece;
        state = decoder.next(input, piece);
      }
      REQUIRE(state != ChunkDecoder::Step::broken);
      done = state == ChunkDecoder::Step::done;
      if (done) left += input;
    }
    CHECK(body == "abc0123456789");
    CHECK(left == "GET /next");
  }
}

TEST_CASE("frames give the same messages wherever they are cut", "[edge][stream]") {
  const std::string bytes = client_frame(2, "one") + client_frame(9, "ping") +
                            client_frame(2, std::string(300, 'x'), false) + client_frame(0, std::string(200, 'y')) +
                            client_frame(8,
                                         "\x03\xe8"
                                         "bye");
  const std::string whole = read_frames(bytes, bytes.size());
  CHECK(whole == "0:one:0;1:ping:0;0:" + std::string(300, 'x') + std::string(200, 'y') + ":0;3::1000;");
  for (std::size_t step = 1; step < bytes.size(); ++step) CHECK(read_frames(bytes, step) == whole);
  for (std::size_t end = 1; end < 9; ++end) CHECK(read_frames(bytes.substr(0, end), 1) == "half");
}

TEST_CASE("a message over the limit is refused by its header", "[edge][stream]") {
  CHECK(read_frames(client_frame(2, std::string(1000, 'x')), 100) == "0:" + std::string(1000, 'x') + ":0;");
  CHECK(read_frames(test::client_frame_header(2, 1001) + "x", 100) == "4::1009;");
  CHECK(read_frames(client_frame(2, std::string(600, 'x'), false) + test::client_frame_header(0, 401) + "x", 100) ==
        "4::1009;");
}

TEST_CASE("frames of a server are not masked and as short as they can be", "[edge][stream]") {
  std::string out;
  append_frame(out, Opcode::binary, "ab");
  CHECK(out ==
        "\x82\x02"
        "ab");
  for (const std::size_t size : {125, 126, 65'535, 65'536}) {
    out.clear();
    append_frame(out, Opcode::binary, std::string(size, 'x'));
    CHECK(out.size() == size + (size < 126 ? 2 : size < 65'536 ? 4 : 10));
  }
  CHECK(close_payload(4401, "auth") ==
        "\x11\x31"
        "auth");
  CHECK(close_payload(1000, std::string(200, 'r')).size() == 125);
  CHECK(close_payload(1000, std::string(122, 'r') + "\xc3\xa4").size() == 124);  // no half letter
}

TEST_CASE("addresses are counted as their owners hold them", "[edge]") {
  CHECK(address_key("192.0.2.7", false) == "192.0.2.7");
  CHECK(address_key("2001:db8::1", false) == address_key("2001:db8::ffff", false));
  CHECK(address_key("2001:db8::1", false) != address_key("2001:db8:0:1::1", false));
  CHECK(address_key("127.0.0.1", false).empty());
  CHECK(address_key("::1", false).empty());
  CHECK_FALSE(address_key("127.0.0.1", true).empty());

  server::EdgeLimits limits;
  limits.connections_max = 3;
  limits.connections_per_address_max = 2;
  AddressBook book(limits);
  CHECK(book.enter("a"));
  CHECK(book.enter("a"));
  CHECK_FALSE(book.enter("a"));
  CHECK(book.enter("b"));
  CHECK_FALSE(book.enter("c"));
  book.leave("a");
  CHECK(book.enter("a"));
}
