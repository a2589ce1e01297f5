// The socket beside the data through which administration reaches a running server.
#pragma once

#include <atomic>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "tern/protocol/error.hpp"
#include "tern/protocol/json.hpp"
#include "tern/server/server_core.hpp"

namespace tern::apps {

inline constexpr std::size_t admin_message_bytes_max = 64 * 1024 * 1024;  // a record load

/// Serves one command a connection: a line of JSON in, a line of JSON out. Commands run one after the other; a peer
/// that is slow to say its own or to take its answer, or that is stopped, holds up no other. Only this user and root
/// are heard (SO_PEERCRED).
class AdminSocket {
public:
  AdminSocket(std::string path, server::ServerCore& core) : path_(std::move(path)), core_(core) {}
  ~AdminSocket() { stop(); }
  Result<void> start();
  /// Waits for the command that is under way, and a moment for its answer to be taken.
  void stop();

private:
  /// One connection and the thread that waits for its peer.
  struct Peer {
    std::atomic<bool> over{false};
    std::thread thread;
  };

  void serve();
  void serve_one(int connection);
  void forget_those_over();

  std::string path_;
  server::ServerCore& core_;
  int listener_ = -1;
  std::list<Peer> peers_;  // of serve's thread
  std::mutex command_mutex_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// Sends a command to a running server. Nothing when none listens there.
Result<std::optional<Json>> ask_running_server(const std::string& path, const Json& command);

std::string admin_socket_path(const std::string& data);

}  // namespace tern::apps
