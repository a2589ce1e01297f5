// Carries the encoded bytes of a device's request to a server core in the same process, and its answer back.
#pragma once

#include <functional>

#include "tern/client/transport.hpp"
#include "tern/server/http.hpp"

namespace tern::fleet {

/// What the edge does without sockets: head judged first, body bound by what the head's verdict allows. Every byte that
/// would travel does; `tamper` may change them on the way (tests flip one).
class InProcessTransport : public client::Transport {
public:
  explicit InProcessTransport(server::Handler& handler) : handler_(handler) {}
  Result<client::HttpAnswer> send(const client::HttpRequest& request) override;

  /// Requests to /sync/v1/exchange so far.
  [[nodiscard]] std::uint64_t exchanges() const { return exchanges_; }

  std::function<void(client::HttpRequest&)> tamper_request;
  std::function<void(client::HttpAnswer&)> tamper_answer;

private:
  server::Handler& handler_;
  std::uint64_t sent_ = 0, exchanges_ = 0;
};

}  // namespace tern::fleet
