// Scope digests, kept up to date by what commits change: never summed up anew for each exchange.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "exchange/reader_scope.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/scope.hpp"

namespace tern::server {

inline constexpr std::size_t digest_scopes_max =
    512;  // the least recently used one is dropped and summed up again when asked

/// Thread-safe.
class DigestCache {
public:
  /// The digest of a scope as of `seq`, the newest commit that `db`'s snapshot sees. Nothing when another thread has
  /// already moved this scope further than the snapshot: the caller then leaves the checkpoint out.
  Result<std::optional<sync::ScopeDigest>> at(sqlite::Database& db, const ReaderScope& scope, std::uint64_t seq);

private:
  struct Key {
    std::int64_t tenant = 0;
    OperatorId operator_id;
    bool all = false;
    auto operator<=>(const Key&) const = default;
  };
  struct Entry {
    std::mutex mutex;
    std::uint64_t seq = 0;
    std::uint64_t rights_version = 0;
    sync::ScopeDigest digest;
    std::unordered_map<TicketId, std::uint64_t> versions;
  };
  std::shared_ptr<Entry> entry_of(const Key& key);
  static Result<void> bring_to(Entry& entry, sqlite::Database& db, const ReaderScope& scope, std::uint64_t seq);

  std::mutex mutex_;
  std::map<Key, std::pair<std::shared_ptr<Entry>, std::list<Key>::iterator>> entries_;
  std::list<Key> recent_;  // the newest first
};

}  // namespace tern::server
