// What lists ask of a ticket, as columns beside its state: derived from the state when it is written, and again by
// verify.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "desk/operator_loads.hpp"
#include "tern/sqlite/statement.hpp"
#include "working_ticket.hpp"

namespace tern::server {

struct TicketColumns {
  std::uint64_t integer_id = 0;
  std::string number;
  std::uint64_t version = 0;
  std::int64_t status = 0, status_class = 0;
  Bytes subject;
  std::int64_t updated_ms = 0, ended_ms = 0;
  Bytes merged_into;  // empty: it is not
  bool deleted = false;
  TicketInLedger ledger;
  ListColumns lists;
};

TicketColumns columns_of(const sync::TicketState& state, const ScopeFacts& facts, const TicketInLedger& ledger);

/// What the ticket is to the load of who holds it, so many times.
void add_burden(OperatorLoads& loads, const ListColumns& lists, std::int64_t times);

/// A row of `SELECT` with these columns from its first on.
inline constexpr std::string_view ticket_column_names =
    "integer_id, number, version, status, status_class, priority, assignee, queue, category, contact, subject, "
    "created_ms, updated_ms, ended_ms, merged_into, deleted, change_count, last_commit, top_ms, top_device, top_epoch, "
    "second_ms, organisation, listed, first_response_ms, resolved_ms, worked_ms, channel";
/// Names of the columns in which the row, read from its column `first` on, is not what it is due to be. Not `filled`:
/// those that an older program did not write say nothing yet.
std::vector<std::string> differing_columns(const sqlite::Statement& row, int first, const TicketColumns& due,
                                           bool filled);

// What a row of ticket_interest says, in its column `kind`.
inline constexpr std::int64_t interest_follows = 1;
inline constexpr std::int64_t interest_custody = 2;

}  // namespace tern::server
