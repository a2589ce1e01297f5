// A file that comes in: read once from front to back, or from a place that was told, line by line.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "admin/descriptor.hpp"
#include "tern/protocol/error.hpp"

namespace tern::server::admin {

inline constexpr std::uint64_t input_bytes_max = 64ULL * 1024 * 1024 * 1024;

/// Not thread-safe. What it holds is one line, or what is asked for.
class InputFile {
public:
  /// A regular file: `not_found`, `invalid`, `too_large`, with field "file". A pipe is refused, not waited for.
  static Result<std::unique_ptr<InputFile>> open(const std::string& path);

  /// How many bytes came; 0 at the end.
  Result<std::size_t> read_at(std::uint64_t offset, char* buffer, std::size_t bytes);
  /// The next line without its end; nothing at the end of the file. `too_large` above `bytes_max`, with its number.
  Result<std::optional<std::string>> next_line(std::size_t bytes_max);
  /// Goes on with the line that begins there.
  void go_to(std::uint64_t offset, std::size_t line);

  /// Of the line that comes next.
  [[nodiscard]] std::uint64_t offset() const { return block_offset_ + at_; }
  [[nodiscard]] std::size_t line() const { return line_; }

private:
  explicit InputFile(int file) : file_(file), block_(256 * 1024, '\0') {}

  Descriptor file_;
  std::string block_;
  std::size_t filled_ = 0, at_ = 0, line_ = 1;
  std::uint64_t block_offset_ = 0;
};

}  // namespace tern::server::admin
