// The little of tar (ustar) that a backup is: plain files one behind the other, readable by any tar once it is
// decrypted.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "access/private_file.hpp"
#include "tern/protocol/sealed_stream.hpp"

namespace tern::server::admin {

inline constexpr std::size_t tar_block_bytes = 512;

/// One file to be written: from memory, or from `source_path`.
struct TarFile {
  std::string path;         // in the archive, at most 99 bytes
  std::string source_path;  // empty: `content`
  Bytes content;
  std::uint64_t size_bytes = 0;
};

/// The archive as a stream to be pulled. A file that grew or shrank meanwhile is `storage_failed`.
protocol::StreamSource tar_source(std::vector<TarFile> files);

/// Takes an archive in pieces and hands out what is in it. Bounded: nothing is kept but one header.
class TarReader {
public:
  /// `begin` gives where the content of a file goes; an error refuses the archive. `end` comes behind each whole file.
  struct Files {
    std::function<Result<void>(const std::string& path, std::uint64_t size_bytes)> begin;
    protocol::StreamSink content;
    std::function<Result<void>()> end;
  };
  explicit TarReader(Files files) : files_(std::move(files)) {}

  Result<void> write(ByteView piece);
  /// `corrupt` when the archive is cut.
  Result<void> finish() const;

private:
  Result<void> take_header();

  Files files_;
  Bytes header_;
  std::uint64_t content_left_ = 0, padding_left_ = 0;
  bool in_file_ = false, ended_ = false;
};

}  // namespace tern::server::admin
