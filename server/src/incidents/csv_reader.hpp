// RFC 4180 records, one after the other: no more of the text is held than the record that is read.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tern/protocol/error.hpp"

namespace tern::server {

inline constexpr std::size_t csv_record_bytes_max = 256 * 1024;

/// "line 7": how refusals name it.
std::string at_line(std::size_t line);

class CsvReader {
public:
  /// Up to `bytes` from `offset` of the text into the buffer: how many came, 0 at the end.
  using Source = std::function<Result<std::size_t>(std::uint64_t offset, char* buffer, std::size_t bytes)>;

  explicit CsvReader(Source source) : source_(std::move(source)), buffer_(64 * 1024, '\0') {}

  /// The next record that is no empty line; false at the end. `csv_invalid` with line and column, `too_large` with the
  /// line.
  Result<bool> next(std::vector<std::string>& record);
  /// Goes on where a record began: what offset() and line() said of it.
  void go_to(std::uint64_t offset, std::size_t line);

  /// Of the record that was read last.
  [[nodiscard]] std::uint64_t offset() const { return record_offset_; }
  [[nodiscard]] std::size_t line() const { return record_line_; }

private:
  static constexpr int end_of_text = -1;
  Result<void> pass_byte_order_mark();
  Result<int> peek();
  Result<int> take();
  Result<void> read_record(std::vector<std::string>& record);
  Result<void> read_quoted(std::vector<std::string>& record);

  Source source_;
  std::string buffer_;
  std::size_t at_ = 0, filled_ = 0;
  std::uint64_t buffer_offset_ = 0, record_offset_ = 0;
  std::size_t line_ = 1, record_line_ = 1;
};

}  // namespace tern::server
