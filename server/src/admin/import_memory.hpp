// What an import that goes in parts knows of the parts before: kept between them, so that all parts together cost and
// say what one call would.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>

#include "admin/import_run.hpp"

namespace tern::server {

namespace admin {

/// External references of one type that tickets have when it is first asked for.
class KnownReferences {
public:
  explicit KnownReferences(Tenant& tenant) : tenant_(tenant) {}
  Result<bool> has(const std::string& type, const std::string& reference);

private:
  Result<void> read(const std::string& type);

  Tenant& tenant_;
  std::set<std::string> read_;
  std::unordered_set<std::uint64_t> known_;  // eight bytes each, whatever the references are
};

struct ImportKnown {
  explicit ImportKnown(Tenant& tenant) : references(tenant) {}
  KnownReferences references;
  WantedRecords wanted;
  std::set<TicketId> seen;  // of a dry run
  std::shared_ptr<const IncidentIndex> index;
};

}  // namespace admin

/// Of one import at a time, between two parts of it. Thread-safe.
class ImportMemory {
public:
  static constexpr std::int64_t kept_ms = 10LL * 60'000;

  /// In place of what was kept before. `key` says of which import it is, and where that goes on.
  void keep(std::string key, std::unique_ptr<admin::ImportKnown> known, std::int64_t now_ms);
  /// Null: nothing is known of it any more. What is of another import goes.
  std::unique_ptr<admin::ImportKnown> take(const std::string& key);
  /// Nobody came back for it.
  void drop_old(std::int64_t now_ms);

private:
  std::mutex mutex_;
  std::string key_;
  std::unique_ptr<admin::ImportKnown> known_;
  std::int64_t since_ms_ = 0;
};

}  // namespace tern::server
