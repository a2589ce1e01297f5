// Lines of a file or of stdin, none longer than an export's may be.
#pragma once

#include <cstdio>
#include <optional>
#include <string>

#include "tern/protocol/error.hpp"

namespace tern::verify {

class LineFile {
public:
  /// "-": stdin. `not_found`, `storage_failed`.
  static Result<LineFile> open(const std::string& path);
  ~LineFile();
  LineFile(LineFile&& other) noexcept;
  LineFile& operator=(LineFile&&) = delete;

  /// Without its newline; nothing at the end. A longer line comes cut at the first byte too many: it fits no export.
  Result<std::optional<std::string>> next();
  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }
  /// 0: not known.
  [[nodiscard]] std::uint64_t bytes_in_all() const { return bytes_in_all_; }

private:
  explicit LineFile(std::FILE* file) : file_(file) {}

  std::FILE* file_ = nullptr;
  std::uint64_t bytes_read_ = 0, bytes_in_all_ = 0;
};

}  // namespace tern::verify
