// Tickets and messages as customers see them: by name what is shown of what operators see, so that what is added there
// is not shown by itself.
#pragma once

#include "api/ticket_view.hpp"

namespace tern::server {

/// `view` is one for a client.
Result<Json> client_ticket(TicketView& view, const sync::TicketState& state);
Result<Json> client_row(TicketView& view, const FoundTicket& ticket);
Json client_message(const TicketView& view, const FoundMessage& message);
/// The description, then what was written to the customer and by them.
Json client_messages(const TicketView& view, const FoundTicket& ticket, const std::vector<FoundMessage>& written);

}  // namespace tern::server
