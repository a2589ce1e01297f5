// The head of a request: strict where parsers differ, because what two parsers read differently is how requests are
// smuggled past one of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "edge/refusal.hpp"
#include "tern/server/edge.hpp"
#include "tern/server/http.hpp"

namespace tern::server::edge {

enum class Framing : std::uint8_t { none, length, chunked };

/// What the head asks of the connection.
struct Head {
  Request request;  // without peer and id
  Framing framing = Framing::none;
  std::uint64_t content_length = 0;
  bool keep_alive = true;
  bool expect_continue = false;
  bool wants_websocket = false;
  std::string websocket_key;
  std::size_t size_bytes = 0;  // of the head in the buffer; the body begins there
};

/// Reads one head out of a growing buffer. Each byte is looked at a bounded number of times however it is cut.
///
/// The raw lines are checked first (CRLF only, no folding, names are tokens, one Host, one framing); only then does
/// http_parser, which accepts more than that, see them, and both must agree on method, target, framing and length.
class HeadReader {
public:
  using Outcome = std::variant<Head, Refusal>;

  explicit HeadReader(const EdgeLimits& limits) : limits_(&limits) {}

  /// `buffer` begins with the request and only grows between calls. Nothing: more bytes are needed.
  std::optional<Outcome> read(std::string_view buffer);

private:
  std::optional<Refusal> scan(std::string_view buffer);

  const EdgeLimits* limits_;
  std::size_t scanned_ = 0;
  std::size_t line_start_ = 0;
  std::size_t lines_ = 0;
  std::size_t end_ = 0;  // of the head, once found
};

}  // namespace tern::server::edge
