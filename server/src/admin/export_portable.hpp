// A ticket without what is its server's own: what an import makes again, so that an export of that is the same.
#pragma once

#include "tern/protocol/json.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::server::admin {

/// `ticket` as TicketExport gives it. Records go by names that name one.
Json portable_ticket(const Json& ticket, const sync::TicketState& state);

}  // namespace tern::server::admin
