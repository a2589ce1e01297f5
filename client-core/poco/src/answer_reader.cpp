#include "answer_reader.hpp"

#include <algorithm>

#include "tern/protocol/limits.hpp"

namespace tern::client {
namespace {

constexpr std::size_t head_bytes_max = 64 * limits::kib;
constexpr std::size_t headers_max = 100;
constexpr std::size_t body_bytes_max = limits::decompressed_bytes_max + 64 * limits::kib;

std::string_view trimmed_end(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

AnswerReader::AnswerReader() {
  http_parser_settings_init(&settings_);
  settings_.on_header_field = &on_field;
  settings_.on_header_value = &on_value;
  settings_.on_headers_complete = &on_head;
  settings_.on_body = &on_body;
  settings_.on_message_complete = &on_whole;
  http_parser_init(&parser_, HTTP_RESPONSE);
  parser_.data = this;
}

AnswerReader::State AnswerReader::feed(std::string_view bytes) {
  fed_ += bytes.size();
  while (!bytes.empty() && !whole_) {
    const std::size_t parsed = http_parser_execute(&parser_, &settings_, bytes.data(), bytes.size());
    const auto error = HTTP_PARSER_ERRNO(&parser_);
    if (too_large_ || error == HPE_HEADER_OVERFLOW) return State::too_large;
    if (error != HPE_OK && error != HPE_PAUSED) return State::not_http;
    bytes.remove_prefix(std::min(parsed, bytes.size()));
    if (error == HPE_PAUSED) http_parser_pause(&parser_, 0);
  }
  if (!whole_) return State::more;
  rest_ += bytes;
  return State::whole;
}

AnswerReader::State AnswerReader::end() {
  if (!whole_) http_parser_execute(&parser_, &settings_, nullptr, 0);
  return whole_ ? State::whole : State::not_http;
}

bool AnswerReader::has_room(std::size_t more) {
  head_bytes_ += more;
  too_large_ = too_large_ || head_bytes_ > head_bytes_max || answer_.headers.size() > headers_max;
  return !too_large_;
}

int AnswerReader::on_field(http_parser* parser, const char* at, std::size_t length) {
  AnswerReader& reader = self(parser);
  if (!reader.has_room(length)) return 1;
  if (std::exchange(reader.in_value_, false)) reader.answer_.headers.emplace_back();
  for (const char c : std::string_view(at, length))
    reader.answer_.headers.back().first += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return 0;
}

int AnswerReader::on_value(http_parser* parser, const char* at, std::size_t length) {
  AnswerReader& reader = self(parser);
  if (!reader.has_room(length) || reader.answer_.headers.empty()) return 1;
  reader.in_value_ = true;
  reader.answer_.headers.back().second.append(at, length);
  return 0;
}

int AnswerReader::on_head(http_parser* parser) {
  AnswerReader& reader = self(parser);
  reader.answer_.status = static_cast<int>(parser->status_code);
  for (auto& [name, value] : reader.answer_.headers) value = trimmed_end(value);
  constexpr std::uint64_t unknown = UINT64_MAX;
  if (parser->content_length != unknown && parser->content_length > body_bytes_max) {
    reader.too_large_ = true;
    return -1;
  }
  return parser->status_code == HTTP_STATUS_SWITCHING_PROTOCOLS ? 2 : 0;
}

int AnswerReader::on_body(http_parser* parser, const char* at, std::size_t length) {
  AnswerReader& reader = self(parser);
  if (length > body_bytes_max - reader.answer_.body.size()) {
    reader.too_large_ = true;
    return 1;
  }
  reader.answer_.body.append(at, length);
  return 0;
}

int AnswerReader::on_whole(http_parser* parser) {
  AnswerReader& reader = self(parser);
  const bool interim = parser->status_code < 200 && parser->status_code != HTTP_STATUS_SWITCHING_PROTOCOLS;
  if (interim) {
    reader.answer_ = {};
    reader.in_value_ = true;
    return 0;
  }
  reader.whole_ = true;
  reader.keep_alive_ = http_should_keep_alive(parser) != 0;
  http_parser_pause(parser, 1);  // what follows is not part of this answer
  return 0;
}

}  // namespace tern::client
