#include "edge/chunk_decoder.hpp"

#include <algorithm>

namespace tern::server::edge {
namespace {

constexpr int digits_max = 8;  // 4 GiB a chunk

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

ChunkDecoder::Step ChunkDecoder::next(std::string_view& input, std::string_view& piece) {
  while (true) {
    if (state_ == State::done) return Step::done;
    if (state_ == State::broken) return Step::broken;
    if (input.empty()) return Step::need_more;
    if (state_ == State::data) {
      const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
      piece = input.substr(0, length);
      input.remove_prefix(length);
      left_ -= length;
      if (left_ == 0) state_ = State::data_cr;
      return Step::data;
    }
    const char c = input.front();
    input.remove_prefix(1);
    if (!take_control(c)) return fail();
  }
}

bool ChunkDecoder::take_control(char c) {
  switch (state_) {
    case State::size_first:
    case State::size:
      if (const int value = hex_value(c); value >= 0) {
        left_ = left_ * 16 + static_cast<std::uint64_t>(value);
        state_ = State::size;
        return ++digits_ <= digits_max;
      }
      if (c != '\r' || state_ == State::size_first) return false;
      state_ = State::size_lf;
      return true;
    case State::size_lf:
      digits_ = 0;
      state_ = left_ == 0 ? State::end_cr : State::data;
      return c == '\n';
    case State::data_cr:
      state_ = State::data_lf;
      return c == '\r';
    case State::data_lf:
      state_ = State::size_first;
      return c == '\n';
    case State::end_cr:
      state_ = State::end_lf;
      return c == '\r';
    case State::end_lf:
      state_ = State::done;
      return c == '\n';
    case State::data:
    case State::done:
    case State::broken:
      break;
  }
  return false;
}

}  // namespace tern::server::edge
