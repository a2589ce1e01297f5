// The body coding "chunked", read strictly.
#pragma once

#include <cstdint>
#include <string_view>

namespace tern::server::edge {

/// Takes the raw bytes after the head and says which of them are body. Own code, because http_parser as Debian builds
/// it takes any two bytes for the line end after a chunk. Extensions and trailers, which nobody sends to us, are
/// refused: what they would mean to a proxy in front is not ours to guess.
class ChunkDecoder {
public:
  enum class Step : std::uint8_t {
    data,       // `piece` is body
    need_more,  // everything given was taken
    done,       // the last chunk is over; what was not taken belongs to the next request
    broken,     // not chunked; the connection must close
  };

  /// Takes bytes off the front of `input`.
  Step next(std::string_view& input, std::string_view& piece);

private:
  enum class State : std::uint8_t { size_first, size, size_lf, data, data_cr, data_lf, end_cr, end_lf, done, broken };
  Step fail() { return state_ = State::broken, Step::broken; }
  bool take_control(char c);

  State state_ = State::size_first;
  std::uint64_t left_ = 0;
  int digits_ = 0;
};

}  // namespace tern::server::edge
