// Tickets out of conversations that are held elsewhere: which one, what was said there, which tickets it has already.
#pragma once

#include <string>
#include <vector>

#include "api/ticket_view.hpp"
#include "desk/ticket_refs.hpp"
#include "inbound/customers.hpp"
#include "ingest/ingest.hpp"

namespace tern::server {

/// As a request says it.
struct Conversation {
  std::string name;  // "CHANNEL:ID"
  CustomerSaid customer;
  std::string text;  // of the note that keeps it: why, and what was said
};
/// `invalid` with field "conversation".
Result<Conversation> read_conversation(const Json& said);

/// Tickets of a conversation, the newest first, whoever may read them; deleted ones are not among them.
Result<std::vector<TicketId>> tickets_of_conversation(sqlite::Database& db, std::int64_t tenant,
                                                      const std::string& name);
/// Inside of the transaction that makes the ticket.
Result<void> note_conversation(sqlite::Database& db, std::int64_t tenant, const std::string& name,
                               const TicketId& ticket);

}  // namespace tern::server
