#include "edge/loop_inbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

namespace tern::server::edge {
namespace {

void drop(const Command& command) {
  if (const auto* adopt = std::get_if<Adopt>(&command)) ::close(adopt->descriptor);
}

}  // namespace

LoopInbox::LoopInbox() : descriptor_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

LoopInbox::~LoopInbox() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool LoopInbox::post(Command command) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) {
      drop(command);
      return false;
    }
    first = commands_.empty();
    commands_.push_back(std::move(command));
  }
  if (first) {
    const std::uint64_t one = 1;
    // The counter cannot overflow: one wake per emptying.
    [[maybe_unused]] const ssize_t written = ::write(descriptor_, &one, sizeof one);
  }
  return true;
}

bool LoopInbox::is_closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

std::vector<Command> LoopInbox::take() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(descriptor_, &count, sizeof count);
  const std::lock_guard lock(mutex_);
  return std::exchange(commands_, {});
}

void LoopInbox::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (const Command& command : commands_) drop(command);
  commands_.clear();
}

}  // namespace tern::server::edge
