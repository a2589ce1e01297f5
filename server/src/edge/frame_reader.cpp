#include "edge/frame_reader.hpp"

#include <wslay/wslay.h>

#include <algorithm>
#include <cstring>

#include "tern/protocol/error.hpp"

namespace tern::server::edge {
namespace {

constexpr std::size_t reason_bytes_max = 123;

std::uint64_t header_length(std::uint64_t payload_length, bool masked) {
  const std::uint64_t extended = payload_length < 126 ? 0 : payload_length < 65536 ? 2 : 8;
  return 2 + extended + (masked ? 4 : 0);
}

}  // namespace

FrameReader::FrameReader() {
  wslay_frame_callbacks callbacks{};
  callbacks.recv_callback = &FrameReader::on_receive;
  check(wslay_frame_context_init(&context_, &callbacks, this) == 0, "memory for a frame reader");
}

FrameReader::~FrameReader() {
  wslay_frame_context_free(context_);
}

std::ptrdiff_t FrameReader::on_receive(std::uint8_t* into, std::size_t length, int /*flags*/, void* self) {
  auto& reader = *static_cast<FrameReader*>(self);
  const std::size_t count = std::min(length, reader.input_.size());
  if (count == 0) return -1;  // wslay asks again later
  std::memcpy(into, reader.input_.data(), count);
  reader.input_.remove_prefix(count);
  reader.taken_ += count;
  return static_cast<std::ptrdiff_t>(count);
}

FrameReader::Step FrameReader::next(FramePiece& piece) {
  wslay_frame_iocb frame{};
  std::ptrdiff_t got = WSLAY_ERR_WANT_READ;
  do {
    got = wslay_frame_recv(context_, &frame);
  } while (got == WSLAY_ERR_WANT_READ && !input_.empty());
  if (got == WSLAY_ERR_WANT_READ) return Step::need_more;
  if (got < 0) return Step::broken;

  piece.begins = left_ == 0;
  if (piece.begins) {
    accounted_ += header_length(frame.payload_length, frame.mask != 0);
    left_ = frame.payload_length;
  }
  accounted_ += frame.data_length;
  left_ -= frame.data_length;
  piece.ends = left_ == 0;
  piece.fin = frame.fin != 0;
  piece.reserved_bits = frame.rsv;
  piece.opcode = frame.opcode;
  piece.masked = frame.mask != 0;
  piece.payload_length = frame.payload_length;
  piece.payload = {reinterpret_cast<const char*>(frame.data), frame.data_length};
  return Step::piece;
}

void append_frame(std::string& out, Opcode opcode, ByteView payload) {
  // Unmasked frames are a header of at most 10 bytes and the payload as it is.
  out += static_cast<char>(0x80 | static_cast<int>(opcode));
  const std::uint64_t length = payload.size();
  const auto append_big_endian = [&](int bytes) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>((length >> shift) & 0xff);
  };
  if (length < 126) {
    out += static_cast<char>(length);
  } else if (length < 65536) {
    out += static_cast<char>(126);
    append_big_endian(2);
  } else {
    out += static_cast<char>(127);
    append_big_endian(8);
  }
  out += payload;
}

Bytes close_payload(std::uint16_t code, std::string_view reason) {
  Bytes out;
  out += static_cast<char>(code >> 8);
  out += static_cast<char>(code & 0xff);
  reason = reason.substr(0, reason_bytes_max);
  while (!reason.empty() && !is_valid_utf8(reason)) reason.remove_suffix(1);
  out += reason;
  return out;
}

}  // namespace tern::server::edge
