// The content of a tenant's attachments: DIR/tenants/ID/files.db, beside the ledger and encrypted like it.
// Why a database and no files: docs/decisions/files-in-a-database.md
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tern/protocol/crypto.hpp"
#include "tern/protocol/error.hpp"
#include "tern/server/http.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/change.hpp"

namespace tern::server {

struct FileStoreOptions {
  std::string path;
  std::int64_t tenant = 1;  // tenant_id column
  std::optional<protocol::SecretKey> encryption;
  std::string vfs;
};

/// A content is found by the change that refers to it, never by its hash: whoever may read that change's message may
/// read it. It was sent for that change; a hash alone opens nothing.
///
/// The file is made with the first content; until then there is none. Thread-safe: one writer at a time, for a mebibyte
/// at most, beside any number of readers. Errors: those of sqlite::Database.
class FileStore : public std::enable_shared_from_this<FileStore> {
public:
  explicit FileStore(FileStoreOptions options) : options_(std::move(options)) {}
  FileStore(const FileStore&) = delete;
  FileStore& operator=(const FileStore&) = delete;

  /// What is whole.
  struct Content {
    std::int64_t id = 0;
    Hash sha256;
    std::uint64_t size_bytes = 0;
  };
  /// Nothing: nobody has sent it for this change, or not all of it.
  Result<std::optional<Content>> find(const sync::ChangeRef& change);

  /// Takes in what stands in `from` at `offset` and names it by the change. `sha256` was computed of it;
  /// `content_mismatch` where it is another one now: then nothing of it is kept.
  Result<void> put(const sync::ChangeRef& change, const RequestBody& from, std::uint64_t offset,
                   std::uint64_t size_bytes, const Hash& sha256, std::int64_t now_ms);

  /// How much of a content that comes in pieces is here.
  struct Arriving {
    std::uint64_t have_bytes = 0;
    bool whole = false;
  };
  Result<Arriving> arriving(const sync::ChangeRef& change);
  /// Takes in what goes on from there: `bytes` end at a multiple of limits::file_piece_bytes or at the end of the
  /// content. What begins elsewhere is left alone, so that a repeat is harmless. Once it is all here it is read back:
  /// `content_mismatch` where it is not what `sha256` says; then nothing of it is kept.
  Result<Arriving> take_in(const sync::ChangeRef& change, std::uint64_t size_bytes, const Hash& sha256,
                           std::uint64_t offset, ByteView bytes, std::int64_t now_ms);

  /// To be read in pieces, also after the store's owner went. Once it is dropped reading is `not_found`.
  std::shared_ptr<const BodyFile> open(const Content& content);

  /// Forgets what these refer to; a content that nobody else refers to goes.
  Result<void> drop(const std::vector<sync::ChangeRef>& changes);
  /// What was dropped stands in no file any more once this gave true; false: a reader holds it up.
  Result<bool> truncate();

  struct Reference {
    sync::ChangeRef change;
    std::int64_t touched_ms = 0;  // when something of its content came last
    bool whole = false;
  };
  Result<std::vector<Reference>> references();

  /// False: there is no file, because there never was a content.
  Result<bool> exists();
  /// A consistent copy as a new file, checked. `keep_going` is asked between pages.
  Result<void> copy_to(const std::string& path, const std::function<bool()>& keep_going);

  struct Checked {
    std::uint64_t files = 0, bytes = 0;  // whole contents
    std::vector<std::string> damaged;    // a sentence each
  };
  /// Reads everything: the file itself, and each content against its hash. Ends early once `stop` says so.
  Result<Checked> check(const std::function<bool()>& stop);

private:
  friend class StoredFile;
  /// A read connection for the time of a scope.
  class Reader;

  [[nodiscard]] sqlite::OpenOptions open_options(sqlite::Role role) const;
  Result<std::unique_ptr<sqlite::Database>> connect(sqlite::Role role, bool create);
  Result<Reader> reader();
  Result<void> write(bool create, const std::function<Result<void>(sqlite::Database&)>& work);
  Result<Bytes> read(const Content& content, std::uint64_t offset, std::size_t length);
  Result<bool> refer_to_known(const sync::ChangeRef& change, const Hash& sha256, std::int64_t now_ms);
  Result<std::int64_t> begin(const sync::ChangeRef& change, std::uint64_t size_bytes, std::int64_t now_ms);
  Result<void> append(std::int64_t content, std::uint64_t at, ByteView bytes);
  /// Of a content that is all here, with the hash `found`: whole, or gone where that is not `sha256`. False: it is not
  /// this change's any more, or somebody else came first.
  Result<bool> finish(const sync::ChangeRef& change, std::int64_t content, const Hash& found, const Hash& sha256);
  Result<Hash> hash_of(std::int64_t content);

  const FileStoreOptions options_;
  enum class There : std::uint8_t { unknown, no, yes };
  std::atomic<There> there_{There::unknown};  // the file: nobody but this makes it
  std::mutex writer_mutex_;
  std::unique_ptr<sqlite::Database> writer_;
  std::int64_t newest_ = 0;  // number given: a reader may still hold one that was dropped
  std::mutex reader_mutex_;
  std::vector<std::unique_ptr<sqlite::Database>> readers_;
};

}  // namespace tern::server
