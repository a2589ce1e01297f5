// Room on the disk: a ballast file that is given up when there is none, so that reads, erasure, export and revocation
// go on; and a line below which no work of devices is taken in any more.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "tern/server/server_core.hpp"

namespace tern::server {

/// What the system says; zeros where it says nothing.
DiskSpace disk_space(const std::string& directory);

/// From any thread.
class DiskGuard {
public:
  /// No ballast (0 bytes): it guards nothing. On a small disk the ballast is an eighth of it. `space` empty: as the
  /// system says.
  DiskGuard(const std::string& directory, std::uint64_t ballast_bytes,
            std::function<DiskSpace(const std::string&)> space);

  /// About once a second. `write_failed`: a write failed since because there was no room.
  void look(bool write_failed);
  /// For a write that has to go through and found no room: a ballast that lies there goes at once, also one that a
  /// server left.
  void give_up();

  /// Work of devices is refused for want of room.
  [[nodiscard]] bool is_scarce() const { return scarce_; }
  /// There is too little room for files, well before there is too little for work.
  [[nodiscard]] bool is_low() const { return scarce_ || low_; }
  [[nodiscard]] bool holds_ballast() const { return held_; }

private:
  [[nodiscard]] bool make_ballast() const;
  void drop_ballast();

  std::mutex mutex_;
  const std::string directory_, ballast_;
  const std::function<DiskSpace(const std::string&)> space_;
  const std::uint64_t ballast_bytes_;
  std::atomic<bool> scarce_{false}, low_{false}, held_{false};
};

}  // namespace tern::server
