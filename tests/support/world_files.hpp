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

/// The files as they are at this moment, whoever has them open: what a power cut leaves, or what somebody copies by
/// hand. SQLite makes its -shm files anew. `to` is replaced.
void copy_files(const std::string& from, const std::string& to);

}  // namespace tern::test
