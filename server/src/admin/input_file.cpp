#include "input_file.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <string_view>

namespace tern::server::admin {

Result<std::unique_ptr<InputFile>> InputFile::open(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0)
    return fail(ErrorCode::not_found, "Cannot read " + path + ": " + std::strerror(errno) + ".", "", "file");
  std::unique_ptr<InputFile> opened(new InputFile(file));
  struct stat info {};
  if (::fstat(file, &info) != 0 || !S_ISREG(info.st_mode))
    return fail(ErrorCode::invalid, path + " is no regular file.", "Name a file of CSV or of JSON lines.", "file");
  if (static_cast<std::uint64_t>(info.st_size) > input_bytes_max)
    return fail(ErrorCode::too_large, path + " is over 64 GiB.", "Split it.", "file");
  return opened;
}

Result<std::size_t> InputFile::read_at(std::uint64_t offset, char* buffer, std::size_t bytes) {
  for (;;) {
    const ssize_t got = ::pread(file_.get(), buffer, bytes, static_cast<off_t>(offset));
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR)
      return fail(ErrorCode::storage_failed, std::string("The file cannot be read: ") + std::strerror(errno) + ".");
  }
}

Result<std::optional<std::string>> InputFile::next_line(std::size_t bytes_max) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  std::string text;
  const bool first = offset() == 0;
  for (bool any = false;;) {
    if (at_ == filled_) {
      block_offset_ += filled_;
      at_ = 0;
      TERN_TRY(filled_, read_at(block_offset_, block_.data(), block_.size()));
      if (filled_ == 0) {
        if (!any) return std::optional<std::string>();
        break;
      }
    }
    any = true;
    const std::string_view rest = std::string_view(block_).substr(at_, filled_ - at_);
    const std::size_t end = rest.find('\n');
    text += rest.substr(0, end);
    at_ += end == std::string_view::npos ? rest.size() : end + 1;
    if (text.size() > bytes_max)
      return fail(ErrorCode::too_large, "Line " + std::to_string(line_) + " is too long.", "", "file");
    if (end != std::string_view::npos) break;
  }
  ++line_;
  if (first && text.starts_with(byte_order_mark)) text.erase(0, byte_order_mark.size());
  if (text.ends_with('\r')) text.pop_back();
  return std::optional(std::move(text));
}

void InputFile::go_to(std::uint64_t offset, std::size_t line) {
  block_offset_ = offset;
  filled_ = at_ = 0;
  line_ = line;
}

}  // namespace tern::server::admin
