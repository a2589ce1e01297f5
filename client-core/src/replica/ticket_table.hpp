// The replica's rows of tickets, with their search index. Used inside a transaction of its caller.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "replica/ticket_columns.hpp"
#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::sqlite {
class Database;
class Statement;
}  // namespace tern::sqlite

namespace tern::client {

struct TicketRow {
  std::int64_t id = 0;
  std::uint64_t version = 0;
  bool has_state = false, has_overlay = false, ghost = false;
  std::uint64_t pending = 0;
  std::int64_t pending_last = 0;
};

class TicketTable {
public:
  explicit TicketTable(sqlite::Database& database) : database_(database) {}

  Result<std::optional<TicketRow>> find(const TicketId& ticket);
  /// Confirmed state (or overlay) as stored; nothing when there is none.
  Result<std::optional<Bytes>> state(std::int64_t id);
  Result<std::optional<Bytes>> overlay(std::int64_t id);

  /// A ticket that is not held yet. `state` empty: made here. Gives its row.
  Result<std::int64_t> insert(const TicketId& ticket, std::uint64_t version, ByteView state,
                              const TicketColumns& columns);
  /// Newer confirmed state; a ghost becomes a ticket again. What is shown follows; the overlay is the caller's next step.
  Result<void> update_confirmed(std::int64_t id, std::uint64_t version, ByteView state, const TicketColumns& columns);
  /// What own pending work makes of it. Empty overlay: nothing pending, `columns` are the confirmed ones.
  Result<void> update_shown(std::int64_t id, ByteView overlay, const TicketColumns& columns, std::uint64_t pending,
                            std::int64_t pending_last);
  /// Keeps number and subject, drops everything else of the row.
  Result<void> make_ghost(std::int64_t id);
  Result<std::int64_t> insert_ghost(const TicketId& ticket, std::string_view number, std::string_view subject);
  Result<void> set_pending(std::int64_t id, std::uint64_t pending, std::int64_t pending_last);
  /// The row and its words; its messages are the caller's.
  Result<void> remove(std::int64_t id);

private:
  struct Words {
    std::string subject, description;
    bool operator==(const Words&) const = default;
  };
  Result<Words> indexed_words(std::int64_t id);
  Result<void> index(std::int64_t id, const Words& words);
  Result<void> unindex(std::int64_t id, const Words& words);
  Result<void> reindex(std::int64_t id, const Words& before, const Words& after);
  Result<void> set_aliases(std::int64_t id, const std::vector<std::string>& aliases);

  sqlite::Database& database_;
};

}  // namespace tern::client
