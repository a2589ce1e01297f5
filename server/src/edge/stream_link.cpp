#include "edge/stream_link.hpp"

#include <exception>
#include <utility>

namespace tern::server::edge {

QueuedLink::QueuedLink(std::shared_ptr<LoopInbox> inbox, ConnectionId id, const EdgeLimits& limits)
    : inbox_(std::move(inbox)),
      id_(id),
      frames_max_(limits.stream_queue_frames_max),
      bytes_max_(limits.stream_queue_bytes_max) {}

bool QueuedLink::send(Bytes message) {
  std::unique_lock lock(mutex_);
  if (ended_ || close_) return false;
  const bool fits = queue_.empty() || (queue_.size() < frames_max_ && bytes_ + message.size() <= bytes_max_);
  if (fits) {
    bytes_ += message.size();
    queue_.push_back(std::move(message));
  } else {
    queue_.clear();
    bytes_ = 0;
    close_ = CloseWish{stream_close::slow_reader, "too slow"};
  }
  wake(lock);
  return fits;
}

void QueuedLink::close(std::uint16_t code, std::string_view reason) {
  std::unique_lock lock(mutex_);
  if (ended_ || close_) return;
  close_ = CloseWish{code, std::string(reason)};
  wake(lock);
}

void QueuedLink::wake(std::unique_lock<std::mutex>& lock) {
  if (std::exchange(waking_, true)) return;
  lock.unlock();
  inbox_->post(Flush{id_});
}

bool QueuedLink::is_open() const {
  const std::lock_guard lock(mutex_);
  return !ended_ && !close_;
}

std::optional<std::uint16_t> QueuedLink::wished_close() const {
  const std::lock_guard lock(mutex_);
  return close_ ? std::optional(close_->code) : std::nullopt;
}

void QueuedLink::begin_taking() {
  const std::lock_guard lock(mutex_);
  waking_ = false;
}

std::optional<std::variant<Bytes, CloseWish>> QueuedLink::take() {
  const std::lock_guard lock(mutex_);
  if (!queue_.empty()) {
    Bytes message = std::move(queue_.front());
    queue_.pop_front();
    bytes_ -= message.size();
    return message;
  }
  if (close_ && !std::exchange(close_taken_, true)) return *close_;
  return std::nullopt;
}

void QueuedLink::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  queue_.clear();
  bytes_ = 0;
}

HandlerStrand::HandlerStrand(std::shared_ptr<StreamHandler> handler, std::shared_ptr<QueuedLink> link, ConnectionId id,
                             LoopSide& loop)
    : handler_(std::move(handler)), link_(std::move(link)), inbox_(loop.inbox), id_(id), shared_(loop.shared) {}

void HandlerStrand::post(Call call) {
  {
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(call));
    if (std::exchange(running_, true)) return;
  }
  shared_.workers.submit([self = shared_from_this()] { self->run(); });
}

void HandlerStrand::run() {
  while (true) {
    std::list<Call> next;
    {
      const std::lock_guard lock(mutex_);
      if (calls_.empty()) {
        running_ = false;
        return;
      }
      next.splice(next.begin(), calls_, calls_.begin());
    }
    perform(next.front());
  }
}

void HandlerStrand::perform(Call& call) {
  const bool is_message = std::holds_alternative<Bytes>(call);
  try {
    if (is_message) {
      handler_->on_message(std::move(std::get<Bytes>(call)));
    } else if (const auto* code = std::get_if<std::uint16_t>(&call)) {
      const auto handler = std::exchange(handler_, nullptr);
      handler->on_close(*code);
    } else {
      handler_->on_open(StreamSender(link_));
    }
  } catch (const std::exception& error) {
    shared_.report(EdgeEvent::handler_threw, error.what(), {});
    link_->close(stream_close::internal, "internal");
  } catch (...) {
    shared_.report(EdgeEvent::handler_threw, "not a std::exception", {});
    link_->close(stream_close::internal, "internal");
  }
  if (is_message) inbox_->post(Resume{id_});
}

}  // namespace tern::server::edge
