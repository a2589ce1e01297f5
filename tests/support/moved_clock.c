// Preloaded into a program (LD_PRELOAD): its clocks are those of the machine, moved by what stands in the file that
// TERN_TEST_CLOCK names. A test may alter that file while the program runs. See process_clock.hpp.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Milliseconds: of all clocks that run through suspend, of the time of day alone, of the time since boot alone.
static volatile const int64_t* moved;

__attribute__((constructor)) static void find_file(void) {
  const char* path = getenv("TERN_TEST_CLOCK");
  const int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  void* page = mmap(NULL, 3 * sizeof *moved, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (page != MAP_FAILED) moved = page;
}

int clock_gettime(clockid_t clock, struct timespec* now) {
  const int failed = (int)syscall(SYS_clock_gettime, clock, now);
  if (failed != 0 || moved == NULL) return failed;
  int64_t by_ms = 0;
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) by_ms = moved[0] + moved[1];
  if (clock == CLOCK_BOOTTIME) by_ms = moved[0] + moved[2];
  const int64_t ns = now->tv_nsec + by_ms % 1000 * 1000000;
  now->tv_sec += by_ms / 1000 + (ns < 0 ? -1 : ns / 1000000000);
  now->tv_nsec = ns < 0 ? ns + 1000000000 : ns % 1000000000;
  return 0;
}
