#include "home_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tern::client {

Result<std::unique_ptr<HomeLock>> HomeLock::take(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0 && (errno == EACCES || errno == EPERM || errno == EROFS))
    return fail(ErrorCode::not_permitted,
                "this home cannot be written (" + path + ": " + std::strerror(errno) + "); nothing was saved",
                "run this as its owner, or in a copy of it", "home");
  if (fd < 0) return fail(ErrorCode::storage_failed, "cannot open " + path + ": " + std::strerror(errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const bool held = errno == EWOULDBLOCK;
    const std::string why = std::strerror(errno);
    ::close(fd);
    if (held) return fail(ErrorCode::busy, "another program uses this home right now", "try again in a moment");
    return fail(ErrorCode::storage_failed, "cannot lock " + path + ": " + why);
  }
  return std::unique_ptr<HomeLock>(new HomeLock(fd));
}

HomeLock::~HomeLock() {
  ::close(fd_);
}

}  // namespace tern::client
