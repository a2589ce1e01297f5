// A peer that sends exactly the bytes it is told to. Waits are bounded, and for events, never for time to pass.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace tern::test {

struct RawAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  // lower-case names
  std::string body;
  /// The "code" of a problem+json body.
  [[nodiscard]] std::string code() const;
};

struct RawFrame {
  int opcode = 0;
  std::string payload;
  /// Of a close frame; 1005 without one.
  [[nodiscard]] int close_code() const;
};

class RawClient {
public:
  explicit RawClient(std::uint16_t port, int receive_buffer_bytes = 0);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool send(std::string_view bytes);  // false when the peer is gone
  /// False when the peer has stopped reading before all of it was sent.
  bool offer(std::string_view bytes);
  /// Nothing: no whole answer came before the end or in 10 s. `to_head`: of a HEAD request.
  std::optional<RawAnswer> answer(bool to_head = false);
  /// True when the peer ends the connection within 10 s; what came before is kept in `rest`.
  bool is_closed_by_peer();
  [[nodiscard]] const std::string& rest() const { return buffer_; }
  void end_writing();
  void reset();  // closes with RST

  // Streams.
  std::optional<RawAnswer> upgrade(std::string_view path, std::string_view more = {});
  std::optional<RawFrame> frame();
  int descriptor() const { return descriptor_; }

private:
  bool read_more();
  std::optional<std::string> until(std::string_view mark);
  bool have(std::size_t bytes);

  int descriptor_ = -1;
  std::string buffer_;
};

/// A frame as a client sends it.
std::string client_frame(int opcode, std::string_view payload, bool fin = true, int reserved = 0, bool masked = true);
/// Only the header of one, with a length of its own.
std::string client_frame_header(int opcode, std::uint64_t length, bool fin = true);

}  // namespace tern::test
