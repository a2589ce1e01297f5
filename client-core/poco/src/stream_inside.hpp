// The WebSocket client over a Line, by wslay.
#pragma once

#include <wslay/wslay.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "line.hpp"
#include "tern/client_poco/http_transport.hpp"

namespace tern::client {

class StreamConnection::Inside {
public:
  /// `early`: what came behind the 101.
  Inside(std::unique_ptr<Line> line, std::string early, std::int64_t stall_ms);
  ~Inside();
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

  Result<void> send(ByteView message);
  Result<std::optional<Bytes>> receive(std::int64_t timeout_ms);
  void close(std::uint16_t code);
  [[nodiscard]] std::uint16_t close_code() const;
  [[nodiscard]] int descriptor() const { return line_->descriptor(); }
  [[nodiscard]] std::int64_t silent_ms() const { return steady_ms() - heard_ms_; }

private:
  static std::ptrdiff_t on_receive(wslay_event_context* context, std::uint8_t* into, std::size_t length, int flags,
                                   void* self);
  static std::ptrdiff_t on_send(wslay_event_context* context, const std::uint8_t* bytes, std::size_t length, int flags,
                                void* self);
  static void on_frame(wslay_event_context* context, const wslay_event_on_frame_recv_start_arg* frame, void* self);
  static int on_mask(wslay_event_context* context, std::uint8_t* into, std::size_t length, void* self);
  static void on_message(wslay_event_context* context, const wslay_event_on_msg_recv_arg* message, void* self);

  bool pump();  // moves what can move; false when the stream is over
  [[nodiscard]] bool message_is_stuck(std::int64_t now_ms) const;
  Result<void> flush(std::int64_t until_ms);
  tl::unexpected<Error> over();

  std::unique_ptr<Line> line_;
  std::string early_;
  const std::int64_t stall_ms_;
  wslay_event_context* context_ = nullptr;
  std::deque<Bytes> messages_;
  std::int64_t heard_ms_;
  std::int64_t message_since_ms_ = 0;  // one has begun; 0: none
  std::int64_t message_bytes_ = 0;     // what came of it
  bool broken_ = false;
};

}  // namespace tern::client
