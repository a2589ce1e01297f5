// The socket beside the data through which administration reaches a running server.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "tern/protocol/error.hpp"
#include "tern/protocol/json.hpp"
#include "tern/server/server_core.hpp"

namespace tern::apps {

inline constexpr std::size_t admin_message_bytes_max = 64 * 1024 * 1024;  // a record load

/// Serves one command a connection: a line of JSON in, a line of JSON out. Only this user and root are heard
/// (SO_PEERCRED).
class AdminSocket {
public:
  AdminSocket(std::string path, server::ServerCore& core) : path_(std::move(path)), core_(core) {}
  ~AdminSocket() { stop(); }
  Result<void> start();
  /// Waits for the command that is under way.
  void stop();

private:
  void serve();
  void serve_one(int connection);

  std::string path_;
  server::ServerCore& core_;
  int listener_ = -1;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// Sends a command to a running server. Nothing when none listens there.
Result<std::optional<Json>> ask_running_server(const std::string& path, const Json& command);

std::string admin_socket_path(const std::string& data);

}  // namespace tern::apps
