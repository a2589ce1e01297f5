// Requests, answers and streams as plain values: what a handler of the server sees of the network.
//
// Nothing here knows a socket. The edge turns bytes into these values and back; tests and the simulator make them by
// hand. Refusals follow RFC 9457 (`application/problem+json`).
#pragma once

#include <any>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::server {

struct Header {
  std::string name;  // lower case
  std::string value;
  bool operator==(const Header&) const = default;
};

/// Bytes that were too many to keep in memory. The file has no name and goes with the last owner.
class BodyFile {
public:
  virtual ~BodyFile() = default;
  /// At most `length` bytes from `offset`; fewer only at the end. Error: `storage_failed`. Thread-safe.
  virtual Result<Bytes> read_at(std::uint64_t offset, std::size_t length) const = 0;
};

/// The body of a request: in memory when small, else in a nameless file. Copies share the file.
class RequestBody {
public:
  RequestBody() = default;
  explicit RequestBody(Bytes in_memory);
  RequestBody(std::shared_ptr<const BodyFile> file, std::uint64_t size_bytes);

  [[nodiscard]] std::uint64_t size() const { return file_ ? file_size_ : memory_.size(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] bool in_file() const { return file_ != nullptr; }

  /// All of it. The size was bounded when the head was judged. Error: `storage_failed`.
  [[nodiscard]] Result<Bytes> read_all() const;
  /// A piece, for bodies that are better read in a stream. Shorter than `length` only at the end.
  [[nodiscard]] Result<Bytes> read_at(std::uint64_t offset, std::size_t length) const;

private:
  Bytes memory_;
  std::shared_ptr<const BodyFile> file_;
  std::uint64_t file_size_ = 0;
};

/// One request. As a "head" it comes without its body.
struct Request {
  std::string method;           // "POST"; one of GET HEAD POST PUT PATCH DELETE OPTIONS
  std::string target;           // as it stood in the request line; what a request MAC covers
  std::string path;             // the target before '?', not decoded; the only part that may be logged
  std::string query;            // the target after the first '?', not decoded; may hold secrets
  std::vector<Header> headers;  // in order of arrival
  RequestBody body;
  std::optional<std::uint64_t> content_length;  // nothing when there is no body or it comes in chunks
  std::string peer_address;                     // IP as text, no port
  std::uint16_t peer_port = 0;
  std::string request_id;  // given by the edge; the same in answer, problem and log
  bool tls = false;

  /// The first value of that name (lower case), or empty. Headers that must not repeat were refused when they did.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  [[nodiscard]] bool has_header(std::string_view name) const;
};

/// One answer. Content-Length, Connection and Date are the edge's: they cannot be set here.
class Response {
public:
  Response() = default;
  explicit Response(int status_code) : status(status_code) {}
  Response(int status_code, std::string_view content_type, Bytes content);

  int status = 200;
  Bytes body;
  bool close = false;  // close the connection after this answer

  /// Sets or replaces a header. The only way to do so, and it refuses (false, nothing set) what could split or frame an
  /// answer: a name that is no RFC 9110 token, a value with a control byte other than TAB, and the edge's own headers.
  bool set_header(std::string_view name, std::string_view value);
  /// As `set_header`, but keeps earlier values of that name (Set-Cookie).
  bool add_header(std::string_view name, std::string_view value);
  [[nodiscard]] std::string_view header(std::string_view name) const;  // lower-case name; empty when unset
  [[nodiscard]] const std::vector<Header>& headers() const { return headers_; }

