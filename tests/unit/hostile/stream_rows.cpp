#include "unit/hostile/rows.hpp"

namespace tern::test {
namespace {

constexpr int continuation = 0, text = 1, binary = 2, ping = 9;

Row bytes_row(const std::string& number, const std::string& input, const Bytes& bytes, const std::string& answer) {
  return {number, input, [bytes](HostileRig& rig) { return rig.frames(bytes); }, answer, Line::closes, ""};
}

Bytes many(const std::string& payload, int count) {
  Bytes out = client_frame(binary, payload, false);
  for (int i = 0; i < count; ++i) out += client_frame(continuation, payload, false);
  return out;
}

Bytes asking(Device& device, protocol::FrameSealer& up) {
  v1::StreamFrame frame;
  *frame.mutable_request() = device.request();
  return up.seal(frame.SerializeAsString());
}

using Attack = std::function<Bytes(Device&, protocol::FrameSealer&)>;

Row sealed_row(const std::string& number, const std::string& input, const Attack& attack, const std::string& answer) {
  const auto run = [attack](HostileRig& rig) {
    const auto van = rig.device();
    return rig.stream(*van, [&](protocol::FrameSealer& up) { return attack(*van, up); });
  };
  return {number, input, run, answer, Line::closes, ""};
}

std::string without_mac(HostileRig& rig) {
  return rig.send(
      "GET /sync/v1/stream HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
}

}  // namespace

std::vector<Row> stream_rows() {
  return {
      bytes_row("46", "a text frame", client_frame(text, "hello"), "close 1003"),
      bytes_row("46", "a frame without mask", client_frame(binary, "hello", true, 0, false), "close 1002"),
      bytes_row("46", "a reserved bit", client_frame(binary, "hello", true, 4), "close 1002"),
      bytes_row("46", "opcode 3", client_frame(3, "hello"), "close 1002"),
      bytes_row("48", "endless empty fragments", many("", 1100), "close 1009"),
      bytes_row("48", "endless large fragments", many(Bytes(500'000, 'x'), 8), "close 1009"),
      bytes_row("48", "a frame that says 4 EiB", client_frame_header(binary, 1ULL << 62) + "x", "close 1009"),
      bytes_row("48", "a control frame of 126 bytes", client_frame(ping, Bytes(126, 'p')), "close 1002"),
      bytes_row("48", "a ping in fragments", client_frame(ping, "p", false), "close 1002"),
      {"49", "a stream without a MAC", without_mac, "401 mac_required", Line::stays, ""},
      bytes_row("49", "a first frame that is under no key", client_frame(binary, Bytes(64, 'f')), "close 4401"),
      bytes_row("49", "silence", "", "close 4408"),
      sealed_row(
          "50", "a counter that jumps",
          [](Device& van, protocol::FrameSealer& up) {
            static_cast<void>(asking(van, up));
            return client_frame(binary, asking(van, up));
          },
          "close 4409"),
      sealed_row(
          "50", "a frame with a flipped bit",
          [](Device& van, protocol::FrameSealer& up) {
            Bytes sealed = asking(van, up);
            sealed.back() = static_cast<char>(sealed.back() ^ 1);
            return client_frame(binary, sealed);
          },
          "close 4401"),
      sealed_row(
          "", "a sealed frame that is no request",
          [](Device&, protocol::FrameSealer& up) { return client_frame(binary, up.seal("\x7f\x7f")); }, "close 1003"),
  };
}

}  // namespace tern::test
