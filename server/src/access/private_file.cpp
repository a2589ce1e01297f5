#include "private_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tern::server {
namespace {

tl::unexpected<Error> failed(const std::string& doing, const std::string& path) {
  const int reason = errno;
  const ErrorCode code = reason == ENOSPC || reason == EDQUOT  ? ErrorCode::storage_full
                         : reason == ENOENT                    ? ErrorCode::not_found
                         : reason == EACCES || reason == EPERM ? ErrorCode::not_permitted
                                                               : ErrorCode::storage_failed;
  return fail(code, "Cannot " + doing + " " + path + ": " + std::strerror(reason) + ".");
}

class File {
public:
  File(const std::string& path, int flags, mode_t mode = 0)
      : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }

private:
  int descriptor_;
};

bool write_all(int descriptor, ByteView content) {
  while (!content.empty()) {
    const ssize_t wrote = ::write(descriptor, content.data(), content.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string(".") : path.substr(0, slash + 1);
}

/// The name is durable only once its directory is. What cannot be moved is not left behind.
Result<void> move_into_place(const std::string& temporary, const std::string& path) {
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const auto error = failed("write", path);
    ::unlink(temporary.c_str());
    return error;
  }
  const File directory(folder_of(path), O_RDONLY | O_DIRECTORY);
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return failed("sync the directory of", path);
  return {};
}

constexpr std::size_t write_buffer_bytes = 64 * 1024;

}  // namespace

Result<void> check_private_directory(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return failed("look into", path);
  if (!S_ISDIR(found.st_mode)) return fail(ErrorCode::invalid, path + " is no directory.");
  if (found.st_uid != ::geteuid())
    return fail(ErrorCode::not_permitted, path + " belongs to another user.",
                "Run as that user, or choose another directory.");
  if ((found.st_mode & 022) != 0)
    return fail(ErrorCode::not_permitted, "Others can write to " + path + ".", "Run: chmod 700 " + path);
  return {};
}

Result<void> make_private_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return failed("make the directory", path);
  return check_private_directory(path);
}

Result<void> write_private_file(const std::string& path, ByteView content) {
  const std::string temporary = path + ".new";
  {
    const File file(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file.get() < 0) return failed("write", temporary);
    if (!write_all(file.get(), content) || ::fsync(file.get()) != 0) {
      const auto error = failed("write", temporary);
      ::unlink(temporary.c_str());
      return error;
    }
  }
  return move_into_place(temporary, path);
}

Result<std::unique_ptr<PrivateFileWriter>> PrivateFileWriter::open(const std::string& path) {
  ::unlink((path + ".new").c_str());  // of a write that was cut short
  const int descriptor = ::open((path + ".new").c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (descriptor < 0) return failed("write", path);
  return std::unique_ptr<PrivateFileWriter>(new PrivateFileWriter(path, descriptor));
}

PrivateFileWriter::~PrivateFileWriter() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink((path_ + ".new").c_str());
}

Result<void> PrivateFileWriter::flush() {
  if (!write_all(descriptor_, buffer_)) return failed("write", path_);
  buffer_.clear();
  return {};
}

Result<void> PrivateFileWriter::write(ByteView content) {
  buffer_ += content;
  return buffer_.size() < write_buffer_bytes ? Result<void>() : flush();
}

Result<void> PrivateFileWriter::finish() {
  TERN_CHECKED(flush());
  if (::fsync(descriptor_) != 0) return failed("write", path_);
  ::close(descriptor_);
  descriptor_ = -1;
  return move_into_place(path_ + ".new", path_);
}

Result<void> append_private_lines(const std::string& path, ByteView lines) {
  const File file(path, O_RDWR | O_CREAT | O_APPEND, 0600);
  struct stat before {};
  if (file.get() < 0 || ::fstat(file.get(), &before) != 0) return failed("append to", path);
  char last = '\n';
  if (before.st_size > 0 && ::pread(file.get(), &last, 1, before.st_size - 1) != 1) return failed("append to", path);
  const Bytes content = (last == '\n' ? "" : "\n") + Bytes(lines);
  if (write_all(file.get(), content) && ::fsync(file.get()) == 0) return {};
  const auto refused = failed("append to", path);
  if (::ftruncate(file.get(), before.st_size) != 0) return refused;  // then the torn line stays, by itself
  return refused;
}

Result<void> check_output_file(const std::string& path, bool replace, std::string_view field) {
  if (path == "-")
    return fail(ErrorCode::usage, "This goes to a file: \"-\" is none.", "Name a file (./- for one of that name).",
                std::string(field));
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return failed("look at", path);
  }
  if (!S_ISREG(found.st_mode))
    return fail(ErrorCode::invalid, path + " is no regular file, so it is not written to.",
                "Name a file that is not there yet.", std::string(field));
  if (!replace)
    return fail(ErrorCode::invalid, "There is a file " + path + " already.", "Name another one, or add --replace.",
                std::string(field));
  return {};
}

Result<Bytes> read_private_file(const std::string& path, std::size_t bytes_max) {
  const File file(path, O_RDONLY);
  if (file.get() < 0) return failed("read", path);
  Bytes out;
  char block[4096];
  for (;;) {
    const ssize_t got = ::read(file.get(), block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", path);
    if (got == 0) return out;
    out.append(block, static_cast<std::size_t>(got));
    if (out.size() > bytes_max) return fail(ErrorCode::too_large, path + " is longer than it can be.");
  }
}

Result<bool> is_there(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return failed("look at", path);
}

}  // namespace tern::server
