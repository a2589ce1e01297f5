// The replica's rows of tickets, with their search index. Used inside a transaction of its caller.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "replica/ticket_columns.hpp"
#include "replica/word_index.hpp"
#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::client {

struct TicketRow {
  std::int64_t id = 0;
  std::uint64_t version = 0;
  bool has_state = false, has_overlay = false, ghost = false;
  std::uint64_t pending = 0;
  std::int64_t pending_last = 0;
};

/// A row with what a fold of own work onto it needs.
struct HeldState {
  TicketRow row;
  Bytes state;  // confirmed; empty: none
  std::string number;
  std::int64_t updated_ms = 0;
  TicketWords words;  // as they are in the index
};

class TicketTable {
public:
  TicketTable(sqlite::Database& database, WordIndex& words) : database_(database), words_(words) {}

  Result<std::optional<TicketRow>> find(const TicketId& ticket);
  Result<std::optional<HeldState>> held_state(const TicketId& ticket);
  /// Confirmed state (or overlay) as stored; nothing when there is none.
  Result<std::optional<Bytes>> state(std::int64_t id);
  Result<std::optional<Bytes>> overlay(std::int64_t id);

  /// A ticket that is not held yet. `state` empty: made here. Gives its row.
  Result<std::int64_t> insert(const TicketId& ticket, std::uint64_t version, ByteView state,
                              const TicketColumns& columns);
  /// Newer confirmed state; a ghost becomes a ticket again. What is shown follows; the overlay is the caller's next
  /// step.
  Result<void> update_confirmed(std::int64_t id, std::uint64_t version, ByteView state, const TicketColumns& columns);
  /// The same where that was all that was pending: one write, and none of what it leaves as it is.
  Result<void> settle(const HeldState& held, std::uint64_t version, ByteView state, const TicketColumns& columns,
                      bool same_aliases);
  /// What own pending work makes of it. Empty overlay: nothing pending, `columns` are the confirmed ones.
  Result<void> update_shown(std::int64_t id, ByteView overlay, const TicketColumns& columns, std::uint64_t pending,
                            std::int64_t pending_last);
  /// Keeps number and subject, drops everything else of the row.
  Result<void> make_ghost(std::int64_t id, std::string_view subject);
  Result<void> rename_ghost(std::int64_t id, std::string_view subject);
  Result<std::int64_t> insert_ghost(const TicketId& ticket, std::string_view number);
  Result<void> set_pending(std::int64_t id, std::uint64_t pending, std::int64_t pending_last);
  /// The row and its words; its messages are the caller's.
  Result<void> remove(std::int64_t id);

private:
  Result<TicketWords> words_of(std::int64_t id);
  Result<void> set_aliases(std::int64_t id, const std::vector<std::string>& aliases);
  Result<void> add_aliases(std::int64_t id, const std::vector<std::string>& aliases);

  sqlite::Database& database_;
  WordIndex& words_;
};

}  // namespace tern::client
