#include "replica/read_marks.hpp"

namespace tern::client {

namespace {

/// Messages of others of the row `t` of ticket.
const std::string others_sql = "(SELECT count(*) FROM message m WHERE m.ticket = t.id AND m.by_other = 1)";

/// In the order of the marks' index, which is written from its beginning to its end.
const std::string mark_whole_sql = "INSERT INTO read_mark (ticket_id, messages) SELECT t.ticket_id, " + others_sql +
                                   " FROM ticket t WHERE t.state IS NOT NULL ORDER BY t.ticket_id ON CONFLICT ";

const std::string mark_one_sql =
    "INSERT INTO read_mark (ticket_id, messages) SELECT t.ticket_id, min($2, " + others_sql +
    ") FROM ticket t WHERE t.ticket_id = $1 AND t.state IS NOT NULL ON CONFLICT (ticket_id) DO UPDATE SET messages = "
    "max(excluded.messages, min(messages, (SELECT " +
    others_sql + " FROM ticket t WHERE t.ticket_id = $1)))";

}  // namespace

const std::string unread_sql =
    "CASE WHEN t.ghost = 1 OR t.state IS NULL THEN 0 ELSE max(0, " + others_sql +
    " - coalesce((SELECT k.messages FROM read_mark k WHERE k.ticket_id = t.ticket_id), 0)) END";

Result<void> ReadMarks::begin() {
  return database_.run(mark_whole_sql + "DO NOTHING");
}

Result<void> ReadMarks::note_new(const TicketId& ticket) {
  return database_.run("INSERT INTO read_mark (ticket_id, messages) VALUES ($1, -1) ON CONFLICT DO NOTHING", ticket);
}

Result<void> ReadMarks::mark(const TicketId& ticket, std::int64_t messages) {
  return database_.run(mark_one_sql, ticket, messages);
}

Result<void> ReadMarks::mark_all() {
  return database_.run(mark_whole_sql + "(ticket_id) DO UPDATE SET messages = excluded.messages");
}

Result<Reading> ReadMarks::reading(const TicketId& ticket) {
  TERN_TRY(
      auto rows,
      database_.query("SELECT " + others_sql + ", " + unread_sql + " FROM ticket t WHERE t.ticket_id = $1", ticket));
  TERN_TRY(const bool found, rows.step());
  return found ? Reading{rows.int64(0), rows.uint64(1)} : Reading{};
}

Result<std::vector<ReadMarks::Mark>> ReadMarks::all() {
  TERN_TRY(auto rows, database_.query("SELECT ticket_id, messages FROM read_mark"));
  std::vector<Mark> out;
  for (;;) {
    TERN_TRY(const bool row, rows.step());
    if (!row) return out;
    out.push_back({rows.id<TicketId>(0), rows.int64(1)});
  }
}

Result<void> ReadMarks::put(const std::vector<Mark>& marks) {
  for (const Mark& mark : marks) {
    TERN_CHECKED(database_.run("INSERT INTO read_mark (ticket_id, messages) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                               mark.ticket, mark.messages));
  }
  return {};
}

}  // namespace tern::client
