// One ticket with its timeline.
#pragma once

#include "tern/client/views.hpp"
#include "views/ticket_list.hpp"

namespace tern::client {

/// `not_found`. A ghost has its row and the author's own pending work.
Result<TicketView> ticket_page(ListParts parts, const TicketId& ticket, const ClockText& clock);

}  // namespace tern::client
