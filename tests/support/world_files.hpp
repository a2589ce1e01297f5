// The folders of a world: real files, in memory where the system has a place for it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace tern::test {

/// Deleted with all it holds at the end of the scope. What a disk does with fsync is the business of the process tests.
class WorldFolder {
public:
  WorldFolder() {
    const char* wished = std::getenv("TMPDIR");
    std::error_code none;
    std::filesystem::path base = "/dev/shm";
    if (wished != nullptr || !std::filesystem::is_directory(base, none)) base = std::filesystem::temp_directory_path();
    std::string pattern = (base / "tern-world-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~WorldFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  WorldFolder(const WorldFolder&) = delete;
  WorldFolder& operator=(const WorldFolder&) = delete;

  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

private:
  std::string path_;
};

/// Where a world's SQLite files lie when they are no real files. A root is the folder of one machine.
class WorldDisk {
public:
  virtual ~WorldDisk() = default;
  /// Name of the SQLite VFS under which its files are opened.
  [[nodiscard]] virtual const std::string& vfs() const = 0;
  virtual void add_machine(const std::string& root) = 0;
  /// What is seen below `from` at this moment replaces what is below `to`.
  virtual void copy(const std::string& from, const std::string& to) = 0;
  virtual void remove(const std::string& path) = 0;
  virtual void damage(const std::string& path) = 0;
  /// From here on nothing reaches this machine's files; with the power comes back what they kept.
  virtual void cut_power(const std::string& root) = 0;
  virtual void restore_power(const std::string& root) = 0;
  [[nodiscard]] virtual bool has_power(const std::string& root) const = 0;
  /// While on: whoever reads meets no faults and counts for none.
  virtual void look_without_faults(bool on) = 0;
  /// From here on it is this machine that runs; empty: nobody. Gives the one before.
  virtual std::string runs(const std::string& root) = 0;
};

/// What a machine does while this lives it does itself: it meets what is wrong with that machine.
class Running {
public:
  Running(WorldDisk* disk, const std::string& root) : disk_(disk) {
    if (disk_ != nullptr) before_ = disk_->runs(root);
  }
  ~Running() {
    if (disk_ != nullptr) disk_->runs(before_);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

private:
  WorldDisk* disk_;
  std::string before_;
};

/// Somebody from outside the world looks at its files.
class LookingOn {
public:
  explicit LookingOn(WorldDisk* disk) : disk_(disk) {
    if (disk_ != nullptr) disk_->look_without_faults(true);
  }
  ~LookingOn() {
    if (disk_ != nullptr) disk_->look_without_faults(false);
  }
  LookingOn(const LookingOn&) = delete;
  LookingOn& operator=(const LookingOn&) = delete;

private:
  WorldDisk* disk_;
};

/// The files as they are at this moment, whoever has them open: what a power cut leaves, or what somebody copies by
/// hand. SQLite makes its -shm files anew. `to` is replaced.
void copy_files(const std::string& from, const std::string& to);

}  // namespace tern::test
