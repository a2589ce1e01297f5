// What the disk, SQLite and the signature cost by themselves: the least that any work could take.
//
// Same SQLite build, same cipher, same durability profile as the product's files; statements are prepared once, the
// rows lie in memory, and no protocol, no fold and no network is in the way.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "desk_data.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::bench {

/// `as_replica`: without texts, columns and places, as replica.db keeps it. `stock`: FTS5 as it comes, over the rows.
enum class SearchIndex : std::uint8_t { as_replica, stock };

/// The same desk as plain rows: two tables, two secondary indexes each, a search index over subject, description and
/// messages.
class PlainStore {
public:
  static Result<std::unique_ptr<PlainStore>> make(const std::string& path, sqlite::Synchronous synchronous,
                                                  SearchIndex search);

  /// In a few large transactions.
  Result<void> insert_rows(const std::vector<TicketData>& tickets);
  Result<void> index_texts(const std::vector<TicketData>& tickets);
  /// Each of the tickets once, with another one's values, spread over so many transactions.
  Result<void> upsert(const std::vector<TicketData>& tickets, std::size_t transactions);
  /// One row in a transaction of its own.
  Result<void> commit_one(const TicketData& ticket, std::size_t number);

  /// Empties the write-ahead log into the file and gives the file's size.
  Result<std::uint64_t> size_bytes();

private:
  explicit PlainStore(std::unique_ptr<sqlite::Database> database) : database_(std::move(database)) {}
  Result<void> upsert_one(sqlite::Statement& statement, const TicketData& ticket, std::size_t number);

  std::unique_ptr<sqlite::Database> database_;
};

/// Seconds of each of `count` durable commits of one row.
Result<std::vector<double>> time_commits(PlainStore& store, const std::vector<TicketData>& tickets, std::size_t count);

/// Seconds for `count` Ed25519 verifications of a message as long as a change set's header, on one core.
Result<double> time_verifications(std::size_t count);

}  // namespace tern::bench
