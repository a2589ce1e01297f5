// The two ends of a stream that other threads hold: the queue towards the peer, the calls towards the handler.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>

#include "edge/shared.hpp"
#include "tern/server/http.hpp"

namespace tern::server::edge {

/// What the loop takes from the queue: a message, or the wish to close.
struct CloseWish {
  std::uint16_t code = 0;
  std::string reason;
};

/// The queue of one stream. `send` and `close` come from any thread, the rest from the loop.
class QueuedLink : public StreamLink {
public:
  QueuedLink(std::shared_ptr<LoopInbox> inbox, ConnectionId id, const EdgeLimits& limits);

  bool send(Bytes message) override;
  void close(std::uint16_t code, std::string_view reason) override;
  [[nodiscard]] bool is_open() const override;

  /// The loop begins to look: later messages wake it again.
  void begin_taking();
  std::optional<std::variant<Bytes, CloseWish>> take();
  void end();  // the connection is gone
  /// The code somebody wants the stream closed with, from when it was said.
  [[nodiscard]] std::optional<std::uint16_t> wished_close() const;

private:
  void wake(std::unique_lock<std::mutex>& lock);

  const std::shared_ptr<LoopInbox> inbox_;
  const ConnectionId id_;
  const std::size_t frames_max_;
  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  std::list<Bytes> queue_;
  std::size_t bytes_ = 0;
  std::optional<CloseWish> close_;
  bool close_taken_ = false;
  bool ended_ = false;
  bool waking_ = false;
};

/// Calls one stream's handler on workers, one call at a time, in order. Posted to by the loop; at most an open, a
/// message and a close wait.
class HandlerStrand : public std::enable_shared_from_this<HandlerStrand> {
public:
  HandlerStrand(std::shared_ptr<StreamHandler> handler, std::shared_ptr<QueuedLink> link, ConnectionId id,
                LoopSide& loop);

  void open() { post(Opened{}); }
  void message(Bytes bytes) { post(std::move(bytes)); }  // a Resume to the loop follows
  void close(std::uint16_t code) { post(code); }         // the last

private:
  struct Opened {};
  using Call = std::variant<Opened, Bytes, std::uint16_t>;

  void post(Call call);
  void run();
  void perform(Call& call);

  std::shared_ptr<StreamHandler> handler_;
  const std::shared_ptr<QueuedLink> link_;
  const std::shared_ptr<LoopInbox> inbox_;
  const ConnectionId id_;
  EdgeShared& shared_;
  std::mutex mutex_;
  std::list<Call> calls_;
  bool running_ = false;
};

}  // namespace tern::server::edge
