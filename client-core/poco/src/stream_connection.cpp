#include <sys/random.h>

#include <algorithm>
#include <utility>

#include "stream_inside.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::client {
namespace {

constexpr std::size_t message_bytes_max = limits::decompressed_bytes_max + 64 * limits::kib;
constexpr std::int64_t silence_ms_max = 60'000;   // the server pings every 20 s
constexpr std::int64_t message_ms_free = 10'000;  // from then on a message has to come at a rate
constexpr std::int64_t goodbye_ms = 2'000;

}  // namespace

StreamConnection::Inside::Inside(std::unique_ptr<Line> line, std::string early, std::int64_t stall_ms)
    : line_(std::move(line)), early_(std::move(early)), stall_ms_(stall_ms), heard_ms_(steady_ms()) {
  wslay_event_callbacks callbacks{};
  callbacks.recv_callback = &on_receive;
  callbacks.send_callback = &on_send;
  callbacks.genmask_callback = &on_mask;
  callbacks.on_msg_recv_callback = &on_message;
  callbacks.on_frame_recv_start_callback = &on_frame;
  check(wslay_event_context_client_init(&context_, &callbacks, this) == 0, "memory for a stream");
  wslay_event_config_set_max_recv_msg_length(context_, message_bytes_max);
}

StreamConnection::Inside::~Inside() {
  wslay_event_context_free(context_);
}

