// A server that says exactly what it is told to, and nothing of the protocol: captive portals, proxies, liars.
#pragma once

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace tern::test {

/// Takes one connection for each answer, one after the other: reads a request's head, sends the answer, closes. An
/// empty answer: closes at once; "..." at its end: sends what is before it and then waits for the peer to go.
class ScriptedServer {
public:
  explicit ScriptedServer(std::vector<std::string> answers);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// After the destructor of its clients: the requests' bytes.
  std::vector<std::string> requests();

private:
  void run();

  std::vector<std::string> answers_;
  std::vector<std::string> requests_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace tern::test
