#include "support/fault_proxy.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "support/loopback.hpp"

namespace tern::test {
namespace {

constexpr std::size_t piece_bytes = 64 * 1024;

void make_ready(int descriptor) {
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
}

}  // namespace

FaultProxy::FaultProxy(std::uint16_t server_port) : server_port_(server_port) {
  const Listener listener = listen_on_loopback(128);
  listener_ = listener.descriptor;
  port_ = listener.port;
  if (::pipe2(wake_, O_CLOEXEC) != 0) throw std::runtime_error("the fault proxy cannot wake its thread");
  thread_ = std::thread([this] { serve(); });
}

FaultProxy::~FaultProxy() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  static_cast<void>(::write(wake_[1], "w", 1));
  thread_.join();
  for (const int descriptor : {listener_, wake_[0], wake_[1]}) ::close(descriptor);
}

void FaultProxy::plan(const FaultPlan& plan) {
  const std::lock_guard lock(mutex_);
  plan_ = plan;
  counts_ = {};
  for (auto pair = pairs_.begin(); pair != pairs_.end();) {
    const auto here = pair++;
    if (!here->silent) continue;
    close_pair(*here, true);
    pairs_.erase(here);
  }
  if (plan.fault == LineFault::silence_open)
    for (Pair& pair : pairs_) pair.silent = true;
  static_cast<void>(::write(wake_[1], "w", 1));
}

LineCounts FaultProxy::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

// ---- the thread ----

void FaultProxy::serve() {
  for (;;) {
    wait_for_news();
    const std::lock_guard lock(mutex_);
    if (stop_) break;
    for (auto pair = pairs_.begin(); pair != pairs_.end();) {
      const auto here = pair++;
      if (!carry(*here)) pairs_.erase(here);
    }
  }
  for (Pair& pair : pairs_) close_pair(pair, true);
}

void FaultProxy::wait_for_news() {
  std::vector<pollfd> all = {{listener_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
  int patience_ms = -1;
  {
    const std::lock_guard lock(mutex_);
    if (plan_.fault == LineFault::trickle && !pairs_.empty()) patience_ms = 1;
    for (const Pair& pair : pairs_)
      for (const Way* way : {&pair.up, &pair.down}) {
        if (pair.silent || patience_ms == 1) continue;
        if (!way->ended && way->waiting.empty()) all.push_back({way->from, POLLIN, 0});
        if (!way->waiting.empty()) all.push_back({way->to, POLLOUT, 0});
      }
  }
  ::poll(all.data(), all.size(), patience_ms);
  if (all[1].revents != 0) {
    char words[64];
    static_cast<void>(::read(wake_[0], words, sizeof words));
  }
  if (all[0].revents != 0) accept_one();
}

void FaultProxy::accept_one() {
  const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  const std::lock_guard lock(mutex_);
  const int server = counts_.struck ? -1 : connect_to_loopback(server_port_);
  if (server < 0) {
    ::close(client);
    return;
  }
  make_ready(client);
  make_ready(server);
  pairs_.push_back({{client, server, {}, false}, {server, client, {}, false}, false});
}

bool FaultProxy::carry(Pair& pair) {
  if (pair.silent) return true;
  if (!move(pair, pair.up, counts_.up, plan_.after_up)) return false;
  if (pair.silent) return true;
  if (!move(pair, pair.down, counts_.down, plan_.after_down)) return false;
  if (pair.silent || !pair.up.ended || !pair.down.ended) return true;
  close_pair(pair, false);
  return false;
}

bool FaultProxy::move(Pair& pair, Way& way, std::size_t& count, const std::optional<std::size_t>& limit) {
  if (way.waiting.empty() && !way.ended) {
    char piece[piece_bytes];
    std::size_t most = sizeof piece;
    if (plan_.fault == LineFault::trickle) most = 1;
    const ssize_t got = ::recv(way.from, piece, most, 0);
    if (got > 0) way.waiting.assign(piece, static_cast<std::size_t>(got));
    if (got > 0 && plan_.fault == LineFault::unfinished && &way == &pair.down) {
      way.waiting.front() = static_cast<char>(way.waiting.front() ^ 0x80);
      plan_.fault = LineFault::none;
    }
    if (got == 0) {
      way.ended = true;
      ::shutdown(way.to, SHUT_WR);
    }
    if (got < 0 && errno != EAGAIN && errno != EINTR) {
      close_pair(pair, true);
      return false;
    }
  }
  if (way.waiting.empty()) return true;
  std::size_t most = way.waiting.size();
  if (limit && !counts_.struck) most = std::min(most, *limit - std::min(*limit, count));
  const ssize_t sent = most == 0 ? 0 : ::send(way.to, way.waiting.data(), most, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    close_pair(pair, true);
    return false;
  }
  if (sent > 0) {
    count += static_cast<std::size_t>(sent);
    way.waiting.erase(0, static_cast<std::size_t>(sent));
  }
  return !limit || counts_.struck || count < *limit || way.waiting.empty() || strike(pair);
}

/// The bytes up to the limit are through, and there is one more.
bool FaultProxy::strike(Pair& pair) {
  counts_.struck = true;
  if (plan_.fault == LineFault::silence) {
    pair.silent = true;
    return true;
  }
  close_pair(pair, plan_.fault == LineFault::reset);
  return false;
}

void FaultProxy::close_pair(Pair& pair, bool with_reset) {
  for (const int descriptor : {pair.up.from, pair.up.to}) {
    const linger at_once{1, 0};
    if (with_reset) ::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(descriptor);
  }
}

}  // namespace tern::test
