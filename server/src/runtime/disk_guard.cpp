#include "runtime/disk_guard.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

namespace tern::server {
namespace {

constexpr std::uint64_t reserve_share = 50;                                // a fiftieth of the disk,
constexpr std::uint64_t reserve_bytes_max = 1024ULL * 1024 * 1024;         // and of a large one no more than this
constexpr std::uint64_t files_share = 10;                                  // a tenth of the disk is not for files,
constexpr std::uint64_t files_reserve_bytes_max = 10 * reserve_bytes_max;  // and of a large one no more than this
constexpr std::uint64_t ballast_share = 8;                                 // an eighth of the disk at most is ballast
constexpr std::uint64_t nothing_left_bytes = 4ULL * 1024 * 1024;

bool has_size(const std::string& path, std::uint64_t bytes) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 && static_cast<std::uint64_t>(found.st_size) == bytes;
}

/// What a disk of this size can spare. Where the system says nothing, all that was wanted.
std::uint64_t affordable(std::uint64_t wanted_bytes, const DiskSpace& space) {
  return space.total_bytes == 0 ? wanted_bytes : std::min(wanted_bytes, space.total_bytes / ballast_share);
}

}  // namespace

DiskSpace disk_space(const std::string& directory) {
  struct statvfs found {};
  if (::statvfs(directory.c_str(), &found) != 0) return {};
  const std::uint64_t unit = found.f_frsize;
  return {unit * found.f_blocks, unit * found.f_bavail};
}

DiskGuard::DiskGuard(const std::string& directory, std::uint64_t ballast_bytes,
                     std::function<DiskSpace(const std::string&)> space)
    : directory_(directory),
      ballast_(directory + "/ballast"),
      space_(space ? std::move(space) : disk_space),
      ballast_bytes_(affordable(ballast_bytes, space_(directory))),
      held_(ballast_bytes_ != 0 && has_size(ballast_, ballast_bytes_)) {
  if (ballast_bytes_ != 0 && !held_) drop_ballast();  // one of another size: the disk is not what it was
}

/// Its blocks are taken, not only its size.
bool DiskGuard::make_ballast() const {
  const int file = ::open(ballast_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const bool made = ::ftruncate(file, 0) == 0 && ::posix_fallocate(file, 0, static_cast<off_t>(ballast_bytes_)) == 0;
  ::close(file);
  if (!made) ::unlink(ballast_.c_str());
  return made;
}

void DiskGuard::drop_ballast() {
  ::unlink(ballast_.c_str());
  held_ = false;
}

void DiskGuard::give_up() {
  const std::lock_guard guard(mutex_);
  drop_ballast();
  scarce_ = ballast_bytes_ != 0;
}

void DiskGuard::look(bool write_failed) {
  if (ballast_bytes_ == 0) return;
  const std::lock_guard guard(mutex_);
  const DiskSpace space = space_(directory_);
  if (space.total_bytes == 0) return;
  low_ = space.free_bytes < std::min(space.total_bytes / files_share, files_reserve_bytes_max);
  if (write_failed || space.free_bytes < nothing_left_bytes) {
    drop_ballast();
    scarce_ = true;
    return;
  }
  const std::uint64_t reserve = std::min(space.total_bytes / reserve_share, reserve_bytes_max);
  if (!held_ && space.free_bytes >= reserve + 2 * ballast_bytes_) held_ = make_ballast();
  if (space.free_bytes < reserve) scarce_ = true;
  // Work is taken in again only once there is something to give up again.
  if (held_ && space.free_bytes >= reserve) scarce_ = false;
}

}  // namespace tern::server
