// This program once more, as a server in a process of its own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tern/protocol/error.hpp"

namespace tern::bench {

/// What the kernel says of a process.
struct ProcessUse {
  std::uint64_t anonymous_kib = 0;  // RssAnon: what it allocated itself
  std::uint64_t threads = 0;
};

/// Runs while it lives: the end of its standard input tells the child to stop.
class ChildServer {
public:
  /// Waits until the child has printed its address.
  static Result<std::unique_ptr<ChildServer>> start(const std::string& program,
                                                    const std::vector<std::string>& arguments);
  ~ChildServer();
  ChildServer(const ChildServer&) = delete;
  ChildServer& operator=(const ChildServer&) = delete;

  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] Result<ProcessUse> use() const;

private:
  ChildServer(pid_t pid, int input) : pid_(pid), input_(input) {}

  pid_t pid_;
  int input_;
  std::string url_;
};

}  // namespace tern::bench
