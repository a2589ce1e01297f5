#include "edge/poll_loop.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <Poco/Net/SocketAddress.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <exception>
#include <utility>

#include "runtime/thread.hpp"

namespace tern::server::edge {
namespace {

constexpr ConnectionId inbox_id = 0;
constexpr ConnectionId listener_id = 1;
constexpr ConnectionId first_connection_id = 2;

constexpr std::size_t events_per_turn = 256;
constexpr int accepts_per_turn = 64;
constexpr std::int64_t sweep_every_ms_min = 20;
constexpr std::int64_t listen_pause_ms = 100;

void watch(int epoll, int operation, int descriptor, ConnectionId id, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  ::epoll_ctl(epoll, operation, descriptor, &event);
}

}  // namespace

PollLoop::PollLoop(EdgeShared& shared)
    : side_{shared, std::make_shared<LoopInbox>()},
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      next_id_(first_connection_id),
      events_(events_per_turn) {
  if (has_descriptors()) watch(epoll_, EPOLL_CTL_ADD, side_.inbox->descriptor(), inbox_id, EPOLLIN);
}

bool PollLoop::has_descriptors() const {
  return epoll_ >= 0 && side_.inbox->descriptor() >= 0;
}

PollLoop::~PollLoop() {
  side_.inbox->close();
  close_listener();
  if (epoll_ >= 0) ::close(epoll_);
}

void PollLoop::listen(int descriptor, std::function<void(Adopt)> place) {
  listener_ = descriptor;
  place_ = std::move(place);
  watch(epoll_, EPOLL_CTL_ADD, listener_, listener_id, EPOLLIN);
}

Result<void> PollLoop::start() {
  if (!has_descriptors()) return out_of_resources("descriptors");
  TERN_TRY(thread_, start_thread([this] { run(); }));
  return {};
}

void PollLoop::join() {
  if (thread_.joinable()) thread_.join();
}

void PollLoop::run() {
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);  // TLS writes cannot ask for EPIPE instead
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);

  side_.now_ms = monotonic_ms();
  while (!stopping_) {
    const int ready = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), wait_ms());
    side_.now_ms = monotonic_ms();
    turn(std::max(ready, 0));
  }
  side_.inbox->close();
  for (auto& [id, connection] : connections_) {
    const std::string key = connection->address_key();
    connection.reset();
    side_.shared.connection_over(key);
  }
  connections_.clear();
}

void PollLoop::turn(int ready) {
  for (const ConnectionId id : std::exchange(again_, {})) {
    Connection* const connection = find(id);
    if (!connection) continue;
    if (connection->on_readable()) again_.push_back(id);
    touched(id, *connection);
  }
  for (int i = 0; i < ready && !stopping_; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    const ConnectionId id = event.data.u64;
    if (id == listener_id) {
      accept_some();
    } else if (id == inbox_id) {
      for (Command& command : side_.inbox->take()) obey(command);
    } else if (Connection* const connection = find(id)) {
      const bool unasked = (event.events & EPOLLIN) != 0 && !connection->wants_input();
      if ((event.events & EPOLLOUT) != 0) connection->on_writable();
      if ((event.events & EPOLLIN) != 0 && !connection->is_over() && connection->on_readable()) again_.push_back(id);
      if ((event.events & (EPOLLERR | EPOLLHUP)) != 0 && !connection->is_over()) connection->on_hang_up();
      // Input is only disarmed when it really came unasked: most answers are quicker than the peer's next bytes.
      connection->input_came_unasked = unasked && !connection->wants_input();
      touched(id, *connection);
    }
  }
  sweep();
}

void PollLoop::obey(Command& command) {
  if (auto* arrival = std::get_if<Adopt>(&command)) return adopt(*arrival);
  if (std::holds_alternative<Stop>(command)) {
    stopping_ = true;
    return;
  }
  if (std::holds_alternative<Drain>(command)) {
    close_listener();
    std::vector<ConnectionId> ids;
    for (const auto& entry : connections_) ids.push_back(entry.first);
    for (const ConnectionId id : ids) {
      Connection& connection = *find(id);
      connection.on_drain();
      touched(id, connection);
    }
    return;
  }
  ConnectionId id = 0;
  Connection* connection = nullptr;
  if (auto* answer = std::get_if<Answer>(&command)) {
    if ((connection = find(id = answer->connection)))
      connection->on_answer(answer->ordinal, std::move(answer->response));
  } else if (auto* upgraded = std::get_if<Upgraded>(&command)) {
    if ((connection = find(id = upgraded->connection)))
      connection->on_upgraded(upgraded->ordinal, std::move(upgraded->verdict));
  } else if (const auto* flush = std::get_if<Flush>(&command)) {
    if ((connection = find(id = flush->connection))) connection->on_flush();
  } else if (const auto* resume = std::get_if<Resume>(&command)) {
    if ((connection = find(id = resume->connection)) && connection->on_resume()) again_.push_back(id);
  }
  if (connection) touched(id, *connection);
}

// ---- connections
// -----------------------------------------------------------------------------------------------------

