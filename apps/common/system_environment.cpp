#include "system_environment.hpp"

#include <sys/random.h>
#include <time.h>

#include <cerrno>
#include <fstream>
#include <string>

#include "tern/protocol/error.hpp"

namespace tern::apps {
namespace {

std::int64_t read_ms(clockid_t clock) {
  timespec now{};
  check(::clock_gettime(clock, &now) == 0, "clock_gettime");
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

SystemEnvironment::SystemEnvironment() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string text;
  if (in >> text)
    if (const auto raw = from_uuid_text(text)) boot_id_ = BootId::or_zero(*raw);
}

std::int64_t SystemEnvironment::wall_ms() {
  return read_ms(CLOCK_REALTIME);
}
std::int64_t SystemEnvironment::boot_ms() {
  return read_ms(CLOCK_BOOTTIME);
}

void SystemEnvironment::random(void* into, std::size_t size_bytes) {
  auto* out = static_cast<char*>(into);
  while (size_bytes > 0) {
    const ssize_t got = ::getrandom(out, size_bytes, 0);
    if (got < 0 && errno == EINTR) continue;
    check(got > 0, "getrandom");
    out += got;
    size_bytes -= static_cast<std::size_t>(got);
  }
}

}  // namespace tern::apps
