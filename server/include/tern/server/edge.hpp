// The server's face to the network: HTTP/1.1 and WebSocket over TCP or TLS.
//
// A few poll loops hold every connection, complete requests go to a worker pool. Everything a peer can make us hold is
// bounded by EdgeLimits before it is allocated, everything it can make us wait for by EdgeDeadlines. docs/protocol.md
// lists the refusals.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "tern/protocol/error.hpp"
#include "tern/server/http.hpp"

namespace tern::server {

struct EdgeLimits {
  std::size_t uri_bytes_max = 16 * 1024;
  std::size_t headers_max = 100;
  std::size_t header_value_bytes_max = 8 * 1024;
  std::size_t head_bytes_max = 48 * 1024;
  std::size_t body_in_memory_bytes_max = 64 * 1024;  // more goes to a nameless file
  std::size_t requests_waiting_max = 1024;           // for a worker; then 503 `busy`
  std::size_t connections_max = 20'000;
  std::size_t connections_per_address_max = 256;  // IPv6: per /64
  bool loopback_is_capped = false;                // a reverse proxy on this machine speaks for many
  std::size_t stream_message_bytes_max = 2 * 1024 * 1024;
  std::size_t stream_fragments_max = 1024;           // of one message
  std::size_t stream_queue_frames_max = 256;         // then 4413
  std::size_t stream_queue_bytes_max = 1024 * 1024;  // one larger message fits when nothing else waits
};

struct EdgeDeadlines {
  std::int64_t handshake_ms = 10'000;   // TLS
  std::int64_t head_ms = 10'000;        // the whole head, from its first byte or from the connection
  std::int64_t keep_alive_ms = 75'000;  // idle between two requests
  std::int64_t slow_grace_ms = 5'000;   // after this long, body, message and answer must keep the rate below
  std::int64_t bytes_per_second_min = 1024;
  std::int64_t ping_ms = 20'000;
  std::int64_t dead_ms = 60'000;  // a stream whose peer says nothing so long is cut
  std::int64_t close_ms = 3'000;  // for the peer's close frame, and to take what is left
};

/// One finished request, for the access log. Never holds a query, a header or a body.
struct RequestRecord {
  std::string_view request_id, peer_address, method, path;
  int status = 0;
  std::string_view refusal;  // the edge's own code when it refused; else empty
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::int64_t duration_us = 0;
};

enum class EdgeEvent : std::uint8_t { handler_threw, tls_handshake_failed, out_of_descriptors, spill_failed };

struct EdgeOptions {
  std::string listen_host = "127.0.0.1";
  std::uint16_t listen_port = 8470;  // 0: any free one
  std::string tls_certificate_file;  // PEM, with its chain; empty: plain TCP
  std::string tls_key_file;
  std::size_t loops = 2;
  std::size_t workers = 8;
  std::string spill_directory;  // for bodies over body_in_memory_bytes_max; empty: the system's
  EdgeLimits limits;
  EdgeDeadlines deadlines;
  std::function<void(const RequestRecord&)> on_request_done;  // may be empty; thread-safe, quick
  std::function<void(EdgeEvent, std::string_view detail, std::string_view request_id)> on_event;  // likewise
};

/// Numbers since the start, for /metrics.
struct EdgeCounters {
  std::uint64_t connections_open = 0, connections_accepted = 0, connections_refused = 0;
  std::uint64_t requests = 0, answers_2xx = 0, answers_3xx = 0, answers_4xx = 0, answers_5xx = 0;
  std::uint64_t refused_by_edge = 0;  // of the answers: bad framing, too large, too slow, busy
  std::uint64_t head_timeouts = 0, body_timeouts = 0, slow_readers_cut = 0;
  std::uint64_t streams_open = 0, streams_accepted = 0, stream_messages_in = 0, stream_messages_out = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::uint64_t requests_waiting = 0;
};

/// Owner: main(). Thread: start and stop from one thread; the rest from any.
class EdgeServer {
public:
  EdgeServer(EdgeOptions options, Handler& handler);  // `handler` outlives the server
  ~EdgeServer();                                      // stop(0)
  EdgeServer(const EdgeServer&) = delete;
  EdgeServer& operator=(const EdgeServer&) = delete;

  /// Binds, loads the certificate, starts the threads. Error: `usage` (address or certificate), `busy` (port taken; no
  /// descriptor, thread or memory is left).
  Result<void> start();
  /// The port that is bound; 0 before start.
  [[nodiscard]] std::uint16_t port() const;

  /// Stops accepting, finishes requests that are under way, closes streams with 1001; after `drain_ms` cuts what is
  /// left. Returns when every thread has ended: a handler that is still running is waited for. Once stopped, for good.
  void stop(std::int64_t drain_ms);

  [[nodiscard]] EdgeCounters counters() const;

  /// Hands work to the workers, for answers that are made after their handler returned. What comes after the stop is
  /// dropped. Thread-safe, never blocks, may outlive the server.
  [[nodiscard]] std::function<void(std::function<void()>)> executor();

private:
  class Inside;
  std::unique_ptr<Inside> inside_;
};

/// Lets this process have as many descriptors as the system allows it; returns how many. For main().
std::uint64_t raise_descriptor_limit();

}  // namespace tern::server
