// From frames to messages: the rules of RFC 6455 for what a client may send, and our own (binary only, bounded).
#pragma once

#include <cstdint>
#include <optional>

#include "edge/frame_reader.hpp"
#include "tern/protocol/bytes.hpp"

namespace tern::server::edge {

struct MessageLimits {
  std::size_t message_bytes_max = 0;
  std::size_t fragments_max = 0;
};

/// What became of a piece.
struct MessageEvent {
  enum class Kind : std::uint8_t { message, ping, pong, close, violation };
  Kind kind = Kind::message;
  Bytes payload;           // of message, ping, pong
  std::uint16_t code = 0;  // of close (1005 when the peer gave none) and violation (what we close with)
};

/// Puts messages together. Judges a frame by its header, before a byte of its payload is kept, and never holds more
/// than the largest message plus one control frame. After a violation it must not be used again.
class MessageRules {
public:
  explicit MessageRules(MessageLimits limits) : limits_(limits) {}

  /// Nothing: the piece was taken, more is to come.
  std::optional<MessageEvent> take(const FramePiece& piece);
  /// True while a message or frame is half here.
  [[nodiscard]] bool in_progress() const { return in_message_ || in_frame_; }

private:
  std::uint16_t judge_frame(const FramePiece& piece) const;  // 0, or the close code
  MessageEvent end_of_control(std::uint8_t opcode);

  MessageLimits limits_;
  Bytes message_;
  Bytes control_;
  std::size_t fragments_ = 0;
  bool in_message_ = false;
  bool in_frame_ = false;
};

}  // namespace tern::server::edge
