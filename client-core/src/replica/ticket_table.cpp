#include "replica/ticket_table.hpp"

#include <algorithm>

#include "replica/stored_overlay.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::client {

using sqlite::Blob;
using sqlite::Text;

namespace {

std::optional<Text> text_or_null(const std::optional<Bytes>& value) {
  return value ? std::optional(Text{*value}) : std::nullopt;
}
std::optional<Blob> blob_or_null(const std::optional<Bytes>& value) {
  return value ? std::optional(Blob{*value}) : std::nullopt;
}
std::optional<Blob> blob_or_null(ByteView value) {
  return value.empty() ? std::nullopt : std::optional(Blob{value});
}

/// With the seventeen shown columns from `$1`, in the order of the table, and `more` from `$18`.
template <typename... More>
Result<void> run_with(sqlite::Database& database, std::string_view sql, const TicketColumns& c, const More&... more) {
  const std::optional<Text> tags = c.tags.empty() ? std::nullopt : std::optional(Text{c.tags});
  return database.run(sql, Text{c.number}, c.integer_id, Text{c.subject}, c.status, c.status_class, c.priority,
                      blob_or_null(c.category), text_or_null(c.type), c.queue, c.assignee, blob_or_null(c.contact),
                      blob_or_null(c.organisation), tags, c.due_ms, c.created_ms, c.updated_ms, c.deleted ? 1 : 0,
                      more...);
}

constexpr std::string_view insert_sql =
    "INSERT INTO ticket (number, integer_id, subject, status, status_class, priority, category_id, type, queue_id, "
    "assignee_id, contact_id, organisation_id, tags, due_ms, created_ms, updated_ms, deleted, ticket_id, version, "
    "state, "
    "ghost, pending, pending_last) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, "
    "$18, $19, $20, 0, 0, 0)";
constexpr std::string_view confirm_sql =
    "UPDATE ticket SET number = $1, integer_id = $2, subject = $3, status = $4, status_class = $5, priority = $6, "
    "category_id = $7, type = $8, queue_id = $9, assignee_id = $10, contact_id = $11, organisation_id = $12, tags = "
    "$13, "
    "due_ms = $14, created_ms = $15, updated_ms = $16, deleted = $17, version = $18, state = $19, overlay = NULL, "
    "ghost = "
    "0 WHERE id = $20";
constexpr std::string_view settle_sql =
    "UPDATE ticket SET number = $1, integer_id = $2, subject = $3, status = $4, status_class = $5, priority = $6, "
    "category_id = $7, type = $8, queue_id = $9, assignee_id = $10, contact_id = $11, organisation_id = $12, tags = "
    "$13, due_ms = $14, created_ms = $15, updated_ms = $16, deleted = $17, version = $18, state = $19, overlay = NULL, "
    "pending = 0, pending_last = 0 WHERE id = $20";
// Number and time of the last change are what they were: their indexes are left alone. ($1 and $16 are not used.)
constexpr std::string_view settle_same_keys_sql =
    "UPDATE ticket SET integer_id = $2, subject = $3, status = $4, status_class = $5, priority = $6, "
    "category_id = $7, type = $8, queue_id = $9, assignee_id = $10, contact_id = $11, organisation_id = $12, tags = "
    "$13, due_ms = $14, created_ms = $15, deleted = $17, version = $18, state = $19, overlay = NULL, "
    "pending = 0, pending_last = 0 WHERE id = $20";
constexpr std::string_view show_sql =
    "UPDATE ticket SET number = $1, integer_id = $2, subject = $3, status = $4, status_class = $5, priority = $6, "
    "category_id = $7, type = $8, queue_id = $9, assignee_id = $10, contact_id = $11, organisation_id = $12, tags = "
    "$13, "
    "due_ms = $14, created_ms = $15, updated_ms = $16, deleted = $17, overlay = $18, pending = $19, pending_last = $20 "
    "WHERE id = $21";
constexpr std::string_view ghost_sql =
    "UPDATE ticket SET version = 0, state = NULL, overlay = NULL, ghost = 1, integer_id = 0, status = 1, status_class "
    "= 1, "
    "priority = 2, category_id = NULL, type = NULL, queue_id = NULL, assignee_id = NULL, contact_id = NULL, "
    "organisation_id = NULL, tags = NULL, due_ms = NULL, created_ms = 0, deleted = 0, subject = $2 WHERE id = $1";

}  // namespace

