// WebSocket frames on the wire, by wslay's frame layer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tern/protocol/bytes.hpp"

struct wslay_frame_context;

namespace tern::server::edge {

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// A piece of a frame, unmasked.
struct FramePiece {
  bool begins = false;  // first piece of its frame
  bool ends = false;    // last piece of its frame
  bool fin = false;     // of the frame
  std::uint8_t reserved_bits = 0;
  std::uint8_t opcode = 0;
  bool masked = false;
  std::uint64_t payload_length = 0;  // of the whole frame
  std::string_view payload;          // valid until the next call
};

/// Cuts a byte stream into frames. Holds about 4 KiB, so idle connections have none: a clean reader of one connection
/// is as good as that of another, and a loop hands one round.
class FrameReader {
public:
  enum class Step : std::uint8_t { piece, need_more, broken };

  FrameReader();
  ~FrameReader();
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;

  /// More bytes, which must live while they are `unread`. Only when nothing is unread.
  void feed(std::string_view bytes) { input_ = bytes; }
  Step next(FramePiece& piece);
  /// What was fed and not looked at yet.
  [[nodiscard]] std::string_view unread() const { return input_; }
  /// True when the reader holds no byte of a frame that was not returned whole.
  [[nodiscard]] bool is_clean() const { return taken_ == accounted_ && left_ == 0; }

private:
  static std::ptrdiff_t on_receive(std::uint8_t* into, std::size_t length, int flags, void* self);

  wslay_frame_context* context_ = nullptr;
  std::string_view input_;
  std::uint64_t taken_ = 0;      // bytes wslay has read from us
  std::uint64_t accounted_ = 0;  // of them, bytes of pieces that were returned
  std::uint64_t left_ = 0;       // of the current frame's payload
};

/// One whole frame as a server sends it: final, not masked.
void append_frame(std::string& out, Opcode opcode, ByteView payload);
/// The payload of a close frame; the reason is cut to what fits.
Bytes close_payload(std::uint16_t code, std::string_view reason);

}  // namespace tern::server::edge
