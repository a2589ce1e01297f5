// Content of attachments on this device, as pieces in a database of its own: one for what was attached here and has to
// reach the server, durable like the outbox; one for what was fetched, which can be fetched again. Why two files and
// not more tables: docs/decisions/files-on-a-device.md
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tern/protocol/crypto.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/change.hpp"

namespace tern::client {

struct ShelfOptions {
  std::string path;
  protocol::SecretKey key;
  std::string vfs;
  sqlite::Role role = sqlite::Role::writer;
  sqlite::Synchronous synchronous = sqlite::Synchronous::full;
  bool can_be_fetched_again = false;  // damaged, it is made anew
};

struct ShelvedFile {
  std::int64_t id = 0;
  sync::ChangeRef change;
  TicketId ticket;
  Hash sha256;
  std::uint64_t size_bytes = 0, have_bytes = 0;
  EpochId sent_in;  // zero: the server has not said that it has all of it
  bool asked = false;
  std::uint32_t failures = 0;
  std::string problem;

  [[nodiscard]] bool whole() const { return have_bytes == size_bytes && !sha256.is_zero(); }
};

/// The file is made with the first content and goes with the last one. Thread: its owner's. Errors: those of
/// sqlite::Database.
class FileShelf {
public:
  explicit FileShelf(ShelfOptions options) : options_(std::move(options)) {}

  Result<std::optional<ShelvedFile>> find(const sync::ChangeRef& change);
  Result<std::vector<ShelvedFile>> all();
  /// Whole, and not known to be at the server in this epoch.
  Result<std::vector<ShelvedFile>> unsent(const EpochId& epoch);
  struct Waiting {
    std::uint64_t files = 0, bytes = 0, stuck = 0;
  };
  /// How many are unsent; `stuck`: those with a problem, which are not among them.
  Result<Waiting> waiting(const EpochId& epoch);

  /// A content without pieces; what was there for this change goes. `sha256` zero: `finish` says it.
  Result<std::int64_t> begin(const sync::ChangeRef& change, const TicketId& ticket, const Hash& sha256,
                             std::uint64_t size_bytes, bool asked);
  /// `at`: a multiple of limits::file_piece_bytes, where the content ends so far.
  Result<void> append(std::int64_t id, std::uint64_t at, ByteView bytes);
  /// Like append `not_found` once the database is gone: with its last content, or with a wipe.
  Result<void> finish(std::int64_t id, const Hash& sha256);
  /// Shorter than `length` only at the end of what is here.
  Result<Bytes> read(const ShelvedFile& file, std::uint64_t offset, std::size_t length);
  /// Of what is here, with `more` behind it.
  Result<Hash> hash_of(const ShelvedFile& file, ByteView more = {});

  Result<void> mark_sent(const sync::ChangeRef& change, const EpochId& epoch);
  Result<void> mark_asked(const sync::ChangeRef& change);
  Result<void> note_failure(const sync::ChangeRef& change, std::uint32_t failures, std::string_view problem);
  /// Its pieces go; it is fetched from the beginning.
  Result<void> start_over(const sync::ChangeRef& change);
  /// Of changes that are not here, nothing.
  Result<void> drop(const std::vector<sync::ChangeRef>& changes);
  /// Closes it and removes it; from then on it stays empty.
  Result<void> leave_disk();

private:
  Result<bool> open(bool create);
  Result<void> connect(bool create);
  Result<void> destroy();

  const ShelfOptions options_;
  bool looked_ = false, left_ = false;
  std::unique_ptr<sqlite::Database> database_;
};

}  // namespace tern::client
