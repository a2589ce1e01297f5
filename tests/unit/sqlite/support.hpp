// What the tests of sync/sqlite share.
#pragma once

#include <fstream>
#include <memory>
#include <string>

#include "support/files.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::sqlite::test {

using tern::test::content_of;

inline DatabaseKey key_of(std::uint8_t fill) {
  DatabaseKey key;
  key.bytes.fill(fill);
  return key;
}

inline OpenOptions at(const std::string& path) {
  OpenOptions options;
  options.path = path;
  options.busy_timeout_ms = 0;
  return options;
}

inline OpenOptions reader_at(const std::string& path) {
  OpenOptions options = at(path);
  options.role = Role::reader;
  return options;
}

/// Fails the test when the database does not open.
inline std::unique_ptr<Database> must_open(const OpenOptions& options) {
  auto opened = Database::open(options);
  if (!opened) throw std::runtime_error(opened.error().message);
  return std::move(*opened);
}

inline void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace tern::sqlite::test