Result<std::optional<TicketRow>> TicketTable::find(const TicketId& ticket) {
  TERN_TRY(auto rows, database_.query("SELECT id, version, state IS NOT NULL, overlay IS NOT NULL, ghost, pending, "
                                      "pending_last FROM ticket WHERE ticket_id = $1",
                                      ticket));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::nullopt;
  TicketRow row;
  row.id = rows.int64(0);
  row.version = rows.uint64(1);
  row.has_state = rows.boolean(2);
  row.has_overlay = rows.boolean(3);
  row.ghost = rows.boolean(4);
  row.pending = rows.uint64(5);
  row.pending_last = rows.int64(6);
  return row;
}

Result<std::optional<HeldState>> TicketTable::held_state(const TicketId& ticket) {
  TERN_TRY(auto rows, database_.query("SELECT id, version, state, overlay, ghost, pending, pending_last, number, "
                                      "updated_ms, subject FROM ticket WHERE ticket_id = $1",
                                      ticket));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::nullopt;
  HeldState held;
  held.row.id = rows.int64(0);
  held.row.version = rows.uint64(1);
  held.state = Bytes(rows.blob(2));
  held.row.has_state = !held.state.empty();
  held.row.has_overlay = !rows.is_null(3);
  held.row.ghost = rows.boolean(4);
  held.row.pending = rows.uint64(5);
  held.row.pending_last = rows.int64(6);
  held.number = std::string(rows.text(7));
  held.updated_ms = rows.int64(8);
  if (!words_.holds_ticket(held.row.id)) return held;
  held.words.subject = std::string(rows.text(9));
  TERN_TRY(held.words.description, shown_description(held.state, rows.blob(3)));
  return held;
}

Result<std::optional<Bytes>> TicketTable::state(std::int64_t id) {
  TERN_TRY(auto rows, database_.query("SELECT state FROM ticket WHERE id = $1", id));
  TERN_TRY(const bool found, rows.step());
  if (!found || rows.is_null(0)) return std::nullopt;
  return Bytes(rows.blob(0));
}

Result<std::optional<Bytes>> TicketTable::overlay(std::int64_t id) {
  TERN_TRY(auto rows, database_.query("SELECT state, overlay FROM ticket WHERE id = $1", id));
  TERN_TRY(const bool found, rows.step());
  if (!found || rows.is_null(1)) return std::nullopt;
  return unpack_overlay(rows.blob(0), rows.blob(1)).map([](Bytes&& overlay) {
    return std::optional(std::move(overlay));
  });
}

Result<std::int64_t> TicketTable::insert(const TicketId& ticket, std::uint64_t version, ByteView state,
                                         const TicketColumns& columns) {
  TERN_CHECKED(run_with(database_, insert_sql, columns, ticket, version, blob_or_null(state)));
  const std::int64_t id = database_.last_insert_rowid();
  words_.added_ticket(id);
  TERN_CHECKED(add_aliases(id, columns.aliases));
  return id;
}

Result<void> TicketTable::update_confirmed(std::int64_t id, std::uint64_t version, ByteView state,
                                           const TicketColumns& columns) {
  TERN_TRY(const TicketWords before, words_of(id));
  TERN_CHECKED(run_with(database_, confirm_sql, columns, version, Blob{state}, id));
  TERN_CHECKED(set_aliases(id, columns.aliases));
  return words_.changed_ticket(database_, id, before, {columns.subject, columns.description});
}

Result<void> TicketTable::settle(const HeldState& held, std::uint64_t version, ByteView state,
                                 const TicketColumns& columns, bool same_aliases) {
  const bool same_keys = held.number == columns.number && held.updated_ms == columns.updated_ms;
  TERN_CHECKED(
      run_with(database_, same_keys ? settle_same_keys_sql : settle_sql, columns, version, Blob{state}, held.row.id));
  if (!same_aliases) TERN_CHECKED(set_aliases(held.row.id, columns.aliases));
  return words_.changed_ticket(database_, held.row.id, held.words, {columns.subject, columns.description});
}

