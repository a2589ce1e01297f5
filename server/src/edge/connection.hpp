// One connection: handshake, requests one after the other, perhaps a stream, an orderly end.
#pragma once

#include <any>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "edge/body_sink.hpp"
#include "edge/chunk_decoder.hpp"
#include "edge/head_reader.hpp"
#include "edge/stream_side.hpp"
#include "edge/wire.hpp"

namespace tern::server::edge {

/// A state machine that one poll loop owns and drives. It has one request in hand at a time: while a worker has it,
/// what the peer pipelines stays in the buffer or the kernel. After a refusal nothing that was sent is read as a
/// request.
class Connection {
public:
  Connection(ConnectionId id, const Adopt& adopt, LoopSide& loop);

  [[nodiscard]] int descriptor() { return wire_.channel().descriptor(); }
  [[nodiscard]] const std::string& address_key() const { return address_key_; }
  [[nodiscard]] bool is_over() const { return phase_ == Phase::over; }
  [[nodiscard]] std::int64_t deadline_ms() const;
  [[nodiscard]] bool wants_input() const;
  [[nodiscard]] bool wants_write() const { return wire_.wants_write(); }

  /// True when there is more to read at once, and the loop should come back after the others.
  bool on_readable();
  void on_writable();
  void on_hang_up();
  void on_deadline();
  void on_drain();
  void on_answer(std::uint64_t ordinal, std::optional<Response> response);
  void on_upgraded(std::uint64_t ordinal, std::optional<UpgradeVerdict> verdict);
  void on_flush();
  /// True as for on_readable.
  bool on_resume();

  // The loop's own notes.
  std::uint32_t armed = 0;          // what epoll was asked for
  bool input_came_unasked = false;  // stop asking for it until it is wanted

private:
  enum class Phase : std::uint8_t { handshake, head, body, waiting, answering, stream, lingering, over };

  /// The request in hand.
  struct Exchange {
    Head head;
    std::string method, path;  // kept for answer and log when the request has gone to its handler
    std::string request_id;
    std::unique_ptr<BodySink> sink;
    ChunkDecoder chunks;
    std::uint64_t body_bytes_max = 0;
    std::uint64_t body_left = 0;  // with a length
    std::any context;
    bool accepted = false;
    bool body_missing = false;  // its body was not read: nothing after it can be
    int status = 0;
    std::string_view refusal;
    std::int64_t started_us = 0;
    std::uint64_t bytes_in = 0, bytes_out_before = 0;
    std::shared_ptr<const BodyFile> file;  // what is left of the answer's
    std::uint64_t file_at = 0, file_left = 0;
    RateWatch body_watch;
  };

  void advance();
  bool read_head();
  bool begin_request(Head head);
  bool read_body();
  bool read_sized_body();
  bool read_chunked_body();
  bool keep(std::string_view piece);
  void dispatch();
  void dispatch_upgrade();

  void answer(Response response);
  void refuse(const Refusal& refusal);
  void refuse_busy();
  void answer_for_edge(Response response, std::string_view code);
  bool finish_answer();
  bool queue_from_file();
  void begin_stream(StreamAccept accept);
  void judge_stream();
  void linger();
  void next_request_by(std::int64_t by_ms);

  LoopSide& loop_;
  const ConnectionId id_;
  const std::string address_;
  const std::string address_key_;
  const std::uint16_t port_;
  Wire wire_;
  Phase phase_ = Phase::head;
  bool close_after_ = false;
  std::uint64_t ordinal_ = 0;  // of the request in hand
  std::int64_t deadline_ms_ = never_ms;
  std::string input_;                        // not used yet
  std::unique_ptr<HeadReader> head_reader_;  // while a head is half here
  std::unique_ptr<Exchange> exchange_;
  std::unique_ptr<StreamSide> stream_;
};

}  // namespace tern::server::edge
