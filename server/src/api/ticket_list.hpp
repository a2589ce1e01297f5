// Tickets by filter, newest first, in pages with their total.
#pragma once

#include "api/ticket_view.hpp"

namespace tern::server {

/// What every ticket of the list is; nothing: whatever it is.
struct TicketFilter {
  std::vector<sync::Status> statuses;    // empty: all of them
  std::vector<std::uint8_t> priorities;  // empty: all of them
  std::optional<RecordId> category;
  std::optional<OperatorId> assignee;
  std::optional<RecordId> organisation;
  std::string words;  // of subject or description, or the number; empty: any
};

struct TicketPage {
  std::vector<FoundTicket> tickets;
  std::uint64_t total = 0;
};

/// `skip` those before the page. A filter that no index answers reads every ticket that the others leave.
Result<TicketPage> list_page(sqlite::Database& db, const Tenant& tenant, const Caller& caller, const TicketView& view,
                             const TicketFilter& filter, std::uint64_t skip, std::uint64_t limit);

}  // namespace tern::server