  /// The rest of the body, behind `body`: so many bytes of a file, read piece by piece while they are sent, on a poll
  /// loop. Where reading fails the connection is cut, short of its length. For answers without a MAC.
  void set_file(std::shared_ptr<const BodyFile> file, std::uint64_t offset, std::uint64_t size_bytes) {
    file_ = std::move(file);
    file_offset_ = offset;
    file_bytes_ = file_ ? size_bytes : 0;
  }
  [[nodiscard]] const std::shared_ptr<const BodyFile>& file() const { return file_; }
  [[nodiscard]] std::uint64_t file_offset() const { return file_offset_; }
  [[nodiscard]] std::uint64_t file_bytes() const { return file_bytes_; }

private:
  std::vector<Header> headers_;
  std::shared_ptr<const BodyFile> file_;
  std::uint64_t file_offset_ = 0, file_bytes_ = 0;
};

/// What a refusal tells. `code` is for programs and never changes; `title` and `detail` are for people, without
/// secrets.
struct Problem {
  int status = 500;
  std::string code;
  std::string title;
  std::string detail;      // may be empty
  std::string field;       // which field or header; may be empty
  std::string request_id;  // may be empty; the edge puts it in
};

/// The problem as an answer of type application/problem+json.
Response problem_response(const Problem& problem);
/// Text as the inside of a JSON string, without the quotes. Bytes that are no UTF-8 become U+FFFD.
std::string json_escaped(std::string_view text);
/// "%2F" and the like decoded once. Nothing when a '%' is not followed by two hex digits, or when a NUL comes out.
std::optional<std::string> percent_decoded(std::string_view text);

// ---- requests ------------------------------------------------------------------------------------------------------

/// The head is good: read the body, up to this many bytes, and hand both to `handle` with `context`.
struct HeadAccept {
  std::uint64_t body_bytes_max = 0;
  std::any context;  // the handler's own, for example the session and the request MAC; copied by the edge
};
using HeadVerdict = std::variant<HeadAccept, Response>;

/// Where the answer of one request goes. Copies are the same reply; the first answer counts, later ones are dropped,
/// and when the last copy goes without one the peer gets 500 `internal`. Thread-safe; may be kept after the server
/// stopped.
class Reply {
public:
  /// `deliver` gets the answer, or nothing when none was given. It must not throw.
  explicit Reply(std::function<void(std::optional<Response>)> deliver);
  void operator()(Response response) const;

private:
  struct State;
  std::shared_ptr<State> state_;
};

// ---- streams (WebSocket) -------------------------------------------------------------------------------------------

/// Close codes of our own (RFC 6455 leaves 4000 to 4999 to applications).
namespace stream_close {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t going_away = 1001;
inline constexpr std::uint16_t protocol_error = 1002;
inline constexpr std::uint16_t unsupported_data = 1003;
inline constexpr std::uint16_t abnormal = 1006;  // never sent: the connection ended without a close frame
inline constexpr std::uint16_t policy = 1008;
inline constexpr std::uint16_t too_big = 1009;
inline constexpr std::uint16_t internal = 1011;
inline constexpr std::uint16_t auth_required = 4401;
inline constexpr std::uint16_t first_message_timeout = 4408;
inline constexpr std::uint16_t resync = 4409;
inline constexpr std::uint16_t slow_reader = 4413;
}  // namespace stream_close

/// The sending end of one stream, as the edge or a test provides it.
class StreamLink {
public:
  virtual ~StreamLink() = default;
  virtual bool send(Bytes message) = 0;
  virtual void close(std::uint16_t code, std::string_view reason) = 0;
  [[nodiscard]] virtual bool is_open() const = 0;
};

/// A handle on the sending end. Copies are the same end. Thread-safe, never blocks, may outlive the stream and the
/// server.
class StreamSender {
public:
  StreamSender() = default;
  explicit StreamSender(std::shared_ptr<StreamLink> link) : link_(std::move(link)) {}

  /// Queues one binary message. False when the stream is closing or gone, and when its queue is full: then the stream
  /// was just cut with 4413, because its reader is too slow.
  bool send(Bytes message) const { return link_ && link_->send(std::move(message)); }
  /// Sends what is queued, then a close frame; a peer that does not answer it is cut. Reasons are at most 123 bytes.
  void close(std::uint16_t code, std::string_view reason) const {
    if (link_) link_->close(code, reason);
  }
  [[nodiscard]] bool is_open() const { return link_ && link_->is_open(); }

private:
  std::shared_ptr<StreamLink> link_;
};

/// The receiving end. Calls come on worker threads, one at a time and in order: on_open, on_message ..., on_close.
/// While on_message runs nothing more is read from the peer. Exceptions close the stream with 1011.
class StreamHandler {
public:
  virtual ~StreamHandler() = default;
  virtual void on_open(StreamSender sender) = 0;
  /// One whole binary message, at most StreamAccept::message_bytes_max long.
  virtual void on_message(Bytes message) = 0;
  /// The last call, exactly once, whoever closed. `code` is the peer's, ours, or 1006.
  virtual void on_close(std::uint16_t code) = 0;
};

struct StreamAccept {
  std::shared_ptr<StreamHandler> handler;
  std::string subprotocol;            // empty: none; else one of those the peer offered
  std::vector<Header> headers;        // more headers of the 101 answer, for example its MAC
  std::size_t message_bytes_max = 0;  // 0: the edge's limit
  std::int64_t first_message_ms = 0;  // 0: no limit; else a peer that is silent so long is closed with 4408
};
using UpgradeVerdict = std::variant<StreamAccept, Response>;

// ---- the handler ---------------------------------------------------------------------------------------------------

/// What answers requests. Two steps, so that credentials are judged before a byte of the body is read or kept.
/// Thread-safe: on_head runs on poll loops, everything else on workers.
class Handler {
public:
  virtual ~Handler() = default;

  /// Judges method, path and credentials. Must not block: a whole poll loop waits. A Response refuses; when a body was
  /// to follow, the connection closes.
  virtual HeadVerdict on_head(const Request& head) = 0;

  /// The request with its whole body. May block. Exceptions become 500 `internal`.
  virtual Response handle(Request&& request, std::any context) = 0;

  /// What the edge calls. Override it, instead of `handle`, where an answer waits for others (group commit): keep the
  /// reply, give the worker back.
  virtual void handle_async(Request&& request, std::any context, Reply reply) {
    reply(handle(std::move(request), std::move(context)));
  }

  /// A GET that asks for a WebSocket; on_head is not called for it. May block. The default knows no streams.
  virtual UpgradeVerdict on_upgrade(const Request& head);

  /// An answer that the edge makes by itself after `on_head` accepted (body too large, busy, a handler that threw): the
  /// place to put a MAC on it.
  virtual void on_edge_answer(const std::any& context, Response& answer);
};

}  // namespace tern::server
