// One connection to the server, plain or TLS, with deadlines. Poco's exceptions stop here.
#pragma once

#include <Poco/Net/Context.h>
#include <Poco/Net/StreamSocket.h>

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server_url.hpp"
#include "tern/protocol/error.hpp"

namespace tern::client {

enum class LineState : std::uint8_t { moved, wait_read, wait_write, ended, failed };

struct LineStep {
  LineState state = LineState::moved;
  std::size_t bytes = 0;  // of `moved`
};

/// A non-blocking socket; waiting is the caller's, by `wait`.
class Line {
public:
  /// Tries each address of the name. `tls` may be null. Error `no_connection` says what the trouble is.
  static Result<std::unique_ptr<Line>> connect(const ServerUrl& url, const Poco::Net::Context::Ptr& tls,
                                               std::int64_t timeout_ms);
  ~Line();
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  LineStep read(char* into, std::size_t size);
  LineStep write(std::string_view bytes);
  /// False when nothing happened in time.
  bool wait(LineState for_what, std::int64_t timeout_ms) const;
  /// Something to read, or the end of it, is here.
  [[nodiscard]] bool has_news() const { return wait(LineState::wait_read, 0); }
  [[nodiscard]] int descriptor() const;

private:
  Line(const Poco::Net::StreamSocket& socket, bool tls) : socket_(socket), tls_(tls) {}
  static Result<std::unique_ptr<Line>> secure(Poco::Net::StreamSocket socket, const std::string& host,
                                              const Poco::Net::Context::Ptr& tls, std::int64_t until_ms);
  static LineStep step(int returned);  // of Poco's TLS socket
  static LineStep plain_step(ssize_t returned, LineState again);

  Poco::Net::StreamSocket socket_;
  bool tls_;
};

/// Verifies the server against `ca_file`, or the system's authorities when empty; TLS 1.2 and later. Error `usage`.
Result<Poco::Net::Context::Ptr> make_client_tls(const std::string& ca_file);

/// `no_connection`, with the hint that nothing is lost.
tl::unexpected<Error> no_connection(std::string sentence);

std::int64_t steady_ms();

}  // namespace tern::client
