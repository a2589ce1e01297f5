// One WebSocket connection as its poll loop sees it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "edge/message_rules.hpp"
#include "edge/stream_link.hpp"
#include "edge/wire.hpp"

namespace tern::server::edge {

/// Reads frames, answers pings, hands messages on, writes what is queued, notices the dead and the slow. While the
/// handler has a message nothing more is parsed. An idle one holds no buffers. Owner and thread: its Connection's.
class StreamSide {
public:
  StreamSide(StreamAccept accept, ConnectionId id, Wire& wire, LoopSide& loop);
  ~StreamSide();
  StreamSide(const StreamSide&) = delete;
  StreamSide& operator=(const StreamSide&) = delete;

  enum class State : std::uint8_t {
    open,
    over,  // both said goodbye, or a deadline passed: the connection may close in an orderly way
    cut,   // the peer does not even take what it is sent
  };
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool wants_input() const { return !busy_ && state_ == State::open; }
  [[nodiscard]] std::int64_t deadline_ms() const { return deadline_ms_; }

  void take(std::string_view bytes);  // from the peer
  void on_resume();                   // the handler is done with its message
  void on_writable() { write(); }     // or something was queued
  void on_drain();
  void on_deadline();
  void on_peer_gone();

private:
  void parse(std::string_view bytes);
  void on_event(MessageEvent event);
  void begin_close(std::uint16_t code, std::string_view reason, bool peer_closed);
  void write();
  void notice_wish();
  bool fill();
  void end(State state);
  void renew_deadline();

  Wire& wire_;
  LoopSide& loop_;
  const std::shared_ptr<QueuedLink> link_;
  const std::shared_ptr<HandlerStrand> strand_;
  MessageRules rules_;
  std::unique_ptr<FrameReader> reader_;  // only while a frame is half read
  std::string unparsed_;                 // only while the handler is busy
  std::optional<Bytes> pong_;            // the newest ping's payload, not answered yet
  RateWatch message_watch_;
  State state_ = State::open;
  bool busy_ = false;
  bool message_begun_ = false;
  bool ping_due_ = false;
  bool close_sent_ = false;
  bool peer_closed_ = false;
  std::uint16_t close_code_ = stream_close::abnormal;  // for the handler
  std::int64_t heard_ms_;
  std::int64_t pinged_ms_;
  std::int64_t first_message_by_ms_;
  std::int64_t close_by_ms_ = never_ms;
  std::int64_t deadline_ms_ = 0;
};

}  // namespace tern::server::edge
