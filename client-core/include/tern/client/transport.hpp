// The device's only view of a network: one request, one answer. Bytes in, bytes out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::client {

struct HttpRequest {
  std::string method = "POST";
  std::string target;                                        // "/sync/v1/exchange"
  std::vector<std::pair<std::string, std::string>> headers;  // lower-case names
  Bytes body;
};

struct HttpAnswer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // lower-case names
  Bytes body;                                                // at most limits::decompressed_bytes_max + 64 KiB
  [[nodiscard]] std::string_view header(std::string_view name) const {
    for (const auto& [key, value] : headers)
      if (key == name) return value;
    return {};
  }
};

/// Carries one request to the enrolled server and brings its answer. Never follows redirects, never retries.
/// Blocks the caller; errors are `no_connection` with a sentence for people.
class Transport {
public:
  virtual ~Transport() = default;
  virtual Result<HttpAnswer> send(const HttpRequest& request) = 0;

  /// Lets a request go whose answer is fetched later, so that both sides work meanwhile. One at a time: what is sent
  /// before its answer was fetched gives it up. Its errors come with `fetch`. As it stands here it waits with sending.
  virtual void send_ahead(const HttpRequest& request) { ahead_ = request; }
  /// Blocks for the answer to the request of the last `send_ahead`.
  virtual Result<HttpAnswer> fetch() {
    if (const auto request = std::exchange(ahead_, std::nullopt)) return send(*request);
    return fail(ErrorCode::usage, "There is no request to fetch an answer to.");
  }

private:
  std::optional<HttpRequest> ahead_;
};

}  // namespace tern::client
