#include "outbox/salvage_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "keys/secure_file.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::client {
namespace {

Result<void> sync_directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail(ErrorCode::storage_failed, "cannot open " + directory + ": " + std::strerror(errno));
  const bool done = ::fsync(fd) == 0;
  const std::string why = std::strerror(errno);
  ::close(fd);
  if (!done) return fail(ErrorCode::storage_failed, "cannot sync " + directory + ": " + why);
  return {};
}

/// Nothing to move is fine.
Result<void> move(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT)
    return fail(ErrorCode::storage_failed, "cannot rename " + from + ": " + std::strerror(errno));
  return {};
}

}  // namespace

SalvageFiles::SalvageFiles(const std::string& outbox_path)
    : outbox(outbox_path), unfinished(outbox_path + ".salvaging"), finished(outbox_path + ".salvaged") {}

Result<void> SalvageFiles::remove_unfinished() const {
  for (const char* suffix : {"", "-wal", "-shm"})
    if (::unlink((unfinished + suffix).c_str()) != 0 && errno != ENOENT)
      return fail(ErrorCode::storage_failed, "cannot remove " + unfinished + ": " + std::strerror(errno));
  return {};
}

Result<void> SalvageFiles::copy_lengthened() const {
  constexpr std::uintmax_t room_bytes = 64 * limits::mib;  // a hole: it takes no place on the disk
  TERN_CHECKED(remove_unfinished());
  std::error_code failed;
  std::filesystem::copy_file(outbox, unfinished, failed);
  if (!failed)
    std::filesystem::resize_file(unfinished, std::filesystem::file_size(outbox, failed) + room_bytes, failed);
  TERN_TRY(const bool no_log, holds_nothing(outbox + "-wal"));
  if (!failed && !no_log) std::filesystem::copy_file(outbox + "-wal", unfinished + "-wal", failed);
  if (failed) return fail(ErrorCode::storage_failed, "cannot copy " + outbox + ": " + failed.message());
  return {};
}

Result<void> SalvageFiles::finish() const {
  TERN_CHECKED(move(unfinished, finished));
  TERN_CHECKED(sync_directory_of(outbox));
  return remove_unfinished();
}

/// The log first: it must never stand beside the new file.
Result<std::string> SalvageFiles::put_in_place() const {
  std::string aside;
  for (int n = 1; aside.empty(); ++n) {
    const std::string name = outbox + ".damaged-" + std::to_string(n);
    TERN_TRY(const bool taken, is_there(name));
    TERN_TRY(const bool log_taken, is_there(name + "-wal"));
    if (!taken && !log_taken) aside = name;
  }
  TERN_TRY(const bool there, is_there(outbox));
  TERN_CHECKED(move(outbox + "-wal", aside + "-wal"));
  if (::unlink((outbox + "-shm").c_str()) != 0 && errno != ENOENT)
    return fail(ErrorCode::storage_failed, "cannot remove " + outbox + "-shm: " + std::strerror(errno));
  TERN_CHECKED(move(outbox, aside));
  TERN_CHECKED(sync_directory_of(outbox));
  TERN_CHECKED(move(finished, outbox));
  TERN_CHECKED(sync_directory_of(outbox));
  return there ? aside : std::string();
}

Result<bool> outbox_is_missing(const HomePaths& paths) {
  TERN_TRY(const bool no_file, holds_nothing(paths.outbox));
  TERN_TRY(const bool no_log, holds_nothing(paths.outbox + "-wal"));
  return no_file && no_log;
}

tl::unexpected<Error> no_device(const HomePaths& paths) {
  const std::string& home = paths.home;
  const auto missing = outbox_is_missing(paths);
  if (!missing) return tl::unexpected(missing.error());
  if (!*missing)
    return fail(ErrorCode::not_enrolled,
                "the keys of the device in " + home + " are lost (device.key): nothing in this home can be read",
                "put device.key back from a copy; if there is none, enrol anew in another home with a new code");
  return fail(ErrorCode::not_enrolled, "there is no device in " + home, "enrol first, or name another home");
}

}  // namespace tern::client
