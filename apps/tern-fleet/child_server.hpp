// A server in a process of its own, as programs that put load on it need one.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tern/protocol/error.hpp"

namespace tern::fleet {

/// What the kernel says of a process.
struct ProcessUse {
  std::uint64_t anonymous_kib = 0;  // RssAnon: what it allocated itself
  std::uint64_t resident_kib = 0;   // VmRSS: with what it shares
  std::uint64_t threads = 0;
};

/// How it is told to stop, beside the end of its standard input.
enum class StopBy : std::uint8_t { end_of_input, sigterm };

/// Runs while it lives, and no longer than this process.
class ChildServer {
public:
  /// Waits until the child has printed a line, which says where it is. Call before other threads are started.
  static Result<std::unique_ptr<ChildServer>> start(const std::string& program,
                                                    const std::vector<std::string>& arguments,
                                                    StopBy stop_by = StopBy::end_of_input);
  ~ChildServer();
  ChildServer(const ChildServer&) = delete;
  ChildServer& operator=(const ChildServer&) = delete;

  [[nodiscard]] const std::string& first_line() const { return first_line_; }
  [[nodiscard]] Result<ProcessUse> use() const;

private:
  ChildServer(pid_t pid, int input, StopBy stop_by) : pid_(pid), input_(input), stop_by_(stop_by) {}

  pid_t pid_;
  int input_, output_ = -1;
  StopBy stop_by_;
  std::string first_line_;
};

}  // namespace tern::fleet
