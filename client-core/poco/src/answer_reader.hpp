// Bytes from the server to an HttpAnswer, bounded.
#pragma once

#include <http_parser.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "tern/client/transport.hpp"

namespace tern::client {

/// Reads one answer. Interim answers (1xx) but 101 are skipped; redirects are answers like others.
class AnswerReader {
public:
  enum class State : std::uint8_t { more, whole, too_large, not_http };

  AnswerReader();
  AnswerReader(const AnswerReader&) = delete;
  AnswerReader& operator=(const AnswerReader&) = delete;

  State feed(std::string_view bytes);
  /// The connection ended: `whole` only when nothing is missing.
  State end();

  [[nodiscard]] bool begun() const { return fed_ > 0; }
  [[nodiscard]] bool keeps_alive() const { return keep_alive_; }
  /// After `whole`: what came behind the answer (the stream's first bytes after a 101).
  [[nodiscard]] std::string_view rest() const { return rest_; }
  HttpAnswer take() { return std::move(answer_); }

private:
  static int on_field(http_parser* parser, const char* at, std::size_t length);
  static int on_value(http_parser* parser, const char* at, std::size_t length);
  static int on_head(http_parser* parser);
  static int on_body(http_parser* parser, const char* at, std::size_t length);
  static int on_whole(http_parser* parser);
  static AnswerReader& self(http_parser* parser) { return *static_cast<AnswerReader*>(parser->data); }
  bool has_room(std::size_t more);

  http_parser_settings settings_{};
  http_parser parser_{};
  HttpAnswer answer_;
  std::string rest_;
  std::size_t fed_ = 0;
  std::size_t head_bytes_ = 0;
  bool in_value_ = true;
  bool whole_ = false;
  bool too_large_ = false;
  bool keep_alive_ = false;
};

}  // namespace tern::client
