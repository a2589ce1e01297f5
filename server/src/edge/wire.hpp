// The byte side of a connection: what waits to be written, and how fast the peer is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "edge/channel.hpp"
#include "edge/shared.hpp"

namespace tern::server::edge {

/// Watches that a peer keeps a minimum rate after a grace.
class RateWatch {
public:
  void start(std::int64_t now_ms) {
    started_ms_ = now_ms;
    bytes_ = 0;
  }
  void add(std::size_t bytes) { bytes_ += bytes; }
  [[nodiscard]] bool too_slow(std::int64_t now_ms, const EdgeDeadlines& deadlines) const;
  /// When to look again.
  [[nodiscard]] std::int64_t next_look_ms(std::int64_t now_ms, const EdgeDeadlines& deadlines) const;

private:
  std::int64_t started_ms_ = 0;
  std::uint64_t bytes_ = 0;
};

/// A channel with a write buffer. The buffer is bounded by who fills it: one answer, or one frame beyond 64 KiB.
class Wire {
public:
  Wire(int descriptor, LoopSide& loop) : channel_(descriptor, loop.shared.tls), loop_(loop) {}

  Channel& channel() { return channel_; }

  /// Reads into the loop's scratch; the piece lives until the next read of any connection.
  IoResult read(std::string_view& piece);
  void queue(std::string bytes);
  /// Room for frames and heads that are built in place; flush afterwards.
  std::string& out() { return out_; }
  /// Writes what it can. `done`: nothing waits any more; `again_write`: the peer must read first; `failed`.
  Io flush();

  [[nodiscard]] std::size_t waiting() const { return out_.size() - written_; }
  [[nodiscard]] bool wants_write() const { return waiting() > 0 || handshake_wants_write_; }
  Io handshake();

  RateWatch& write_watch() { return write_watch_; }
  [[nodiscard]] std::int64_t stalled_since_ms() const { return waiting() > 0 ? progress_ms_ : never_ms; }
  [[nodiscard]] std::uint64_t bytes_out() const { return bytes_out_; }

private:
  Channel channel_;
  LoopSide& loop_;
  std::string out_;
  std::size_t written_ = 0;  // of out_
  std::uint64_t bytes_out_ = 0;
  std::int64_t progress_ms_ = 0;
  RateWatch write_watch_;
  bool handshake_wants_write_ = false;
};

}  // namespace tern::server::edge
