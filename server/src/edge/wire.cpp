#include "edge/wire.hpp"

#include <algorithm>
#include <utility>

namespace tern::server::edge {
namespace {

constexpr std::size_t read_bytes = 64 * 1024;
constexpr std::int64_t look_every_ms = 1000;

}  // namespace

bool RateWatch::too_slow(std::int64_t now_ms, const EdgeDeadlines& deadlines) const {
  const std::int64_t elapsed_ms = now_ms - started_ms_;
  if (elapsed_ms < deadlines.slow_grace_ms) return false;
  return static_cast<std::int64_t>(bytes_) < deadlines.bytes_per_second_min * elapsed_ms / 1000;
}

std::int64_t RateWatch::next_look_ms(std::int64_t now_ms, const EdgeDeadlines& deadlines) const {
  const std::int64_t grace_over_ms = started_ms_ + deadlines.slow_grace_ms;
  return now_ms < grace_over_ms ? grace_over_ms : now_ms + std::min(look_every_ms, deadlines.slow_grace_ms);
}

IoResult Wire::read(std::string_view& piece) {
  loop_.scratch.resize(read_bytes);
  const IoResult result = channel_.read(loop_.scratch.data(), loop_.scratch.size());
  if (result.io == Io::done) {
    piece = std::string_view(loop_.scratch).substr(0, result.bytes);
    count(loop_.shared.tallies.bytes_in, result.bytes);
  }
  return result;
}

void Wire::queue(std::string bytes) {
  if (out_.empty()) {
    out_ = std::move(bytes);
  } else {
    out_ += bytes;
  }
}

Io Wire::flush() {
  if (waiting() > 0 && progress_ms_ == 0) progress_ms_ = loop_.now_ms;
  while (waiting() > 0) {
    const IoResult result = channel_.write(std::string_view(out_).substr(written_));
    if (result.io == Io::ended || result.io == Io::failed) return Io::failed;
    if (result.io != Io::done) return Io::again_write;
    written_ += result.bytes;
    bytes_out_ += result.bytes;
    write_watch_.add(result.bytes);
    progress_ms_ = loop_.now_ms;
    count(loop_.shared.tallies.bytes_out, result.bytes);
  }
  std::string().swap(out_);  // idle connections hold nothing
  written_ = 0;
  progress_ms_ = 0;
  return Io::done;
}

Io Wire::handshake() {
  const IoResult result = channel_.handshake();
  handshake_wants_write_ = result.io == Io::again_write;
  return result.io;
}

}  // namespace tern::server::edge
