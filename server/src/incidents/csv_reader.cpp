#include "incidents/csv_reader.hpp"

#include "tern/server/incident_log.hpp"

namespace tern::server {
namespace {

/// In the last cell of what has been read of the record.
tl::unexpected<Error> no_csv(std::size_t line, const std::vector<std::string>& record, const char* why) {
  const std::string place = at_line(line) + ", column " + std::to_string(record.size());
  return fail(ErrorCode::csv_invalid, place + ": " + why, {}, place);
}

constexpr const char* nul_byte = "a NUL byte; this is no CSV text.";

}  // namespace

std::string at_line(std::size_t line) {
  return "line " + std::to_string(line);
}

void CsvReader::go_to(std::uint64_t offset, std::size_t line) {
  if (offset >= buffer_offset_ && offset <= buffer_offset_ + filled_) {
    at_ = static_cast<std::size_t>(offset - buffer_offset_);
  } else {
    buffer_offset_ = offset;
    at_ = filled_ = 0;
  }
  line_ = line;
}

Result<int> CsvReader::peek() {
  if (at_ == filled_) {
    buffer_offset_ += filled_;
    at_ = filled_ = 0;
    TERN_TRY(filled_, source_(buffer_offset_, buffer_.data(), buffer_.size()));
  }
  return at_ == filled_ ? end_of_text : static_cast<int>(static_cast<unsigned char>(buffer_[at_]));
}

Result<int> CsvReader::take() {
  TERN_TRY(const int c, peek());
  if (c != end_of_text) ++at_;
  if (c == '\n') ++line_;
  if (buffer_offset_ + at_ - record_offset_ > csv_record_bytes_max)
    return fail(ErrorCode::too_large, at_line(record_line_) + " is longer than 256 KiB.");
  return c;
}

/// Behind the quote that opens it, to behind the one that closes it.
Result<void> CsvReader::read_quoted(std::vector<std::string>& record) {
  std::string& cell = record.back();
  for (;;) {
    TERN_TRY(const int c, take());
    if (c == end_of_text) return no_csv(line_, record, "a quote is never closed.");
    if (c == '\0') return no_csv(line_, record, nul_byte);
    if (c != '"') {
      cell.push_back(static_cast<char>(c));
      continue;
    }
    TERN_TRY(const int behind, peek());
    if (behind != '"') return {};
    TERN_TRY(const int quote, take());
    cell.push_back(static_cast<char>(quote));
  }
}

/// To behind its line end. A text that ends with one has no record behind it.
Result<void> CsvReader::read_record(std::vector<std::string>& record) {
  record.assign(1, {});
  bool was_quoted = false;
  for (;;) {
    TERN_TRY(const int c, take());
    std::string& cell = record.back();
    if (c == end_of_text || c == '\n') return {};
    if (c == '"') {
      if (!cell.empty() || was_quoted) return no_csv(line_, record, "a quote inside an unquoted cell.");
      was_quoted = true;
      TERN_CHECKED(read_quoted(record));
    } else if (c == ',') {
      if (record.size() == log_columns_max) return no_csv(line_, record, "more than 200 cells.");
      record.emplace_back();
      was_quoted = false;
    } else if (c == '\0') {
      return no_csv(line_, record, nul_byte);
    } else {
      TERN_TRY(const int behind, peek());
      if (c != '\r' || behind != '\n') cell.push_back(static_cast<char>(c));
    }
  }
}

/// What spreadsheets write before a text to say that it is UTF-8.
Result<void> CsvReader::pass_byte_order_mark() {
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  if (buffer_offset_ + at_ != 0) return {};
  TERN_TRY(const int first, peek());
  if (first != end_of_text && std::string_view(buffer_).substr(0, filled_).starts_with(mark)) at_ += mark.size();
  return {};
}

Result<bool> CsvReader::next(std::vector<std::string>& record) {
  TERN_CHECKED(pass_byte_order_mark());
  for (;;) {
    record_offset_ = buffer_offset_ + at_;
    record_line_ = line_;
    TERN_TRY(const int first, peek());
    if (first == end_of_text) return false;
    TERN_CHECKED(read_record(record));
    if (record.size() > 1 || !record.front().empty()) return true;
  }
}

}  // namespace tern::server
