// Lists and search: one query over the replica's columns, a page at a time.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tern/client/views.hpp"

namespace tern::client {

class NameBook;
class Outbox;
class Replica;

struct ListParts {
  Outbox& outbox;
  Replica& replica;
  NameBook& names;
  std::int64_t now_ms = 0;  // the server's, as this device knows it
};

/// `invalid` with the filter's field: an unknown word, a limit out of range, a token of another query.
/// `not_found` and `ambiguous` for names of queues and assignees.
Result<ListPage> list_tickets(ListParts parts, const ListFilter& filter);

Result<UnreadCount> count_unread(ListParts parts);

/// One row, whatever its status. `not_found`.
Result<ListRow> list_row(ListParts parts, const TicketId& ticket);

}  // namespace tern::client