Connection* PollLoop::find(ConnectionId id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

void PollLoop::adopt(const Adopt& arrival) {
  const ConnectionId id = next_id_++;
  try {
    auto& connection = connections_[id] = std::make_unique<Connection>(id, arrival, side_);
    watch(epoll_, EPOLL_CTL_ADD, arrival.descriptor, id, connection->armed = EPOLLIN);
    if (side_.shared.draining) connection->on_drain();
    touched(id, *connection);
  } catch (const std::exception&) {  // no memory for a TLS session; the socket went with it
    connections_.erase(id);
    side_.shared.connection_over(arrival.address_key);
  }
}

/// After anything that may have changed what a connection waits for.
void PollLoop::touched(ConnectionId id, Connection& connection) {
  if (!connection.is_over()) {
    arm(id, connection);
    next_sweep_ms_ = std::min(next_sweep_ms_, connection.deadline_ms());
    return;
  }
  const std::string key = connection.address_key();
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, connection.descriptor(), nullptr);  // before the descriptor can be another's
  connections_.erase(id);
  side_.shared.connection_over(key);
}

void PollLoop::arm(ConnectionId id, Connection& connection) {
  const bool keep_input = (connection.armed & EPOLLIN) != 0 && !std::exchange(connection.input_came_unasked, false);
  std::uint32_t wanted = 0;
  if (connection.wants_input() || keep_input) wanted |= EPOLLIN;
  if (connection.wants_write()) wanted |= EPOLLOUT;
  if (wanted == connection.armed) return;
  watch(epoll_, EPOLL_CTL_MOD, connection.descriptor(), id, wanted);
  connection.armed = wanted;
}

void PollLoop::sweep() {
  const std::int64_t now = side_.now_ms;
  if (now >= listen_again_ms_ && listener_ >= 0) {
    listen_again_ms_ = never_ms;
    watch(epoll_, EPOLL_CTL_MOD, listener_, listener_id, EPOLLIN);
  }
  if (now < next_sweep_ms_ || now - last_sweep_ms_ < sweep_every_ms_min) return;
  last_sweep_ms_ = now;
  next_sweep_ms_ = never_ms;
  std::vector<ConnectionId> due;
  for (const auto& [id, connection] : connections_) {
    if (connection->deadline_ms() <= now) {
      due.push_back(id);
    } else {
      next_sweep_ms_ = std::min(next_sweep_ms_, connection->deadline_ms());
    }
  }
  for (const ConnectionId id : due) {
    Connection& connection = *find(id);
    connection.on_deadline();
    touched(id, connection);
  }
}

int PollLoop::wait_ms() const {
  if (!again_.empty()) return 0;
  const std::int64_t sweep_ms =
      next_sweep_ms_ == never_ms ? never_ms : std::max(next_sweep_ms_, last_sweep_ms_ + sweep_every_ms_min);
  const std::int64_t until_ms = std::min(sweep_ms, listen_again_ms_);
  if (until_ms == never_ms) return -1;
  return static_cast<int>(std::clamp<std::int64_t>(until_ms - side_.now_ms, 0, 60'000));
}

// ---- the listener
// ----------------------------------------------------------------------------------------------------

void PollLoop::accept_some() {
  for (int i = 0; i < accepts_per_turn && listener_ >= 0; ++i) {
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    const int descriptor =
        ::accept4(listener_, reinterpret_cast<sockaddr*>(&from), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) pause_listening();
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return;
    }
    const Poco::Net::SocketAddress peer(reinterpret_cast<const sockaddr*>(&from), length);
    Adopt arrival{descriptor, peer.host().toString(), peer.port(), {}};
    arrival.address_key = address_key(arrival.address, side_.shared.options.limits.loopback_is_capped);
    if (!side_.shared.addresses.enter(arrival.address_key)) {
      refuse(descriptor);
      continue;
    }
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    count(side_.shared.tallies.connections_accepted);
    count(side_.shared.tallies.connections_open);
    place_(std::move(arrival));
  }
}

/// One try to say why, then goodbye: who is over the cap gets no memory of ours.
void PollLoop::refuse(int descriptor) {
  count(side_.shared.tallies.connections_refused);
  if (side_.shared.tls.isNull()) {
    constexpr std::string_view body =
        R"({"type":"about:blank","status":429,"code":"too_many_connections","title":"Too many connections from this address"})";
    const std::string text =
        "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/problem+json\r\ncontent-length: " +
        std::to_string(body.size()) + "\r\nretry-after: 10\r\nconnection: close\r\n\r\n" + std::string(body);
    [[maybe_unused]] const ssize_t sent = ::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(descriptor, SHUT_WR);
  }
  ::close(descriptor);
}

void PollLoop::pause_listening() {
  side_.shared.report(EdgeEvent::out_of_descriptors, "no descriptor for a new connection", {});
  watch(epoll_, EPOLL_CTL_MOD, listener_, listener_id, 0);
  listen_again_ms_ = side_.now_ms + listen_pause_ms;
}

void PollLoop::close_listener() {
  if (listener_ < 0) return;
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, listener_, nullptr);
  ::close(std::exchange(listener_, -1));
  listen_again_ms_ = never_ms;
}

}  // namespace tern::server::edge
