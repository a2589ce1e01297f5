#include "unit/client_poco/scripted_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

namespace tern::test {
namespace {

constexpr int patience_ms = 10'000;

bool readable(int descriptor) {
  pollfd entry{descriptor, POLLIN, 0};
  return ::poll(&entry, 1, patience_ms) > 0;
}

}  // namespace

ScriptedServer::ScriptedServer(std::vector<std::string> answers) : answers_(std::move(answers)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof where;
  ::bind(listener_, reinterpret_cast<const sockaddr*>(&where), length);
  ::listen(listener_, 8);
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &length);
  port_ = ntohs(where.sin_port);
  thread_ = std::thread([this] { run(); });
}

ScriptedServer::~ScriptedServer() {
  ::shutdown(listener_, SHUT_RDWR);  // ends a wait for a client that never comes
  if (thread_.joinable()) thread_.join();
  ::close(listener_);
}

std::vector<std::string> ScriptedServer::requests() {
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  return requests_;
}

void ScriptedServer::run() {
  for (std::string answer : answers_) {
    if (!readable(listener_)) return;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    std::string request;
    char piece[4096];
    while (request.find("\r\n\r\n") == std::string::npos && readable(client)) {
      const ssize_t got = ::recv(client, piece, sizeof piece, 0);
      if (got <= 0) break;
      request.append(piece, static_cast<std::size_t>(got));
    }
    requests_.push_back(request);
    const bool waits = answer.ends_with("...");
    if (waits) answer.resize(answer.size() - 3);
    ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
    if (waits)
      while (readable(client) && ::recv(client, piece, sizeof piece, 0) > 0) {
      }
    ::close(client);
  }
}

}  // namespace tern::test
