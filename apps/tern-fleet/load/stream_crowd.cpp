#include "load/stream_crowd.hpp"

#include <sys/epoll.h>
#include <unistd.h>

namespace tern::fleet {
namespace {

constexpr int events_max = 256, look_ms = 200;

}  // namespace

StreamCrowd::StreamCrowd() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), thread_([this] { run(); }) {}

StreamCrowd::~StreamCrowd() {
  stop_ = true;
  thread_.join();
  ::close(epoll_);
}

void StreamCrowd::add(LoadStream stream) {
  const std::lock_guard lock(mutex_);
  streams_.push_back(std::make_unique<LoadStream>(std::move(stream)));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = streams_.back().get();
  ++open_;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, streams_.back()->connection->descriptor(), &event);
}

void StreamCrowd::expect_push() {
  const std::lock_guard lock(mutex_);
  arrivals_.clear();
}

std::vector<Clock::time_point> StreamCrowd::arrivals() const {
  const std::lock_guard lock(mutex_);
  return arrivals_;
}

void StreamCrowd::run() {
  epoll_event events[events_max];
  while (!stop_) {
    const int ready = ::epoll_wait(epoll_, events, events_max, look_ms);
    for (int i = 0; i < ready; ++i) {
      auto& stream = *static_cast<LoadStream*>(events[i].data.ptr);
      if (take_all(stream)) continue;
      ::epoll_ctl(epoll_, EPOLL_CTL_DEL, stream.connection->descriptor(), nullptr);
      --open_;
    }
  }
}

/// False when the stream is over.
bool StreamCrowd::take_all(LoadStream& stream) {
  for (;;) {
    const auto message = stream.connection->receive(0);
    if (!message) return false;
    if (!*message) return true;
    const auto now = Clock::now();
    const auto opened = stream.down.open(**message);
    v1::StreamFrame frame;
    if (!opened || !frame.ParseFromArray(opened->data(), static_cast<int>(opened->size()))) return false;
    if (frame.has_response()) ++answered_;
    if (!frame.has_push()) continue;
    const std::lock_guard lock(mutex_);
    arrivals_.push_back(now);
  }
}

}  // namespace tern::fleet
