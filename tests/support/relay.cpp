#include "support/relay.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <utility>

#include "support/loopback.hpp"

namespace tern::test {
namespace {

constexpr int patience_ms = 10'000, look_ms = 50;

bool has_bytes(int descriptor, int wait_ms) {
  pollfd entry{descriptor, POLLIN, 0};
  return ::poll(&entry, 1, wait_ms) > 0;
}

/// Reads on until `text` holds as much, or nothing comes any more.
template <typename Enough>
bool read_until(int descriptor, std::string& text, Enough&& enough) {
  char piece[16 * 1024];
  while (!enough(text)) {
    const ssize_t got = has_bytes(descriptor, patience_ms) ? ::recv(descriptor, piece, sizeof piece, 0) : 0;
    if (got <= 0) return false;
    text.append(piece, static_cast<std::size_t>(got));
  }
  return true;
}

/// The next message of a connection; `text` is what was read of it already, and then what stands behind it.
std::optional<Message> read_message(int descriptor, std::string& text) {
  const auto has_head = [](const std::string& all) { return all.find("\r\n\r\n") != std::string::npos; };
  if (!read_until(descriptor, text, has_head)) return std::nullopt;
  Message message;
  message.head = text.substr(0, text.find("\r\n\r\n") + 4);
  const std::string length = message.header("content-length");
  const std::size_t whole = message.head.size() + std::strtoull(length.c_str(), nullptr, 10);
  if (!read_until(descriptor, text, [&](const std::string& all) { return all.size() >= whole; })) return std::nullopt;
  message.body = text.substr(message.head.size(), whole - message.head.size());
  text.erase(0, whole);
  return message;
}

void send_all(int descriptor, const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t now = ::send(descriptor, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (now <= 0) return;
    sent += static_cast<std::size_t>(now);
  }
}

}  // namespace

std::string Message::header(const std::string& name) const {
  std::string small;
  for (const char c : head) small += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const std::size_t at = small.find("\r\n" + name + ":");
  if (at == std::string::npos) return {};
  const std::size_t begin = head.find_first_not_of(' ', at + name.size() + 3);
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

std::string http_answer(const std::string& status, const std::string& type, const std::string& body,
                        const std::string& more) {
  return "HTTP/1.1 " + status + "\r\ncontent-type: " + type + "\r\n" + more +
         "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

Message ask(std::uint16_t port, const std::string& request) {
  const int server = connect_to_loopback(port);
  if (server < 0) return {};
  std::string text;
  send_all(server, request);
  const auto answer = read_message(server, text);
  ::close(server);
  return answer.value_or(Message{});
}

Relay::Relay(std::uint16_t server_port) : server_port_(server_port) {
  const Listener listener = listen_on_loopback(16);
  listener_ = listener.descriptor;
  port_ = listener.port;
  thread_ = std::thread([this] { serve(); });
}

Relay::~Relay() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  thread_.join();
  ::close(listener_);
}

void Relay::answer_instead(Instead instead) {
  const std::lock_guard lock(mutex_);
  instead_ = std::move(instead);
}

void Relay::alter(Alter alter) {
  const std::lock_guard lock(mutex_);
  alter_ = std::move(alter);
}

std::vector<Message> Relay::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void Relay::serve() {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stop_) return;
    }
    if (!has_bytes(listener_, look_ms)) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    serve_one(client);
    ::close(client);
  }
}

/// Until the client goes, or gets no answer.
void Relay::serve_one(int client) {
  std::string behind;
  for (;;) {
    const auto request = read_message(client, behind);
    if (!request) return;
    std::optional<std::string> instead;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(*request);
      if (instead_) instead = instead_(*request);
    }
    if (!instead) {
      Message answer = ask(server_port_, request->wire());
      const std::lock_guard lock(mutex_);
      if (alter_ && !alter_(*request, answer)) return;
      instead = answer.wire();
    }
    if (instead->empty()) return;
    send_all(client, *instead);
  }
}

}  // namespace tern::test
