// One thread that holds many connections.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_map>
#include <vector>

#include "edge/connection.hpp"
#include "edge/shared.hpp"

namespace tern::server::edge {

/// Waits on all its connections and its inbox, and runs their deadlines. epoll itself rather than Poco's PollSet, which
/// copies a map of all sockets at each turn and spins when it is empty.
class PollLoop {
public:
  explicit PollLoop(EdgeShared& shared);
  ~PollLoop();  // after join()
  PollLoop(const PollLoop&) = delete;
  PollLoop& operator=(const PollLoop&) = delete;

  /// Before start: this loop also accepts, and hands connections to `place`. Takes the descriptor over.
  void listen(int descriptor, std::function<void(Adopt)> place);
  /// `busy` when the system gives no descriptor or thread for it.
  Result<void> start();
  void join();
  [[nodiscard]] const std::shared_ptr<LoopInbox>& inbox() const { return side_.inbox; }

private:
  [[nodiscard]] bool has_descriptors() const;
  void run();
  void turn(int ready);
  void obey(Command& command);
  void adopt(const Adopt& adopt);
  void accept_some();
  void refuse(int descriptor);
  void pause_listening();
  void close_listener();
  void touched(ConnectionId id, Connection& connection);
  void arm(ConnectionId id, Connection& connection);
  void sweep();
  [[nodiscard]] int wait_ms() const;
  Connection* find(ConnectionId id);

  LoopSide side_;
  const int epoll_;
  int listener_ = -1;
  std::function<void(Adopt)> place_;
  std::int64_t listen_again_ms_ = never_ms;
  std::unordered_map<ConnectionId, std::unique_ptr<Connection>> connections_;
  ConnectionId next_id_;
  std::vector<epoll_event> events_;
  std::vector<ConnectionId> again_;  // have more to read at once
  std::int64_t next_sweep_ms_ = never_ms;
  std::int64_t last_sweep_ms_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tern::server::edge
