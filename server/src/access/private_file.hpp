// Files that only the server's own user may read, written whole or not at all.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::server {

/// mkdir 0700; an existing directory must be ours and closed to others: `not_permitted` says what to do.
Result<void> make_private_directory(const std::string& path);
/// `not_permitted` when somebody else owns it or others can write it.
Result<void> check_private_directory(const std::string& path);
/// 0600, through a temporary file, synced with its directory.
Result<void> write_private_file(const std::string& path, ByteView content);
/// Adds lines to the end of a 0600 file, synced; behind a last line that was cut short they begin anew. When it fails
/// the file is as it was.
Result<void> append_private_lines(const std::string& path, ByteView lines);
/// For a file that somebody names to be written: `invalid` when something other than a regular file is there, or one
/// without `replace`. `field`: the argument that named it.
Result<void> check_output_file(const std::string& path, bool replace, std::string_view field);
/// `not_found`, `storage_failed`, `too_large` above `bytes_max`.
Result<Bytes> read_private_file(const std::string& path, std::size_t bytes_max);
/// A private file of any length, written beside its place and moved there once it is whole.
class PrivateFileWriter {
public:
  static Result<std::unique_ptr<PrivateFileWriter>> open(const std::string& path);
  /// Nothing is left behind unless `finish` came.
  ~PrivateFileWriter();
  PrivateFileWriter(const PrivateFileWriter&) = delete;
  PrivateFileWriter& operator=(const PrivateFileWriter&) = delete;

  Result<void> write(ByteView content);
  /// Synced, renamed, and its directory synced.
  Result<void> finish();

private:
  PrivateFileWriter(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  Result<void> flush();

  std::string path_;
  int descriptor_;
  Bytes buffer_;
};

/// Whether something has that name. `not_permitted`, `storage_failed`: nobody knows, and nothing may be made of it.
Result<bool> is_there(const std::string& path);

}  // namespace tern::server
