// A folded state taken apart again: the changes of it that a history knew and the one after a restore does not.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tern/sync/ticket_state.hpp"

namespace tern::server {

struct GivenUpChange {
  sync::Stamp stamp;    // of then, with the numbers of that history
  sync::Change change;  // as it would be said again: for its author, at its time; ref and targets as then
};

/// Of what was committed above `kept_seq`, as far as it still shows: values that stand, messages, moves, times worked,
/// tags, watchers, links, and the claim that stands on each thing. What was overwritten in sight left nothing behind;
/// removals, splits and pins stay out. In commit order, each change once. What was erased is not there, either.
std::vector<GivenUpChange> given_up_changes(const sync::TicketState& state, std::span<const sync::Message> messages,
                                            std::uint64_t kept_seq);

}  // namespace tern::server
