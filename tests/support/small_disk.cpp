#include "support/small_disk.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "support/catch.hpp"
#include "support/process.hpp"

namespace tern::test {
namespace {

constexpr const char* inside_variable = "TERN_TEST_INSIDE_NAMESPACE";
constexpr const char* unshare_program = "/usr/bin/unshare";
constexpr std::uintmax_t disk_block_bytes = 4096;

bool is_wished(std::string_view way) {
  const char* wished = std::getenv("TERN_TEST_SMALL_DISK");
  return wished != nullptr && way == wished;
}

bool is_inside() {
  return std::getenv(inside_variable) != nullptr;
}

/// Every system has its own reasons to refuse, and the mount in there is what counts.
bool has_namespaces() {
  static const bool has = std::filesystem::exists(unshare_program) &&
                          run({{unshare_program, "-rm", "/bin/mount", "-t", "tmpfs", "tmpfs", "/mnt"}}).exit_code == 0;
  return has && !is_wished("preloaded");
}

void say_how(const std::string& how) {
  std::printf("small disk: %s\n", how.c_str());
}

std::uintmax_t used_below(const std::string& path) {
  std::uintmax_t used = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
    if (entry.is_regular_file())
      used += (entry.file_size() + disk_block_bytes - 1) / disk_block_bytes * disk_block_bytes;
  return used;
}

}  // namespace

SmallDisk::SmallDisk(const std::string& path, int mib) : path_(path), bytes_(static_cast<std::uintmax_t>(mib) << 20) {
  std::filesystem::create_directory(path_);
  const std::string size = "size=" + std::to_string(bytes_);
  const bool may = is_inside() || !(is_wished("namespaces") || is_wished("preloaded"));
  mounted_ = may && ::mount("tmpfs", path_.c_str(), "tmpfs", 0, size.c_str()) == 0;
  if (mounted_ && !is_inside()) say_how("a tmpfs by mount");
  if (!mounted_) take(0);
}

SmallDisk::~SmallDisk() {
  if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
}

bool SmallDisk::was_elsewhere(const std::string& test) const {
  if (mounted_) return false;
  REQUIRE_FALSE(is_inside());
  if (!has_namespaces()) {
    say_how("kept inside the programs, by what is preloaded into them");
    return false;
  }
  say_how("a tmpfs in namespaces of its own");
  const auto self = std::filesystem::read_symlink("/proc/self/exe").string();
  const Ended ended = run({{unshare_program, "-rm", self, test}, {{inside_variable, "1"}}}, 120'000);
  INFO(ended.out);
  CHECK(ended.exit_code == 0);
  return true;
}

std::map<std::string, std::string> SmallDisk::environment() const {
  if (mounted_) return {};
  return {{"LD_PRELOAD", program("small_disk.so")},
          {"TERN_TEST_DISK", path_},
          {"ASAN_OPTIONS", "verify_asan_link_order=0"}};
}

void SmallDisk::take(std::uintmax_t bytes) const {
  // In one step: programs look at it at any time.
  const std::string named = path_ + ".bytes";
  std::ofstream(named + "~") << bytes_ << " " << bytes << "\n";
  std::filesystem::rename(named + "~", named);
}

void SmallDisk::fill() const {
  if (!mounted_) return take(bytes_ - std::min(bytes_, used_below(path_)));
  // All at once: who sees little room left may give up what it keeps for that, and that is not to be filled, too.
  const int filler = ::open(file("filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(filler >= 0);
  for (int failed = ENOSPC; failed == ENOSPC;) {
    struct statvfs room {};
    struct stat taken {};
    REQUIRE(::fstatvfs(filler, &room) == 0);
    REQUIRE(::fstat(filler, &taken) == 0);
    const auto free = static_cast<off_t>(room.f_bavail * room.f_frsize);
    failed = free == 0 ? 0 : ::posix_fallocate(filler, taken.st_size, free);
    CHECK((failed == 0 || failed == ENOSPC));  // others may be quicker
  }
  ::close(filler);
}

void SmallDisk::make_room() const {
  mounted_ ? static_cast<void>(std::filesystem::remove(file("filler"))) : take(0);
}

}  // namespace tern::test
