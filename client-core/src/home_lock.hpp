// One process at a time in a home.
#pragma once

#include <memory>
#include <string>

#include "tern/protocol/error.hpp"

namespace tern::client {

/// Holds the lock file while it lives; the system lets go of it when the process dies.
class HomeLock {
public:
  /// `busy` when another process holds it; `storage_failed`.
  static Result<std::unique_ptr<HomeLock>> take(const std::string& path);
  ~HomeLock();
  HomeLock(const HomeLock&) = delete;
  HomeLock& operator=(const HomeLock&) = delete;

private:
  explicit HomeLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace tern::client
