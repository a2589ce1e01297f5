// What the two directions of the state codec share: TicketStateMessage of ticket.proto, with ids and stamps once each
// in tables and everything else by index.
#pragma once

#include "proto_wire.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::sync::state_wire {

// Field numbers of ticket.proto.
enum StateField : std::uint32_t {
  f_ticket_id = 1,
  f_version = 2,
  f_integer_id = 3,
  f_number = 4,
  f_aliases = 5,
  f_ids = 6,
  f_stamps = 7,
  f_created = 8,
  f_fields = 9,
  f_elements = 10,
  f_moves = 11,
  f_description = 12,
  f_description_stamp = 13,
  f_description_erased = 14,
  f_assignee = 15,
  f_queue = 16,
  f_merged_into = 17,
  f_merged_from = 18,
  f_split_from = 19,
  f_deletion = 20,
  f_custody = 21,
  f_time_entries = 22,
  f_estimates = 23,
  f_message_count = 24,
  f_updated = 26,
  f_first_response = 27,
  f_split_messages = 30,
  f_splits = 31,
  f_removals = 32,
  f_ratings = 33,
  f_undone_merges = 34,
};

using Id = FixedBytes<16, struct AnyIdTag>;
inline constexpr std::size_t ref_bytes = DeviceId::size_bytes + ChangeId::size_bytes;

}  // namespace tern::sync::state_wire
