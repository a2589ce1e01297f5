// What stands on a ticket in place of one change, as far as this device knows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tern/sync/change.hpp"
#include "tern/sync/conflict.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::client {

class NameBook;

struct WhatStands {
  std::string value;       // for people; "" where it is not known
  std::string author;      // "" where it is not known
  std::int64_t at_ms = 0;  // 0: not known
};

/// `state` null: the ticket is not on this device, and only the standing's author is known.
WhatStands what_stands(const sync::Change& change, const sync::Standing& standing, const sync::TicketState* state,
                       NameBook& names);

}  // namespace tern::client
