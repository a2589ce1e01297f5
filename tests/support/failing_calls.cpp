#include "support/failing_calls.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <utility>

namespace tern::test {
namespace {

thread_local CallFault* met_by_calls = nullptr;

bool call_fails(bool may_be_interrupted = false) {
  CallFault* fault = met_by_calls;
  if (fault == nullptr || fault->fails_in == 0) return false;
  if (fault->error == EINTR && !may_be_interrupted) return false;
  if (--fault->fails_in != 0) return false;
  ++fault->failed;
  errno = fault->error;
  return true;
}

}  // namespace

CallFault* meet_calls(CallFault* fault) {
  return std::exchange(met_by_calls, fault);
}

}  // namespace tern::test

// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names
extern "C" {

int __real_open(const char*, int, ...);
int __wrap_open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, unsigned) : 0;
  va_end(more);
  return tern::test::call_fails() ? -1 : __real_open(path, flags, mode);
}

ssize_t __real_read(int, void*, size_t);
ssize_t __wrap_read(int file, void* into, size_t size) {
  return tern::test::call_fails(true) ? -1 : __real_read(file, into, size);
}

ssize_t __real_write(int, const void*, size_t);
ssize_t __wrap_write(int file, const void* from, size_t size) {
  return tern::test::call_fails(true) ? -1 : __real_write(file, from, size);
}

int __real_fsync(int);
int __wrap_fsync(int file) {
  return tern::test::call_fails() ? -1 : __real_fsync(file);
}

int __real_stat(const char*, struct stat*);
int __wrap_stat(const char* path, struct stat* into) {
  return tern::test::call_fails() ? -1 : __real_stat(path, into);
}

int __real_lstat(const char*, struct stat*);
int __wrap_lstat(const char* path, struct stat* into) {
  return tern::test::call_fails() ? -1 : __real_lstat(path, into);
}

int __real_fstat(int, struct stat*);
int __wrap_fstat(int file, struct stat* into) {
  return tern::test::call_fails() ? -1 : __real_fstat(file, into);
}

int __real_mkdir(const char*, mode_t);
int __wrap_mkdir(const char* path, mode_t mode) {
  return tern::test::call_fails() ? -1 : __real_mkdir(path, mode);
}

int __real_rename(const char*, const char*);
int __wrap_rename(const char* from, const char* to) {
  return tern::test::call_fails() ? -1 : __real_rename(from, to);
}

int __real_unlink(const char*);
int __wrap_unlink(const char* path) {
  return tern::test::call_fails() ? -1 : __real_unlink(path);
}

int __real_chmod(const char*, mode_t);
int __wrap_chmod(const char* path, mode_t mode) {
  return tern::test::call_fails() ? -1 : __real_chmod(path, mode);
}

int __real_fchmod(int, mode_t);
int __wrap_fchmod(int file, mode_t mode) {
  return tern::test::call_fails() ? -1 : __real_fchmod(file, mode);
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier)
