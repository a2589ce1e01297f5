// What the server decided about own changes, folded onto confirmed state on this device: docs/protocol.md "Own folds".
#pragma once

#include <span>
#include <vector>

#include "outbox/outbox.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sync/fold.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::v1 {
class ChangeOutcome;
}

namespace tern::client {

/// `own.outcome`, parsed. `corrupt` with field "outbox".
Result<v1::ChangeOutcome> outcome_of(const OwnChange& own);

/// Time, rule and whether a claim took effect, as the receipt says; the rest of `admission` stays.
void take_over(const v1::ChangeOutcome& decided, sync::Admission& admission);

struct ConfirmedFold {
  sync::TicketState state;
  std::vector<Bytes> messages;  // that the changes appended, encoded
};
/// Folds changes of one ticket, in chain order, each with its receipt, onto the state that they came to. Their bodies
/// may be erased, and edits of messages are not folded: whoever asked holds the result against its check.
Result<ConfirmedFold> fold_confirmed(sync::TicketState base, std::span<const OwnChange> changes,
                                     const OperatorId& author);

}  // namespace tern::client
