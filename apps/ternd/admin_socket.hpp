// The socket beside the data through which administration reaches a running server.
#pragma once

#include <atomic>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "tern/protocol/error.hpp"
#include "tern/protocol/json.hpp"
#include "tern/server/server_core.hpp"

namespace tern::apps {

inline constexpr std::size_t admin_message_bytes_max = 64 * 1024 * 1024;  // a record load

/// Serves one command a connection: a line of JSON in, a line of JSON out. Commands run one after the other, but for
/// those that the registry calls lengthy: of these one of each kind runs beside the others, and ends when its peer has
/// gone. A peer that is slow to say its own or to take its answer, or that is stopped, holds up no other. Only this
/// user and root are heard (SO_PEERCRED).
class AdminSocket {
public:
  AdminSocket(std::string path, server::ServerCore& core);
  ~AdminSocket() { stop(); }
  Result<void> start();
  /// Lengthy commands end without their result from now on; the others go on until `stop`.
  void end_lengthy() { ending_ = true; }
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
  Result<Json> perform(const Json& command, int connection);
  Result<Json> perform_lengthy(const Json& command, int connection, std::mutex& kind);
  void forget_those_over();

  std::string path_;
  server::ServerCore& core_;
  int listener_ = -1;
  std::list<Peer> peers_;  // of serve's thread
  std::mutex command_mutex_;
  std::map<std::string_view, std::mutex> lengthy_;  // one for each kind, by the command's name
  std::atomic<std::size_t> lengthy_count_{0};       // under way, or waiting for their kind
  std::atomic<bool> ending_{false}, stopping_{false};
  std::thread thread_;
};

/// Sends a command to a running server. Nothing when none listens there.
Result<std::optional<Json>> ask_running_server(const std::string& path, const Json& command);

std::string admin_socket_path(const std::string& data);

}  // namespace tern::apps