Result<void> TicketTable::update_shown(std::int64_t id, ByteView overlay, const TicketColumns& columns,
                                       std::uint64_t pending, std::int64_t pending_last) {
  TERN_TRY(const TicketWords before, words_of(id));
  TERN_TRY(const auto confirmed, state(id));
  const Bytes packed = pack_overlay(confirmed.value_or(Bytes{}), overlay);
  TERN_CHECKED(run_with(database_, show_sql, columns, blob_or_null(ByteView(packed)), pending, pending_last, id));
  TERN_CHECKED(set_aliases(id, columns.aliases));
  return words_.changed_ticket(database_, id, before, {columns.subject, columns.description});
}

Result<void> TicketTable::make_ghost(std::int64_t id, std::string_view subject) {
  TERN_TRY(const TicketWords before, words_of(id));
  TERN_CHECKED(database_.run(ghost_sql, id, Text{subject}));
  TERN_CHECKED(set_aliases(id, {}));
  return words_.changed_ticket(database_, id, before, {std::string(subject), {}});
}

Result<void> TicketTable::rename_ghost(std::int64_t id, std::string_view subject) {
  TERN_TRY(const TicketWords before, words_of(id));
  TERN_CHECKED(database_.run("UPDATE ticket SET subject = $2 WHERE id = $1 AND ghost = 1", id, Text{subject}));
  return words_.changed_ticket(database_, id, before, {std::string(subject), {}});
}

Result<std::int64_t> TicketTable::insert_ghost(const TicketId& ticket, std::string_view number) {
  TicketColumns columns;
  columns.number = number;
  TERN_TRY(const std::int64_t id, insert(ticket, 0, {}, columns));
  TERN_CHECKED(database_.run("UPDATE ticket SET ghost = 1 WHERE id = $1", id));
  return id;
}

Result<void> TicketTable::set_pending(std::int64_t id, std::uint64_t pending, std::int64_t pending_last) {
  return database_.run("UPDATE ticket SET pending = $1, pending_last = $2 WHERE id = $3", pending, pending_last, id);
}

Result<void> TicketTable::remove(std::int64_t id) {
  TERN_TRY(const TicketWords words, words_of(id));
  TERN_CHECKED(words_.removed_ticket(database_, id, words));
  return database_.run("DELETE FROM ticket WHERE id = $1", id);
}

/// As they are in the index; empty while it does not hold the row.
Result<TicketWords> TicketTable::words_of(std::int64_t id) {
  if (!words_.holds_ticket(id)) return TicketWords{};
  TERN_TRY(auto rows, database_.query("SELECT subject, state, overlay FROM ticket WHERE id = $1", id));
  TERN_TRY(const bool found, rows.step());
  if (!found) return TicketWords{};
  TERN_TRY(std::string description, shown_description(rows.blob(1), rows.blob(2)));
  return TicketWords{std::string(rows.text(0)), std::move(description)};
}

Result<void> TicketTable::set_aliases(std::int64_t id, const std::vector<std::string>& aliases) {
  std::vector<std::string> held;
  {
    TERN_TRY(auto rows, database_.query("SELECT alias FROM ticket_alias WHERE ticket = $1 ORDER BY alias", id));
    for (;;) {
      TERN_TRY(const bool row, rows.step());
      if (!row) break;
      held.emplace_back(rows.text(0));
    }
  }
  if (held.size() == aliases.size() && std::ranges::is_permutation(held, aliases)) return {};
  TERN_CHECKED(database_.run("DELETE FROM ticket_alias WHERE ticket = $1", id));
  return add_aliases(id, aliases);
}

Result<void> TicketTable::add_aliases(std::int64_t id, const std::vector<std::string>& aliases) {
  for (const std::string& alias : aliases) {
    TERN_CHECKED(database_.run("INSERT INTO ticket_alias (alias, ticket) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                               Text{alias}, id));
  }
  return {};
}

}  // namespace tern::client
