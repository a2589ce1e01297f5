// What lists show of a ticket: the columns of the replica's ticket table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tern/protocol/bytes.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::client {

struct TicketColumns {
  std::string number, subject;
  std::uint64_t integer_id = 0;
  sync::Status status = sync::Status::new_;
  sync::StatusClass status_class = sync::StatusClass::todo;
  std::uint8_t priority = 2;
  std::optional<Bytes> category, type, contact, organisation;
  std::optional<RecordId> queue;
  std::optional<OperatorId> assignee;
  std::string tags;  // each between two separators; empty: none
  std::optional<std::int64_t> due_ms;
  std::int64_t created_ms = 0, updated_ms = 0;
  bool deleted = false;
  std::vector<std::string> aliases;
  std::string description;  // for the search index; no column
};

inline constexpr char tag_separator = '\x1f';

TicketColumns columns_of(const sync::TicketState& state);

}  // namespace tern::client
