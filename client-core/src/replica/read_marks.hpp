// What of each ticket was looked at on this device. A message that others wrote counts as unread until the ticket was
// shown with it, however late it came and wherever it stands in the timeline. Used inside a transaction of its caller.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::client {

/// Of one ticket.
struct Reading {
  std::int64_t messages = 0;  // of others, here and confirmed: the mark of whoever looks at all of them
  std::uint64_t unread = 0;   // of those, and one more where the ticket itself is new here
};

/// Unread of the row `t` of ticket.
extern const std::string unread_sql;

class ReadMarks {
public:
  struct Mark {
    TicketId ticket;
    std::int64_t messages;
  };

  explicit ReadMarks(sqlite::Database& database) : database_(database) {}

  /// All that is here was read, where no mark says otherwise: the first download is nobody's news.
  Result<void> begin();
  /// A ticket that others made and that was not here before.
  Result<void> note_new(const TicketId& ticket);
  /// Up to so many; a mark goes back only where fewer are here than it says.
  Result<void> mark(const TicketId& ticket, std::int64_t messages);
  Result<void> mark_all();
  Result<Reading> reading(const TicketId& ticket);

  Result<std::vector<Mark>> all();
  Result<void> put(const std::vector<Mark>& marks);

private:
  sqlite::Database& database_;
};

}  // namespace tern::client
