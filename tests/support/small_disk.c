// Preloaded into a program (LD_PRELOAD): the folder that TERN_TEST_DISK names is a small disk, without privileges and
// without the disk. The file TERN_TEST_DISK.bytes says how many bytes it has, and how many of them somebody else has
// taken. What would make a file longer than the rest allows fails with ENOSPC; what stands there can be written over.
// See small_disk.hpp.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { block = 4096 };

static const char* folder;
static size_t folder_length;

__attribute__((constructor)) static void find_folder(void) {
  folder = getenv("TERN_TEST_DISK");
  folder_length = folder == NULL ? 0 : strlen(folder);
}

static off_t in_blocks(off_t bytes) {
  return (bytes + block - 1) / block * block;
}

static off_t used_below(const char* path) {
  DIR* open_folder = opendir(path);
  if (open_folder == NULL) return 0;
  off_t used = 0;
  for (struct dirent* entry; (entry = readdir(open_folder)) != NULL;) {
    char name[PATH_MAX];
    struct stat about;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    if (lstat(name, &about) != 0) continue;
    if (S_ISDIR(about.st_mode)) used += used_below(name);
    if (S_ISREG(about.st_mode)) used += in_blocks(about.st_size);
  }
  closedir(open_folder);
  return used;
}

struct disk {
  off_t bytes, free;
};

static struct disk look(void) {
  char name[PATH_MAX];
  snprintf(name, sizeof name, "%s.bytes", folder);
  FILE* file = fopen(name, "re");
  long long bytes = 0, taken = 0;
  if (file == NULL || fscanf(file, "%lld %lld", &bytes, &taken) != 2) abort();  // there is always one
  fclose(file);
  const off_t free = (off_t)(bytes - taken) - used_below(folder);
  return (struct disk){(off_t)bytes, free < 0 ? 0 : free};
}

static int is_below(const char* path) {
  return folder != NULL && strncmp(path, folder, folder_length) == 0 &&
         (path[folder_length] == '/' || path[folder_length] == '\0');
}

/// Whether this file may come to reach that far.
static int has_room(int file, off_t end) {
  const int before = errno;
  char link[64], path[PATH_MAX];
  struct stat about;
  if (folder_length == 0 || fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) return errno = before, 1;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  path[length < 0 ? 0 : length] = '\0';
  const off_t more = in_blocks(end) - in_blocks(about.st_size);
  const int fits = more <= 0 || !is_below(path) || more <= look().free;
  errno = fits ? before : ENOSPC;
  return fits;
}

static off_t place_of(int file) {
  struct stat about;
  if ((fcntl(file, F_GETFL) & O_APPEND) != 0) return fstat(file, &about) == 0 ? about.st_size : 0;
  const off_t place = lseek(file, 0, SEEK_CUR);
  return place < 0 ? 0 : place;
}

ssize_t write(int file, const void* bytes, size_t count) {
  const int before = errno;
  const off_t end = place_of(file) + (off_t)count;  // of what is no file: fails, and does not matter
  errno = before;
  return has_room(file, end) ? syscall(SYS_write, file, bytes, count) : -1;
}

ssize_t writev(int file, const struct iovec* parts, int count) {
  const int before = errno;
  off_t end = place_of(file);
  errno = before;
  for (int i = 0; i < count; ++i) end += (off_t)parts[i].iov_len;
  return has_room(file, end) ? syscall(SYS_writev, file, parts, count) : -1;
}

ssize_t pwrite(int file, const void* bytes, size_t count, off_t at) {
  return has_room(file, at + (off_t)count) ? syscall(SYS_pwrite64, file, bytes, count, at) : -1;
}

ssize_t pwrite64(int file, const void* bytes, size_t count, off64_t at) {
  return pwrite(file, bytes, count, at);
}

int ftruncate(int file, off_t bytes) {
  return has_room(file, bytes) ? (int)syscall(SYS_ftruncate, file, bytes) : -1;
}

int ftruncate64(int file, off64_t bytes) {
  return ftruncate(file, bytes);
}

int posix_fallocate(int file, off_t from, off_t bytes) {
  const int before = errno;
  if (!has_room(file, from + bytes)) return errno = before, ENOSPC;
  const int failed = (int)syscall(SYS_fallocate, file, 0, from, bytes);
  const int why = errno;
  errno = before;
  return failed == 0 ? 0 : why;
}

int posix_fallocate64(int file, off64_t from, off64_t bytes) {
  return posix_fallocate(file, from, bytes);
}

int statvfs(const char* path, struct statvfs* found) {
  int (*machine)(const char*, struct statvfs*) = (int (*)(const char*, struct statvfs*))dlsym(RTLD_NEXT, "statvfs");
  const int failed = machine(path, found);
  if (failed != 0 || !is_below(path)) return failed;
  const struct disk disk = look();
  found->f_bsize = found->f_frsize = block;
  found->f_blocks = (fsblkcnt_t)(disk.bytes / block);
  found->f_bfree = found->f_bavail = (fsblkcnt_t)(disk.free / block);
  return 0;
}
