// The device's network: HTTPS exchanges and the WebSocket stream.
//
// Nothing here trusts what comes back: it is bounded, never followed elsewhere, and judged by the sync engine, which
// checks MACs and signatures. All trouble on the way is one error, `no_connection`, with a sentence for people.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tern/client/transport.hpp"
#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::client {

/// Of an error: the server's certificate is not one that this device trusts, or not the server's.
inline constexpr std::string_view field_certificate = "certificate";

struct TransportOptions {
  std::string server_url;            // "https://desk.example:8470"; no path
  std::string ca_file;               // PEM; empty: the authorities of the system
  bool insecure_http = false;        // allow http:// to other machines than this one
  std::int64_t connect_ms = 15'000;  // TCP and TLS, for each address of the name
  std::int64_t stall_ms = 30'000;    // no byte moves in either direction
  std::int64_t whole_ms = 300'000;   // one exchange, however slow
};

/// The WebSocket of a running session, after the server's 101. Pings are answered inside `receive`, so call it at least
/// every 30 s. Owner and thread: one.
class StreamConnection {
public:
  class Inside;
  explicit StreamConnection(std::unique_ptr<Inside> inside);
  ~StreamConnection();  // without a goodbye; see close
  StreamConnection(const StreamConnection&) = delete;
  StreamConnection& operator=(const StreamConnection&) = delete;

  /// One binary message, whole. Error: `no_connection`; then the stream is over.
  Result<void> send(ByteView message);
  /// The next message; nothing when none came within `timeout_ms` (0: only what is here already).
  /// Error: `no_connection` when the stream ended, its peer is silent for 60 s, or a message that has begun comes at
  /// less than 1 KiB a second after 10 s (its length may have been altered on the way); `close_code` tells what the
  /// server said.
  Result<std::optional<Bytes>> receive(std::int64_t timeout_ms);
  /// Since when nothing has come, not even a part of a message.
  [[nodiscard]] std::int64_t silent_ms() const;
  /// Says goodbye and waits a moment for the answer. Harmless when the stream is over.
  void close(std::uint16_t code = 1000);
  /// The server's close code; 1006 when it ended without one or is still open.
  [[nodiscard]] std::uint16_t close_code() const;
  /// For a caller that waits on several things: readable when `receive(0)` may have something.
  [[nodiscard]] int descriptor() const;

private:
  std::unique_ptr<Inside> inside_;
};

struct StreamOpening {
  HttpAnswer answer;                         // 101, or the refusal
  std::unique_ptr<StreamConnection> stream;  // only with 101
};

/// Exchanges with one server over a connection that is kept while it is good. Owner and thread: one.
class HttpTransport : public Transport {
public:
  /// Judges the URL and loads the authorities; connects at the first request. Error: `usage`.
  static Result<std::unique_ptr<HttpTransport>> open(TransportOptions options);
  ~HttpTransport() override;

  /// See Transport. A kept connection that the server closed meanwhile is replaced before anything is sent on it; a
  /// request that was sent, even in part, is not sent again.
  Result<HttpAnswer> send(const HttpRequest& request) override;
  void send_ahead(const HttpRequest& request) override;
  Result<HttpAnswer> fetch() override;

  /// Opens a stream on a connection of its own. `upgrade` is a GET with its credentials; the WebSocket headers are
  /// added.
  Result<StreamOpening> open_stream(const HttpRequest& upgrade);

  /// Lets go of the kept connection: the network is not what it was.
  void start_anew();

private:
  class Inside;
  explicit HttpTransport(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

}  // namespace tern::client
