#include "admin_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "runtime/thread.hpp"
#include "tern/server/admin.hpp"

namespace tern::apps {
namespace {

constexpr int look_ms = 200;                  // how often whoever waits looks whether the server stops
constexpr int peer_wait_ms = 10'000;          // for a peer that says nothing, or takes nothing of its answer
constexpr int stopping_peer_wait_ms = 1'000;  // the same while the server stops
constexpr std::size_t peers_max = 32, lengthy_max = 16;

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(ErrorCode::usage, "The path " + path + " is too long for a socket.", "Use a shorter data directory.",
                "data");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

/// Until `events` come, the peer was silent for too long, or, given that the server `stopping`, for a moment.
bool wait_for(int descriptor, short events, const std::atomic<bool>* stopping) {
  if (stopping == nullptr) {
    pollfd wait{descriptor, events, 0};
    int ready = 0;
    do ready = ::poll(&wait, 1, -1);
    while (ready < 0 && errno == EINTR);
    return ready > 0;
  }
  for (int waited_ms = 0; waited_ms < (*stopping ? stopping_peer_wait_ms : peer_wait_ms); waited_ms += look_ms) {
    pollfd wait{descriptor, events, 0};
    if (::poll(&wait, 1, look_ms) > 0) return true;
  }
  return false;
}

/// `stopping` null: waits for as long as it takes.
bool write_line(int descriptor, std::string line, const std::atomic<bool>* stopping) {
  line.push_back('\n');
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t sent = ::send(descriptor, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent < 0 && !wait_for(descriptor, POLLOUT, stopping)) return false;
    if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

/// Up to a newline. `stopping` null: waits for as long as it takes.
std::optional<std::string> read_line(int descriptor, const std::atomic<bool>* stopping) {
  std::string line;
  std::vector<char> block(65536);
  while (line.size() <= admin_message_bytes_max && !(stopping && *stopping)) {
    if (!wait_for(descriptor, POLLIN, stopping)) return std::nullopt;
    const ssize_t got = ::recv(descriptor, block.data(), block.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    line.append(block.data(), static_cast<std::size_t>(got));
    if (line.back() == '\n') {
      line.pop_back();
      return line;
    }
  }
  return std::nullopt;
}

bool may_command(int descriptor) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == ::geteuid() || peer.uid == 0);
}

bool has_gone(int descriptor) {
  pollfd look{descriptor, POLLRDHUP, 0};
  return ::poll(&look, 1, 0) > 0 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

Json error_json(const Error& error) {
  return Json::object({{"error", Json::object({{"code", Json(to_string(error.code))},
                                               {"message", Json(error.message)},
                                               {"hint", Json(error.hint)},
                                               {"field", Json(error.field)}})}});
}

}  // namespace

std::string admin_socket_path(const std::string& data) {
  return data + "/admin.sock";
}

AdminSocket::AdminSocket(std::string path, server::ServerCore& core) : path_(std::move(path)), core_(core) {
  for (const server::AdminCommand& command : server::admin_commands())
    if (command.lengthy) lengthy_[command.name];
}

Result<void> AdminSocket::start() {
  TERN_TRY(const sockaddr_un address, address_of(path_));
  ::unlink(path_.c_str());  // left by a process that was killed; the directory's lock says that it is gone
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const mode_t before = ::umask(0177);
  const bool bound = listener_ >= 0 &&
                     ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                     ::listen(listener_, 16) == 0;
  ::umask(before);
  if (!bound) return fail(ErrorCode::storage_failed, "Cannot listen on " + path_ + ": " + std::strerror(errno) + ".");
  TERN_TRY(thread_, server::start_thread([this] { serve(); }));
  return {};
}

void AdminSocket::stop() {
  if (listener_ < 0) return;
  ending_ = true;
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  ::close(listener_);
  listener_ = -1;
  ::unlink(path_.c_str());
}

void AdminSocket::serve() {
  while (!stopping_) {
    forget_those_over();
    pollfd wait{listener_, POLLIN, 0};
    if (::poll(&wait, peers_.size() < peers_max ? 1 : 0, look_ms) <= 0) continue;
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    if (!may_command(connection)) {
      ::close(connection);
      continue;
    }
    Peer& peer = peers_.emplace_back();
    auto started = server::start_thread([this, connection, &peer] {
      serve_one(connection);
      ::close(connection);
      peer.over = true;
    });
    if (started) {
      peer.thread = std::move(*started);
      continue;
    }
    write_line(connection, to_text(error_json(started.error())), &stopping_);
    ::close(connection);
    peers_.pop_back();
  }
  for (Peer& peer : peers_) peer.thread.join();
  peers_.clear();
}

void AdminSocket::forget_those_over() {
  peers_.remove_if([](Peer& peer) {
    if (!peer.over) return false;
    peer.thread.join();
    return true;
  });
}

void AdminSocket::serve_one(int connection) {
  const auto line = read_line(connection, &stopping_);
  if (!line) return;
  const auto command =
      parse_json(*line, JsonLimits{.depth_max = 32, .bytes_max = admin_message_bytes_max, .decimals = true});
  const auto answer = command ? perform(*command, connection) : Result<Json>(tl::unexpected(command.error()));
  write_line(connection, to_text(answer ? Json::object({{"answer", *answer}}) : error_json(answer.error())),
             &stopping_);
}

Result<Json> AdminSocket::perform(const Json& command, int connection) {
  const auto lengthy = lengthy_.find(command["command"].as_string());
  if (lengthy != lengthy_.end()) return perform_lengthy(command, connection, lengthy->second);
  const std::lock_guard lock(command_mutex_);
  return core_.administer(command);
}

Result<Json> AdminSocket::perform_lengthy(const Json& command, int connection, std::mutex& kind) {
  struct Counted {
    std::atomic<std::size_t>& all;
    std::size_t before = all++;
    ~Counted() { --all; }
  };
  const Counted counted{lengthy_count_};
  if (counted.before >= lengthy_max)  // so that the short ones always find a place
    return fail(ErrorCode::busy, "Many long commands are under way already.", "Wait until one of them is done.");
  const std::lock_guard lock(kind);
  return core_.administer(command, [&] { return ending_ || has_gone(connection); });
}

Result<std::optional<Json>> ask_running_server(const std::string& path, const Json& command) {
  TERN_TRY(const sockaddr_un address, address_of(path));
  const int connection = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection < 0 || ::connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int reason = errno;
    if (connection >= 0) ::close(connection);
    if (reason == EACCES)
      return fail(ErrorCode::not_permitted, "The server in this directory runs as another user.", "Run as that user.");
    return std::optional<Json>();
  }
  const bool sent = write_line(connection, to_text(command), nullptr);
  const auto line = sent ? read_line(connection, nullptr) : std::nullopt;
  ::close(connection);
  if (!line) return fail(ErrorCode::internal, "The running server did not answer.", "Look into its log.");
  TERN_TRY(const Json answer,
           parse_json(*line, JsonLimits{.depth_max = 64, .bytes_max = admin_message_bytes_max, .decimals = true}));
  if (const Json* error = answer.find("error"))
    return fail(error_code_from_string((*error)["code"].as_string()), (*error)["message"].as_string(),
                (*error)["hint"].as_string(), (*error)["field"].as_string());
  return std::optional<Json>(answer["answer"]);
}

}  // namespace tern::apps
