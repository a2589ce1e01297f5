#include "edge/stream_side.hpp"

#include <algorithm>
#include <utility>

namespace tern::server::edge {
namespace {

constexpr std::size_t write_ahead_bytes = 64 * 1024;

MessageLimits message_limits(const StreamAccept& accept, const EdgeLimits& limits) {
  const std::size_t bytes_max =
      accept.message_bytes_max > 0 ? accept.message_bytes_max : limits.stream_message_bytes_max;
  return {bytes_max, limits.stream_fragments_max};
}

}  // namespace

StreamSide::StreamSide(StreamAccept accept, ConnectionId id, Wire& wire, LoopSide& loop)
    : wire_(wire),
      loop_(loop),
      link_(std::make_shared<QueuedLink>(loop.inbox, id, loop.shared.options.limits)),
      strand_(std::make_shared<HandlerStrand>(std::move(accept.handler), link_, id, loop)),
      rules_(message_limits(accept, loop.shared.options.limits)),
      heard_ms_(loop.now_ms),
      pinged_ms_(loop.now_ms),
      first_message_by_ms_(accept.first_message_ms > 0 ? loop.now_ms + accept.first_message_ms : never_ms) {
  count(loop_.shared.tallies.streams_accepted);
  count(loop_.shared.tallies.streams_open);
  strand_->open();
  renew_deadline();
}

StreamSide::~StreamSide() {
  if (state_ == State::open) end(State::cut);
  discount(loop_.shared.tallies.streams_open);
}

void StreamSide::end(State state) {
  state_ = state;
  if (close_code_ == stream_close::slow_reader) count(loop_.shared.tallies.slow_readers_cut);
  link_->end();
  reader_.reset();
  std::string().swap(unparsed_);
  strand_->close(close_code_);
}

// ---- reading
// ---------------------------------------------------------------------------------------------------------

void StreamSide::take(std::string_view bytes) {
  heard_ms_ = loop_.now_ms;
  if (message_begun_) message_watch_.add(bytes.size());
  parse(bytes);
  if (state_ == State::open) write();
}

void StreamSide::parse(std::string_view bytes) {
  std::unique_ptr<FrameReader> reader = std::move(reader_ ? reader_ : loop_.spare_reader);
  if (!reader) reader = std::make_unique<FrameReader>();
  reader->feed(bytes);
  FramePiece piece;
  while (state_ == State::open && !busy_ && !peer_closed_) {
    const FrameReader::Step step = reader->next(piece);
    if (step == FrameReader::Step::need_more) break;
    if (step == FrameReader::Step::broken) {
      begin_close(stream_close::protocol_error, "not a frame", true);
    } else if (auto event = rules_.take(piece)) {
      on_event(std::move(*event));
    }
  }
  if (state_ != State::open || peer_closed_) return;  // nothing that follows counts

  const bool half = !reader->is_clean() || rules_.in_progress();
  if (half && !message_begun_ && !busy_) message_watch_.start(loop_.now_ms);
  message_begun_ = half && !busy_;
  unparsed_ = reader->unread();
  reader->feed({});
  (reader->is_clean() ? loop_.spare_reader : reader_) = std::move(reader);
  renew_deadline();
}

void StreamSide::on_event(MessageEvent event) {
  switch (event.kind) {
    case MessageEvent::Kind::message:
      if (close_sent_) return;
      first_message_by_ms_ = never_ms;
      message_begun_ = false;
      busy_ = true;
      count(loop_.shared.tallies.stream_messages_in);
      strand_->message(std::move(event.payload));
      return;
    case MessageEvent::Kind::ping:
      pong_ = std::move(event.payload);
      return;
    case MessageEvent::Kind::pong:
      return;
    case MessageEvent::Kind::close:
      begin_close(event.code, {}, true);
      return;
    case MessageEvent::Kind::violation:
      begin_close(event.code, "protocol", true);
      return;
  }
}

void StreamSide::on_resume() {
  if (!busy_ || state_ != State::open) return;
  busy_ = false;
  heard_ms_ = loop_.now_ms;  // what it sent meanwhile was not read
  const std::string bytes = std::exchange(unparsed_, {});
  parse(bytes);
  if (state_ == State::open) write();
}

// ---- writing
// ---------------------------------------------------------------------------------------------------------

void StreamSide::begin_close(std::uint16_t code, std::string_view reason, bool peer_closed) {
  peer_closed_ = peer_closed_ || peer_closed;
  if (close_sent_) return;
  close_sent_ = true;
  close_code_ = code;
  close_by_ms_ = std::min(close_by_ms_, loop_.now_ms + loop_.shared.options.deadlines.close_ms);
  link_->close(code, reason);  // nothing more is taken from anybody
  constexpr std::uint16_t peer_gave_none = 1005;
  append_frame(wire_.out(), Opcode::close, code == peer_gave_none ? Bytes{} : close_payload(code, reason));
  renew_deadline();
}

void StreamSide::write() {
  link_->begin_taking();
  notice_wish();
  while (state_ == State::open) {
    const bool filled = fill();
    const Io io = wire_.flush();
    if (io == Io::failed) return end(State::cut);
    if (io != Io::done) break;
    if (filled) continue;
    if (close_sent_ && peer_closed_) return end(State::over);
    break;
  }
  renew_deadline();
}

/// A wish to close runs against the clock from now on, whether or not the peer takes what is before it.
void StreamSide::notice_wish() {
  const auto code = link_->wished_close();
  if (!code || close_sent_ || close_by_ms_ != never_ms) return;
  if (*code == stream_close::slow_reader) return begin_close(*code, "too slow", false);
  close_code_ = *code;
  close_by_ms_ = loop_.now_ms + loop_.shared.options.deadlines.close_ms;
}

bool StreamSide::fill() {
  bool filled = false;
  if (!close_sent_ && pong_) {
    append_frame(wire_.out(), Opcode::pong, *std::exchange(pong_, std::nullopt));
    filled = true;
  }
  if (!close_sent_ && std::exchange(ping_due_, false)) {
    append_frame(wire_.out(), Opcode::ping, {});
    filled = true;
  }
  while (!close_sent_ && wire_.waiting() < write_ahead_bytes) {
    auto next = link_->take();
    if (!next) break;
    filled = true;
    if (const auto* message = std::get_if<Bytes>(&*next)) {
      append_frame(wire_.out(), Opcode::binary, *message);
      count(loop_.shared.tallies.stream_messages_out);
    } else {
      const auto& wish = std::get<CloseWish>(*next);
      begin_close(wish.code, wish.reason, false);
    }
  }
  return filled;
}

// ---- time
// ------------------------------------------------------------------------------------------------------------

void StreamSide::on_drain() {
  link_->close(stream_close::going_away, "the server is stopping");
  write();
}

void StreamSide::on_peer_gone() {
  if (state_ != State::open) return;
  end(State::cut);
}

void StreamSide::on_deadline() {
  const EdgeDeadlines& deadlines = loop_.shared.options.deadlines;
  const std::int64_t now = loop_.now_ms;
  if (now >= close_by_ms_) return end(wire_.waiting() > 0 ? State::cut : State::over);
  if (!close_sent_) {
    const std::int64_t stalled = wire_.stalled_since_ms();
    const bool silent = !busy_ && now - heard_ms_ >= deadlines.dead_ms;
    if (silent || (stalled != never_ms && now - stalled >= deadlines.dead_ms)) return end(State::cut);
    if (now >= first_message_by_ms_) {
      begin_close(stream_close::first_message_timeout, "nothing came", false);
    } else if (message_begun_ && message_watch_.too_slow(now, deadlines)) {
      count(loop_.shared.tallies.body_timeouts);
      begin_close(stream_close::policy, "too slow", true);
    } else if (now - std::max(pinged_ms_, heard_ms_) >= deadlines.ping_ms) {
      pinged_ms_ = now;
      ping_due_ = true;
    }
  }
  write();
}

void StreamSide::renew_deadline() {
  const EdgeDeadlines& deadlines = loop_.shared.options.deadlines;
  deadline_ms_ = close_by_ms_;
  if (close_sent_) return;
  deadline_ms_ = std::min({deadline_ms_, std::max(pinged_ms_, heard_ms_) + deadlines.ping_ms, first_message_by_ms_});
  if (!busy_) deadline_ms_ = std::min(deadline_ms_, heard_ms_ + deadlines.dead_ms);
  if (message_begun_) deadline_ms_ = std::min(deadline_ms_, message_watch_.next_look_ms(loop_.now_ms, deadlines));
  if (const std::int64_t stalled = wire_.stalled_since_ms(); stalled != never_ms)
    deadline_ms_ = std::min(deadline_ms_, stalled + deadlines.dead_ms);
}

}  // namespace tern::server::edge
