// What lies in files, for tests that look at them from outside.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace tern::test {

/// All of it; nothing where there is no such file.
inline std::string content_of(const std::filesystem::path& path) {
  std::error_code none;
  const std::uintmax_t size = std::filesystem::file_size(path, none);
  std::string content(none ? 0 : static_cast<std::size_t>(size), '\0');
  std::ifstream in(path, std::ios::binary);
  in.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<std::size_t>(in.gcount()));
  return content;
}

inline bool file_holds(const std::filesystem::path& path, std::string_view bytes) {
  return content_of(path).find(bytes) != std::string::npos;
}

/// The files of a folder and of those in it that hold these bytes.
inline std::vector<std::string> files_holding(const std::filesystem::path& folder, std::string_view bytes) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && file_holds(entry.path(), bytes)) found.push_back(entry.path().string());
  return found;
}

}  // namespace tern::test
