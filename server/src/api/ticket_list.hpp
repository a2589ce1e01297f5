// Tickets by filter and by words, in pages with their total.
#pragma once

#include "api/ticket_view.hpp"

namespace tern::server {

enum class TicketOrder : std::uint8_t { newest = 1, oldest, updated, priority, relevance };
std::optional<TicketOrder> ticket_order(std::string_view word);

/// What every ticket of the list is; nothing: whatever it is.
struct TicketFilter {
  std::vector<sync::Status> statuses;    // empty: all of them
  std::vector<std::uint8_t> priorities;  // empty: all of them
  std::optional<RecordId> category;
  std::optional<OperatorId> assignee;
  std::optional<RecordId> organisation;
  std::vector<TicketId> among;  // empty: any
  std::string words;            // of subject, description or messages, or the number; empty: any
};

struct TicketPaging {
  TicketOrder order = TicketOrder::newest;
  std::uint64_t skip = 0, limit = 0;
  std::string cursor;  // `next_cursor` of the page before; then `skip` counts from there
};

struct TicketPage {
  std::vector<FoundTicket> tickets;
  std::uint64_t total = 0;
  bool total_exact = true;  // false: there are more
  std::string next_cursor;  // empty: this was the last, or the order has none
};

/// `invalid` with field "cursor" or "sort".
Result<TicketPage> list_page(sqlite::Database& db, const Tenant& tenant, const Caller& caller, TicketView& view,
                             const TicketFilter& filter, const TicketPaging& paging);

/// The condition of what a caller may read, over columns of `ticket`; it begins with AND, or is empty. Nothing: they
/// may read no ticket.
std::optional<std::string> readable_condition(const Caller& caller);
/// The condition that a ticket is a client's: by its own organisation, else by its contact's. It begins with AND. Of a
/// client with many contacts it is good for this connection, and until it is asked of another one.
Result<std::string> client_condition(sqlite::Database& db, const Tenant& tenant, const RecordId& organisation);
/// An id of our own as a literal, as SQLite writes them.
std::string blob_literal(ByteView bytes);

}  // namespace tern::server
