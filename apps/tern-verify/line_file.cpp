#include "line_file.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "tern/protocol/ledger_export.hpp"

namespace tern::verify {

Result<LineFile> LineFile::open(const std::string& path) {
  if (path == "-") return LineFile(stdin);
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr) {
    const int reason = errno;
    return fail(reason == ENOENT ? ErrorCode::not_found : ErrorCode::storage_failed,
                path + " cannot be read: " + std::strerror(reason), {}, "export");
  }
  LineFile out(file);
  struct stat about {};
  if (::fstat(::fileno(file), &about) == 0 && S_ISREG(about.st_mode))
    out.bytes_in_all_ = static_cast<std::uint64_t>(about.st_size);
  return out;
}

LineFile::~LineFile() {
  if (file_ != nullptr && file_ != stdin) std::fclose(file_);
}

LineFile::LineFile(LineFile&& other) noexcept
    : file_(std::exchange(other.file_, nullptr)), bytes_read_(other.bytes_read_), bytes_in_all_(other.bytes_in_all_) {}

Result<std::optional<std::string>> LineFile::next() {
  std::string line;
  for (int c = 0; line.size() <= protocol::export_line_bytes_max; line += static_cast<char>(c)) {
    c = ::getc_unlocked(file_);
    if (c == EOF) break;
    ++bytes_read_;
    if (c == '\n') return std::optional(std::move(line));
  }
  if (std::ferror(file_) != 0)
    return fail(ErrorCode::storage_failed, std::string("the export cannot be read: ") + std::strerror(errno));
  if (line.empty()) return std::optional<std::string>{};
  return std::optional(std::move(line));
}

}  // namespace tern::verify
