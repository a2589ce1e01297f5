// Where the body of a request goes while it arrives.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"
#include "tern/protocol/scratch_cipher.hpp"
#include "tern/server/http.hpp"

namespace tern::server::edge {

/// Collects a body: in memory up to a bound, then in a file that has no name and vanishes with its last owner;
/// what is in it only this process can read.
class BodySink {
public:
  /// `directory` empty: the system's place for temporary files.
  BodySink(std::size_t in_memory_bytes_max, const std::string& directory)
      : in_memory_bytes_max_(in_memory_bytes_max), directory_(&directory) {}
  ~BodySink();
  BodySink(const BodySink&) = delete;
  BodySink& operator=(const BodySink&) = delete;

  /// Error: `storage_full`, `storage_failed`.
  Result<void> append(std::string_view bytes);
  [[nodiscard]] std::uint64_t size() const { return size_; }
  RequestBody take();

private:
  Result<void> open_file();
  Result<void> write_out(std::string_view bytes);

  std::size_t in_memory_bytes_max_;
  const std::string* directory_;
  Bytes memory_;
  int file_ = -1;
  std::uint64_t written_ = 0;
  std::shared_ptr<const protocol::ScratchCipher> cipher_;  // of the file
  std::uint64_t size_ = 0;
};

}  // namespace tern::server::edge
