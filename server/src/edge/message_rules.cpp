#include "edge/message_rules.hpp"

#include <utility>

#include "tern/server/http.hpp"

namespace tern::server::edge {
namespace {

constexpr std::size_t control_bytes_max = 125;
constexpr std::uint16_t no_status = 1005;
constexpr std::uint16_t bad_text = 1007;

bool is_control(std::uint8_t opcode) {
  return (opcode & 8) != 0;
}

bool may_be_sent(unsigned code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

MessageEvent violation(std::uint16_t code) {
  return {MessageEvent::Kind::violation, {}, code};
}

MessageEvent read_close(const Bytes& payload) {
  if (payload.empty()) return {MessageEvent::Kind::close, {}, no_status};
  if (payload.size() == 1) return violation(stream_close::protocol_error);
  const unsigned code = static_cast<unsigned char>(payload[0]) * 256u + static_cast<unsigned char>(payload[1]);
  if (!may_be_sent(code)) return violation(stream_close::protocol_error);
  const ByteView reason = ByteView(payload).substr(2);
  if (!reason.empty() && !is_valid_utf8(reason)) return violation(bad_text);
  return {MessageEvent::Kind::close, {}, static_cast<std::uint16_t>(code)};
}

}  // namespace

std::optional<MessageEvent> MessageRules::take(const FramePiece& piece) {
  const bool control = is_control(piece.opcode);
  if (piece.begins) {
    if (const std::uint16_t code = judge_frame(piece); code != 0) return violation(code);
    if (!control) {
      fragments_ = in_message_ ? fragments_ + 1 : 1;
      in_message_ = true;
    }
  }
  in_frame_ = !piece.ends;
  (control ? control_ : message_) += piece.payload;
  if (!piece.ends) return std::nullopt;
  if (control) return end_of_control(piece.opcode);
  if (!piece.fin) return std::nullopt;
  in_message_ = false;
  return MessageEvent{MessageEvent::Kind::message, std::exchange(message_, {}), 0};
}

std::uint16_t MessageRules::judge_frame(const FramePiece& piece) const {
  const auto opcode = static_cast<Opcode>(piece.opcode);
  if (!piece.masked || piece.reserved_bits != 0) return stream_close::protocol_error;
  if (is_control(piece.opcode)) {
    const bool known = opcode == Opcode::close || opcode == Opcode::ping || opcode == Opcode::pong;
    return known && piece.fin && piece.payload_length <= control_bytes_max ? 0 : stream_close::protocol_error;
  }
  if (opcode == Opcode::text && !in_message_) return stream_close::unsupported_data;
  const Opcode due = in_message_ ? Opcode::continuation : Opcode::binary;
  if (opcode != due) return stream_close::protocol_error;
  if (piece.payload_length > limits_.message_bytes_max - message_.size()) return stream_close::too_big;
  if (in_message_ && fragments_ >= limits_.fragments_max) return stream_close::too_big;
  return 0;
}

MessageEvent MessageRules::end_of_control(std::uint8_t opcode) {
  Bytes payload = std::exchange(control_, {});
  switch (static_cast<Opcode>(opcode)) {
    case Opcode::ping:
      return {MessageEvent::Kind::ping, std::move(payload), 0};
    case Opcode::pong:
      return {MessageEvent::Kind::pong, std::move(payload), 0};
    default:
      return read_close(payload);
  }
}

}  // namespace tern::server::edge
