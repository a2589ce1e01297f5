// An HTTP proxy on loopback between real programs: it writes down what passes, and may answer in the server's place or
// alter an answer, as whoever sits on the network can.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace tern::test {

struct Message {
  std::string head;  // with the empty line
  std::string body;

  [[nodiscard]] std::string wire() const { return head + body; }
  [[nodiscard]] bool is_to(const std::string& target) const {
    return head.find(" " + target + " ") != std::string::npos;
  }
  /// The value of a header, which is named in small letters; empty when it is not there.
  [[nodiscard]] std::string header(const std::string& name) const;
};

/// An answer with this status, type and body, further headers "name: value\r\n" in `more`.
std::string http_answer(const std::string& status, const std::string& type, const std::string& body,
                        const std::string& more = {});

/// Sends a whole request to a port of this machine; the whole answer.
Message ask(std::uint16_t port, const std::string& request);

/// One connection after the other, one request after the other. Owner and callers: one test.
class Relay {
public:
  explicit Relay(std::uint16_t server_port);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  /// The bytes of an answer in the server's place, which then hears nothing. An empty one: the connection is closed.
  using Instead = std::function<std::optional<std::string>(const Message& request)>;
  /// What becomes of the server's answer; false: it is lost.
  using Alter = std::function<bool(const Message& request, Message& answer)>;
  void answer_instead(Instead instead);
  void alter(Alter alter);

  /// All requests until now.
  [[nodiscard]] std::vector<Message> requests() const;

private:
  void serve();
  void serve_one(int client);

  const std::uint16_t server_port_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  mutable std::mutex mutex_;
  bool stop_ = false;
  Instead instead_;
  Alter alter_;
  std::vector<Message> requests_;
  std::thread thread_;
};

}  // namespace tern::test
