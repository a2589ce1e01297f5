// A client's bytes on a stream. However they are cut they are the same messages, none is over its limit, and the frames
// written again read the same.
#include <string>
#include <vector>

#include "edge/frame_reader.hpp"
#include "edge/message_rules.hpp"
#include "fuzz/fuzz_input.hpp"

namespace tern::fz_ws_frame {
using namespace tern::server::edge;

namespace {

constexpr MessageLimits limits{600, 6};
constexpr std::size_t every_cut_bytes_max = 96;  // of inputs so short each cut in two is tried

struct Frame {
  FramePiece head;  // its payload is not kept
  Bytes payload;
};

struct Reading {
  std::string events;
  std::vector<Frame> frames;  // whole ones
  bool clean = false;         // nothing half read, and nothing wrong
};

class Reader {
public:
  /// False: the connection is over.
  bool take(std::string_view bytes) {
    reader_.feed(bytes);
    FramePiece piece;
    FrameReader::Step step{};
    while ((step = reader_.next(piece)) == FrameReader::Step::piece) {
      keep(piece);
      if (const auto event = rules_.take(piece); event && !note(*event)) return false;
    }
    if (step == FrameReader::Step::broken) return out_.events += "broken", false;
    check(reader_.unread().empty(), "all that was fed was looked at");
    out_.clean = reader_.is_clean();
    return true;
  }
  Reading done() { return std::move(out_); }

private:
  void keep(const FramePiece& piece) {
    if (piece.begins) open_ = {piece, {}};
    open_.payload += piece.payload;
    check(open_.payload.size() <= piece.payload_length, "no more payload than the frame has");
    if (piece.ends) out_.frames.push_back(std::exchange(open_, {}));
  }
  bool note(const MessageEvent& event) {
    using Kind = MessageEvent::Kind;
    const bool control = event.kind == Kind::ping || event.kind == Kind::pong;
    check(event.payload.size() <= (control ? 125 : limits.message_bytes_max), "an event within its limit");
    out_.events +=
        std::to_string(static_cast<int>(event.kind)) + ":" + event.payload + ":" + std::to_string(event.code) + ";";
    out_.clean = false;
    return event.kind != Kind::violation && event.kind != Kind::close;
  }

  FrameReader reader_;
  MessageRules rules_{limits};
  Frame open_;
  Reading out_;
};

Reading read_stepwise(std::string_view bytes, std::size_t step) {
  Reader reader;
  for (std::size_t at = 0; at < bytes.size(); at += step)
    if (!reader.take(bytes.substr(at, step))) break;
  return reader.done();
}

Reading read_in_two(std::string_view bytes, std::size_t cut) {
  Reader reader;
  if (reader.take(bytes.substr(0, cut))) reader.take(bytes.substr(cut));
  return reader.done();
}

/// As a client writes it, with the mask that changes nothing.
Bytes written(const Frame& frame) {
  Bytes out;
  append_frame(out, static_cast<Opcode>(frame.head.opcode), frame.payload);
  out[0] = static_cast<char>((frame.head.fin ? 0x80 : 0) | frame.head.reserved_bits << 4 | frame.head.opcode);
  out[1] = static_cast<char>(out[1] | 0x80);
  out.insert(out.size() - frame.payload.size(), 4, '\0');
  return out;
}

}  // namespace

TERN_FUZZ_TARGET(fz_ws_frame) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size_bytes);
  const Reading whole = read_stepwise(bytes, bytes.size() + 1);
  const Reading single = read_stepwise(bytes, 1);
  check(single.events == whole.events && single.clean == whole.clean, "the same messages, byte by byte");
  if (bytes.size() <= every_cut_bytes_max) {
    for (std::size_t cut = 1; cut < bytes.size(); ++cut)
      check(read_in_two(bytes, cut).events == whole.events, "the same messages wherever they are cut");
  }
  if (whole.clean) {
    Bytes again;
    for (const Frame& frame : whole.frames) again += written(frame);
    check(again.size() == bytes.size(), "each byte belongs to a frame");
    const Reading read_again = read_stepwise(again, again.size() + 1);
    check(read_again.events == whole.events && read_again.clean, "frames written again read the same");
  }
  return 0;
}

}  // namespace tern::fz_ws_frame
