#include "runtime/together.hpp"

#include <algorithm>
#include <atomic>
#include <latch>
#include <memory>
#include <thread>

namespace tern::server {
namespace {

/// Lives until the last helper has looked at it, which may be long after the work was done.
struct Shared {
  Shared(std::size_t parts, std::function<void(std::size_t)> work)
      : count(parts), part(std::move(work)), left(static_cast<std::ptrdiff_t>(parts)) {}

  void help() {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        part(i);
      } catch (...) {
      }
      left.count_down();
    }
  }

  const std::size_t count;
  const std::function<void(std::size_t)> part;
  std::atomic<std::size_t> next{0};
  std::latch left;
};

}  // namespace

void work_together(std::size_t count, std::size_t helpers, const RunElsewhere& elsewhere,
                   std::function<void(std::size_t)> part) {
  static const std::size_t processors = std::max(std::thread::hardware_concurrency(), 1U);
  helpers = std::min(helpers, processors - 1);
  const auto shared = std::make_shared<Shared>(count, std::move(part));
  try {
    for (std::size_t i = 0; i < helpers && elsewhere; ++i) elsewhere([shared] { shared->help(); });
  } catch (...) {  // no memory for a task: fewer help
  }
  shared->help();
  shared->left.wait();
}

}  // namespace tern::server