std::ptrdiff_t StreamConnection::Inside::on_receive(wslay_event_context* context, std::uint8_t* into,
                                                    std::size_t length, int /*flags*/, void* self) {
  auto& stream = *static_cast<Inside*>(self);
  if (!stream.early_.empty()) {
    const std::size_t count = std::min(length, stream.early_.size());
    std::copy_n(stream.early_.data(), count, into);
    stream.early_.erase(0, count);
    return static_cast<std::ptrdiff_t>(count);
  }
  if (!stream.messages_.empty()) {  // whoever reads slowly must not be filled up
    wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
    return -1;
  }
  const LineStep step = stream.line_->read(reinterpret_cast<char*>(into), length);
  if (step.state == LineState::moved) {
    stream.heard_ms_ = steady_ms();
    stream.message_bytes_ += static_cast<std::int64_t>(step.bytes);
    return static_cast<std::ptrdiff_t>(step.bytes);
  }
  const bool later = step.state == LineState::wait_read || step.state == LineState::wait_write;
  wslay_event_set_error(context, later ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
  return -1;
}

std::ptrdiff_t StreamConnection::Inside::on_send(wslay_event_context* context, const std::uint8_t* bytes,
                                                 std::size_t length, int /*flags*/, void* self) {
  auto& stream = *static_cast<Inside*>(self);
  const LineStep step = stream.line_->write({reinterpret_cast<const char*>(bytes), length});
  if (step.state == LineState::moved) return static_cast<std::ptrdiff_t>(step.bytes);
  const bool later = step.state == LineState::wait_read || step.state == LineState::wait_write;
  wslay_event_set_error(context, later ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
  return -1;
}

int StreamConnection::Inside::on_mask(wslay_event_context* /*context*/, std::uint8_t* into, std::size_t length,
                                      void* /*self*/) {
  return ::getrandom(into, length, 0) == static_cast<ssize_t>(length) ? 0 : -1;
}

void StreamConnection::Inside::on_frame(wslay_event_context* /*context*/,
                                        const wslay_event_on_frame_recv_start_arg* frame, void* self) {
  auto& stream = *static_cast<Inside*>(self);
  if (wslay_is_ctrl_frame(frame->opcode) || stream.message_since_ms_ != 0) return;
  stream.message_since_ms_ = steady_ms();
  stream.message_bytes_ = 0;
}

/// Pings count as bytes of it while it waits for more than will ever come.
bool StreamConnection::Inside::message_is_stuck(std::int64_t now_ms) const {
  const std::int64_t late_ms = now_ms - message_since_ms_ - message_ms_free;
  return message_since_ms_ != 0 && late_ms > 0 && message_bytes_ < late_ms;
}

void StreamConnection::Inside::on_message(wslay_event_context* context, const wslay_event_on_msg_recv_arg* message,
                                          void* self) {
  if (!wslay_is_ctrl_frame(message->opcode)) static_cast<Inside*>(self)->message_since_ms_ = 0;
  if (message->opcode == WSLAY_BINARY_FRAME) {
    static_cast<Inside*>(self)->messages_.emplace_back(reinterpret_cast<const char*>(message->msg),
                                                       message->msg_length);
  } else if (message->opcode == WSLAY_TEXT_FRAME) {  // not one of ours
    wslay_event_queue_close(context, WSLAY_CODE_UNSUPPORTED_DATA, nullptr, 0);
    wslay_event_shutdown_read(context);
  }
}

bool StreamConnection::Inside::pump() {
  if (!broken_) broken_ = wslay_event_recv(context_) != 0 || wslay_event_send(context_) != 0;
  return !broken_ && wslay_event_get_read_enabled(context_) != 0;
}

Result<void> StreamConnection::Inside::flush(std::int64_t until_ms) {
  while (!broken_ && wslay_event_want_write(context_) != 0) {
    broken_ = wslay_event_send(context_) != 0;
    if (broken_ || wslay_event_want_write(context_) == 0) break;
    if (!line_->wait(LineState::wait_write, until_ms - steady_ms())) {
      broken_ = true;
      return no_connection("The server does not take what is sent on the stream");
    }
  }
  if (broken_) return over();
  return {};
}

tl::unexpected<Error> StreamConnection::Inside::over() {
  const std::uint16_t code = close_code();
  if (code == 1006) return no_connection("The stream to the server was cut");
  return no_connection("The server closed the stream (" + std::to_string(code) + ")");
}

Result<void> StreamConnection::Inside::send(ByteView message) {
  const wslay_event_msg entry{WSLAY_BINARY_FRAME, reinterpret_cast<const std::uint8_t*>(message.data()),
                              message.size()};
  if (broken_ || wslay_event_queue_msg(context_, &entry) != 0) return over();
  return flush(steady_ms() + stall_ms_);
}

Result<std::optional<Bytes>> StreamConnection::Inside::receive(std::int64_t timeout_ms) {
  const std::int64_t until_ms = steady_ms() + timeout_ms;
  while (true) {
    const bool alive = messages_.empty() ? pump() : true;
    if (!messages_.empty()) {
      Bytes message = std::move(messages_.front());
      messages_.pop_front();
      return message;
    }
    if (!alive) {
      (void)flush(steady_ms() + goodbye_ms);  // our half of the goodbye
      broken_ = true;
      return over();
    }
    const std::int64_t now_ms = steady_ms();
    if (now_ms - heard_ms_ >= silence_ms_max) {
      broken_ = true;
      return no_connection("The server has gone silent");
    }
    if (message_is_stuck(now_ms)) {
      broken_ = true;
      return no_connection("A message of the server does not come to its end");
    }
    if (now_ms >= until_ms) return std::nullopt;
    const bool pong_waits = wslay_event_want_write(context_) != 0;
    const std::int64_t wait_ms = std::min(until_ms, heard_ms_ + silence_ms_max) - now_ms;
    // A pong that the line does not take now is tried again soon; what is to be read matters more.
    line_->wait(LineState::wait_read, pong_waits ? std::min<std::int64_t>(wait_ms, 50) : wait_ms);
  }
}

void StreamConnection::Inside::close(std::uint16_t code) {
  if (broken_ || wslay_event_queue_close(context_, code, nullptr, 0) != 0) return;
  const std::int64_t until_ms = steady_ms() + goodbye_ms;
  if (!flush(until_ms)) return;
  while (pump() && steady_ms() < until_ms) {
    messages_.clear();
    line_->wait(LineState::wait_read, until_ms - steady_ms());
  }
  broken_ = true;
}

std::uint16_t StreamConnection::Inside::close_code() const {
  return wslay_event_get_status_code_received(context_);
}

StreamConnection::StreamConnection(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
StreamConnection::~StreamConnection() = default;
Result<void> StreamConnection::send(ByteView message) {
  return inside_->send(message);
}
Result<std::optional<Bytes>> StreamConnection::receive(std::int64_t timeout_ms) {
  return inside_->receive(timeout_ms);
}
void StreamConnection::close(std::uint16_t code) {
  inside_->close(code);
}
std::uint16_t StreamConnection::close_code() const {
  return inside_->close_code();
}
std::int64_t StreamConnection::silent_ms() const {
  return inside_->silent_ms();
}
int StreamConnection::descriptor() const {
  return inside_->descriptor();
}

}  // namespace tern::client
