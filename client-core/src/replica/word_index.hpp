// The search index of the replica. Rows are indexed in batches, because a batch of thousands costs a fraction of as
// many small ones: every row up to a mark is in the index, none above it is. A ticket that changes stays in it under
// its words of before, which are kept beside it until the next batch: nobody waits for the index who only wants to see
// the change. A row is taken out by telling the index its words again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tern/protocol/error.hpp"

namespace tern::sqlite {
class Database;
}
namespace tern::v1 {
class TicketMessage;
}

namespace tern::client {

struct TicketWords {
  std::string subject, description;
  bool operator==(const TicketWords&) const = default;
};

/// Used inside a transaction of its caller, which calls `begin` first and `store` last. Marks that were not stored are
/// forgotten with the transaction.
class WordIndex {
public:
  Result<void> begin(sqlite::Database& database);
  Result<void> store(sqlite::Database& database);

  // ---- told by the tables ----
  void added_ticket(std::int64_t id) { added(tickets_to_, id); }
  void added_message(std::int64_t id) { added(messages_to_, id); }
  Result<void> removed_ticket(sqlite::Database& database, std::int64_t id, const TicketWords& words) const;
  Result<void> changed_ticket(sqlite::Database& database, std::int64_t id, const TicketWords& before,
                              const TicketWords& after) const;
  Result<void> removed_message(sqlite::Database& database, std::int64_t id, std::string_view words);
  [[nodiscard]] bool holds_ticket(std::int64_t id) const { return id <= tickets_to_; }
  [[nodiscard]] bool holds_message(std::int64_t id) const { return id <= messages_to_; }

  // ---- batches ----
  /// Rows that changed, and those above the marks or a few more.
  Result<std::uint64_t> backlog(sqlite::Database& database) const;
  /// Indexes at most `rows_max` of them.
  Result<void> work_off(sqlite::Database& database, std::uint64_t rows_max);
  /// Only tickets that changed: nothing of what they said before is left in the index.
  Result<std::uint64_t> work_off_changed(sqlite::Database& database, std::uint64_t rows_max) const;

private:
  void added(std::int64_t& mark, std::int64_t id) {
    if (id > mark) return;
    mark = id - 1;  // the number of a row that was removed is used again; no row stands above a new one
    changed_ = true;
  }
  Result<std::uint64_t> work_off_tickets(sqlite::Database& database, std::uint64_t rows_max);
  Result<std::uint64_t> work_off_messages(sqlite::Database& database, std::uint64_t rows_max);

  std::int64_t tickets_to_ = 0, messages_to_ = 0;
  bool changed_ = false;
};

/// What a reader sees of a message: "" when deleted or erased.
std::string shown_text(const v1::TicketMessage& message);

}  // namespace tern::client
