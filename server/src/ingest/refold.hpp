// One ticket folded again from the ledger, in a batch.
#pragma once

#include "batch.hpp"

namespace tern::server {

/// State, messages and standings as the fold from zero has them now. Messages that differ go out again with the batch's
/// commit; the state keeps the version that its changes give it.
Result<void> refold_ticket(Batch& batch, const TicketId& id);

}  // namespace tern::server
