#include "keys/secure_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tern/protocol/limits.hpp"

namespace tern::client {
namespace {

class FileHandle {
public:
  explicit FileHandle(int fd) : fd_(fd) {}
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
  ~FileHandle() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] bool ok() const { return fd_ >= 0; }
  [[nodiscard]] int get() const { return fd_; }

private:
  int fd_;
};

tl::unexpected<Error> failed(const std::string& doing, const std::string& path) {
  const bool full = errno == ENOSPC || errno == EDQUOT;
  std::string message = doing;
  message.append(" ").append(path).append(": ").append(std::strerror(errno));
  return fail(full ? ErrorCode::storage_full : ErrorCode::storage_failed, std::move(message));
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> write_all(int fd, ByteView content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failed("cannot write", path);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> sync_directory(const std::string& path) {
  const FileHandle directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.ok() || ::fsync(directory.get()) != 0) return failed("cannot sync", path);
  return {};
}

}  // namespace

Result<void> make_private_directory(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) {
    if (!S_ISDIR(info.st_mode)) return fail(ErrorCode::storage_failed, path + " is no directory");
    if ((info.st_mode & 077) != 0 && ::chmod(path.c_str(), 0700) != 0) return failed("cannot close to others", path);
    return {};
  }
  const std::string parent = parent_of(path);
  if (parent != path && ::stat(parent.c_str(), &info) != 0) TERN_CHECKED(make_private_directory(parent));
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return failed("cannot make", path);
  return sync_directory(parent);
}

namespace {

/// Of a look at a path that failed: false when nothing has that name.
Result<bool> not_there(const std::string& path) {
  if (errno == ENOENT || errno == ENOTDIR) return false;
  if (errno == EACCES || errno == EPERM)
    return fail(ErrorCode::not_permitted, "this user may not look into " + parent_of(path), "run as its owner", "home");
  return failed("cannot look at", path);
}

}  // namespace

Result<bool> is_there(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 ? Result<bool>(true) : not_there(path);
}

Result<bool> holds_nothing(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) return info.st_size == 0;
  TERN_TRY(const bool there, not_there(path));
  return !there;
}

Result<void> make_private_file(const std::string& path) {
  const FileHandle file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.ok()) return sync_directory(parent_of(path));
  if (errno == EEXIST) return {};
  return failed("cannot make", path);
}

namespace {

Result<Bytes> read_file(const std::string& path, std::size_t bytes_max, bool ours) {
  const FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | (ours ? O_NOFOLLOW : 0)));
  if (!file.ok()) {
    if (errno == ENOENT) return fail(ErrorCode::not_found, "there is no " + path);
    return failed("cannot open", path);
  }
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return failed("cannot read", path);
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::storage_failed, path + " is no regular file");
  if (ours && (info.st_mode & 077) != 0 && ::fchmod(file.get(), 0600) != 0)
    return failed("cannot close to others", path);
  if (static_cast<std::size_t>(info.st_size) > bytes_max) {
    return fail(ErrorCode::too_large, path + " is larger than it can be");
  }
  Bytes out(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t have = 0;
  while (have < out.size()) {
    const ssize_t got = ::read(file.get(), out.data() + have, out.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("cannot read", path);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  out.resize(have);
  return out;
}

}  // namespace

Result<void> close_to_others(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) || (info.st_mode & 077) == 0) return {};
  if (::chmod(path.c_str(), 0600) != 0) return failed("cannot close to others", path);
  return {};
}

Result<Bytes> read_private_file(const std::string& path, std::size_t bytes_max) {
  return read_file(path, bytes_max, true);
}

Result<Bytes> read_foreign_file(const std::string& path, std::size_t bytes_max) {
  return read_file(path, bytes_max, false);
}

Result<void> write_private_file(const std::string& path, ByteView content) {
  const std::string temporary = path + ".new";
  ::unlink(temporary.c_str());
  {
    const FileHandle file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.ok()) return failed("cannot make", temporary);
    auto written = write_all(file.get(), content, temporary);
    if (written && ::fsync(file.get()) != 0) written = failed("cannot sync", temporary);
    if (!written) {
      ::unlink(temporary.c_str());
      return written;
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const auto error = failed("cannot replace", path);
    ::unlink(temporary.c_str());
    return error;
  }
  return sync_directory(parent_of(path));
}

Result<void> shred_file(const std::string& path) {
  {
    const FileHandle file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file.ok() && errno == ENOENT) return {};
    struct stat info {};
    if (file.ok() && ::fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode)) {
      const Bytes zeros(64 * limits::kib, '\0');
      auto left = static_cast<std::size_t>(info.st_size);
      while (left > 0) {
        const std::size_t piece = std::min(left, zeros.size());
        TERN_CHECKED(write_all(file.get(), ByteView(zeros).substr(0, piece), path));
        left -= piece;
      }
      if (::fsync(file.get()) != 0) return failed("cannot sync", path);
    }
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed("cannot remove", path);
  return sync_directory(parent_of(path));
}

}  // namespace tern::client
