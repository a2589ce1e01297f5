// A disk of few bytes for real programs, on every machine.
//
// It is a tmpfs where a test may mount one, else a tmpfs in namespaces of its own (`unshare -rm`), else a folder whose
// bounds are kept inside the programs, by what is preloaded into them (small_disk.c). Which it was is printed.
// TERN_TEST_SMALL_DISK=namespaces or =preloaded takes that way at once.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace tern::test {

class SmallDisk {
public:
  /// In `path`, which is made.
  SmallDisk(const std::string& path, int mib);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  /// True when the test of this name (it may end in *) has run in namespaces, where there is such a disk: it is over
  /// here.
  [[nodiscard]] bool was_elsewhere(const std::string& test) const;
  /// What every program that uses the disk is started with.
  [[nodiscard]] std::map<std::string, std::string> environment() const;

  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  /// Not a byte more goes onto it. Again, when something was deleted.
  void fill() const;
  void make_room() const;

private:
  /// So many bytes are somebody else's, where nothing is mounted.
  void take(std::uintmax_t bytes) const;

  std::string path_;
  std::uintmax_t bytes_;
  bool mounted_ = false;
};

}  // namespace tern::test
