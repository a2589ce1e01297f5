#include "views/ticket_list.hpp"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "finder.hpp"
#include "outbox/outbox.hpp"
#include "replica/damaged_copy.hpp"
#include "replica/replica.hpp"
#include "replica/ticket_columns.hpp"
#include "search/words.hpp"
#include "tern/protocol/wire.hpp"
#include "tern/sync/due_colour.hpp"
#include "tern/sync/list_view.hpp"
#include "tern/sync/ticket_fields.hpp"
#include "views/name_book.hpp"
#include "views/sla_view.hpp"

namespace tern::client {

using sqlite::Blob;
using sqlite::Text;
using sync::RecordKind;

namespace {

constexpr std::size_t rows_max = 500;
constexpr std::string_view columns_sql =
    "SELECT t.id, t.ticket_id, t.integer_id, t.number, t.subject, t.status, t.priority, t.queue_id, t.assignee_id, "
    "t.category_id, t.contact_id, t.created_ms, t.updated_ms, t.ghost, t.pending, c.clock, -coalesce(c.due_s, "
    "9000000000000000), t.due_ms, t.status_class, coalesce((SELECT r.name FROM record r WHERE r.kind = 1 AND "
    "r.record_id = "
    "t.assignee_id), ''), ";
constexpr std::string_view clocks_sql = "clock",
                           no_clocks_sql = "(SELECT NULL AS ticket, NULL AS due_s, NULL AS clock)";

struct SortColumn {
  std::string_view name;
  std::string_view sql;
  int selected;  // its place in columns_sql
  bool text;
};
constexpr std::array sort_columns = {
    SortColumn{"updated", "t.updated_ms", 12, false},
    SortColumn{"created", "t.created_ms", 11, false},
    SortColumn{"priority", "t.priority", 6, false},
    SortColumn{"number", "t.integer_id", 2, false},
    SortColumn{"status", "t.status", 5, false},
    SortColumn{"subject", "t.subject COLLATE NOCASE", 4, true},
    SortColumn{"assignee",
               "coalesce((SELECT r.name FROM record r WHERE r.kind = 1 AND r.record_id = t.assignee_id), '') COLLATE "
               "NOCASE",
               19, true},
    SortColumn{"sla", "-coalesce(c.due_s, 9000000000000000)", 16, false},  // without a deadline: behind all others
};

tl::unexpected<Error> bad(std::string_view field, std::string message, std::string hint = {}) {
  return fail(ErrorCode::invalid, std::move(message), std::move(hint), std::string(field));
}

/// Conditions with their values, in the order of their placeholders.
class Query {
public:
  void where(std::string condition) { conditions_.push_back(std::move(condition)); }
  std::string number(std::int64_t value) { return add({value, {}, Kind::number}); }
  std::string text(std::string value) { return add({0, std::move(value), Kind::text}); }
  std::string blob(Bytes value) { return add({0, std::move(value), Kind::blob}); }

  Result<sqlite::Statement> run(Replica& replica, std::string_view order) {
    sqlite::Database& database = replica.database();
    TERN_TRY(const bool counts_unread, replica.counts_unread());
    std::string sql(columns_sql);
    sql.append(counts_unread ? unread_sql : "0").append(" FROM ticket t LEFT JOIN ");
    sql.append(replica.has_clocks() ? clocks_sql : no_clocks_sql).append(" c ON c.ticket = t.id ");
    for (std::size_t i = 0; i < conditions_.size(); ++i) sql.append(i == 0 ? "WHERE " : " AND ").append(conditions_[i]);
    TERN_TRY(auto statement, database.prepare(sql.append(order)));
    for (std::size_t i = 0; i < values_.size(); ++i) bind(statement, static_cast<int>(i + 1), values_[i]);
    return statement;
  }

private:
  enum class Kind : std::uint8_t { number, text, blob };
  struct Bound {
    std::int64_t number;
    std::string bytes;
    Kind kind;
  };

  std::string add(Bound value) {
    values_.push_back(std::move(value));
    return "$" + std::to_string(values_.size());
  }

  static void bind(sqlite::Statement& statement, int position, const Bound& value) {
    switch (value.kind) {
      case Kind::number:
        return statement.bind(position, value.number);
      case Kind::text:
        return statement.bind(position, Text{value.bytes});
      case Kind::blob:
        return statement.bind(position, Blob{value.bytes});
    }
  }

  std::vector<std::string> conditions_;
  std::vector<Bound> values_;
};

// ---- filters ----

Result<void> filter_status(Query& query, const std::string& status) {
  if (status == "active") {
    query.where("t.status_class <= " + query.number(static_cast<int>(sync::StatusClass::hold)));
  } else if (status == "all") {
    query.where("t.deleted = 0");
  } else if (const auto exact = sync::status_from_name(status == "pending" ? "waiting" : status)) {
    query.where("t.ghost = 0 AND t.deleted = 0 AND t.status = " + query.number(static_cast<int>(*exact)));
  } else if (const auto status_class = sync::status_class_from_name(status)) {
    query.where("t.ghost = 0 AND t.status_class = " + query.number(static_cast<int>(*status_class)));
  } else {
    return bad(
        "status", "there is no status '" + status + "'",
        "a status (new, open, estimated, in_progress, waiting, on_hold, resolved, closed, reopened), a class (todo, "
        "work, wait, hold, done, end), active, or all");
  }
  return {};
}

Result<void> filter_ref(Query& query, ListParts parts, std::string_view column, RecordKind kind,
                        const std::string& name) {
  if (name.empty()) return {};
  const std::string tested = "t." + std::string(column);
  if (name == "none") {
    query.where("t.ghost = 0 AND " + tested + " IS NULL");
    return {};
  }
  TERN_TRY(const RecordId id, find_record(parts.replica, kind, name, parts.names.identity()));
  query.where(tested + " = " + query.blob(Bytes(id.view())));
  return {};
}

Result<void> filter_priority(Query& query, const std::string& priority) {
  if (priority.empty()) return {};
  const auto rank = sync::priority_rank(priority);
  if (!rank) return bad("priority", "there is no priority '" + priority + "'", "use low, normal, high or urgent");
  query.where("t.ghost = 0 AND t.priority = " + query.number(*rank));
  return {};
}

void filter_tag(Query& query, const std::string& tag) {
  if (tag.empty()) return;
  const std::string sought = tag_separator + sync::canonical_tag(tag) + tag_separator;
  query.where("instr(t.tags, " + query.text(sought) + ") > 0");
}

Result<void> filter_age(Query& query, const std::string& age, std::int64_t now_ms) {
  if (age.empty()) return {};
  const auto days = sync::list_age(age);
  if (!days) return bad("age", "'" + age + "' is no number of working days", "1 to 365");
  query.where("t.ghost = 0 AND t.created_ms <= " + query.number(sync::working_days_before(now_ms, *days)));
  return {};
}

/// Each word somewhere in subject, description or messages.
void filter_words(Query& query, const std::string& text) {
  for (const std::string& term : search_terms(text)) {
    const std::string sought = query.text(term);
    query.where("t.id IN (SELECT rowid FROM ticket_fts WHERE ticket_fts MATCH " + sought +
                " UNION SELECT m.ticket FROM message_fts f JOIN message m ON m.id = f.rowid WHERE message_fts MATCH " +
                sought + ")");
  }
}

// ---- paging: the token says where the page before ended ----

struct Token {
  std::uint8_t column = 0;
  bool descending = true;
  std::int64_t number = 0;
  std::string text;
  std::int64_t id = 0;
};

std::string write_token(const Token& token) {
  protocol::ByteWriter writer;
  writer.u8(token.column).u8(token.descending ? 1 : 0).i64(token.number).sized(token.text).i64(token.id);
  return to_hex(writer.bytes());
}

Result<Token> read_token(std::string_view text, std::uint8_t column, bool descending) {
  const Bytes raw = from_hex(text).value_or(Bytes{});
  Token token;
  protocol::ByteReader reader(raw);
  token.column = reader.u8("column");
  token.descending = reader.u8("descending") != 0;
  token.number = reader.i64("number");
  token.text = std::string(reader.sized(limits::kib * 8, "text"));
  token.id = reader.i64("id");
  if (!reader.finish() || token.column != column || token.descending != descending) {
    return bad("after", "this is not the token of the page before", "list again without it");
  }
  return token;
}

Result<std::uint8_t> sort_index(const std::string& name) {
  for (std::size_t i = 0; i < sort_columns.size(); ++i)
    if (sort_columns[i].name == name || (name.empty() && i == 0)) return static_cast<std::uint8_t>(i);
  return bad("sort", "lists are not sorted by '" + name + "'",
             "updated, created, priority, number, status, subject, assignee or sla");
}

Result<std::string> page_order(Query& query, const ListFilter& filter, std::uint8_t column) {
  const SortColumn& sort = sort_columns[column];
  if (!filter.after.empty()) {
    TERN_TRY(const Token token, read_token(filter.after, column, filter.descending));
    const std::string value = sort.text ? query.text(token.text) : query.number(token.number);
    query.where("(" + std::string(sort.sql) + ", t.id) " + (filter.descending ? "<" : ">") + " (" + value + ", " +
                query.number(token.id) + ")");
  }
  const std::string_view way = filter.descending ? " DESC" : " ASC";
  std::string order(" ORDER BY ");
  order.append(sort.sql).append(way).append(", t.id").append(way);
  if (!filter.colour.empty()) return order;  // which rows have it is not the database's to know
  return order.append(" LIMIT ") + query.number(static_cast<std::int64_t>(filter.limit) + 1);
}

// ---- rows ----

class RowReader {
public:
  explicit RowReader(ListParts parts) : parts_(parts) {}

  Result<void> begin() {
    TERN_TRY(const auto tickets, parts_.outbox.attention_tickets());
    attention_.insert(tickets.begin(), tickets.end());
    TERN_TRY(const CursorHeld cursor, parts_.replica.cursor());
    cursor_seq_ = cursor.commit_seq;
    return {};
  }

  Result<ListRow> read(const sqlite::Statement& from) {
    ListRow row;
    row.id = from.id<TicketId>(1);
    row.integer_id = from.uint64(2);
    row.number = from.text(3);
    row.subject = from.text(4);
    row.ghost = from.boolean(13);
    if (!row.ghost) {
      row.status = sync::status_name(static_cast<sync::Status>(from.int64(5)));
      row.priority = sync::priority_name(static_cast<std::uint8_t>(from.int64(6)));
    }
    row.queue = parts_.names.of(RecordKind::queue, from.blob(7));
    row.assignee = parts_.names.of(RecordKind::operator_, from.blob(8));
    row.category = parts_.names.of(RecordKind::category, from.blob(9));
    row.contact = parts_.names.of(RecordKind::contact, from.blob(10));
    row.created_ms = from.int64(11);
    row.updated_ms = from.int64(12);
    row.unread = from.uint64(20);
    TERN_TRY(row.saved, saved(row.id, from.int64(14) > 0));
    if (!from.is_null(15)) {
      TERN_TRY(const auto clock, of_copy(sync::decode_sla_clock(from.blob(15))));
      row.sla = worst_sla_view(clock, parts_.now_ms);
    }
    if (!from.is_null(17) && !row.ghost) {
      row.due_at_ms = from.int64(17);
      row.due_colour = sync::due_colour(static_cast<sync::StatusClass>(from.int64(18)), row.created_ms, *row.due_at_ms,
                                        parts_.now_ms);
    }
    return row;
  }

private:
  Result<Saved> saved(const TicketId& ticket, bool pending) {
    if (attention_.contains(ticket)) return Saved::needs_attention;
    if (!pending) return Saved::confirmed;
    TERN_TRY(const SetState state, parts_.outbox.least_advanced(ticket, cursor_seq_));
    return state < SetState::sent ? Saved::saved_here : Saved::sent;
  }

  ListParts parts_;
  std::unordered_set<TicketId> attention_;
  std::uint64_t cursor_seq_ = 0;
};

Result<void> check_colour(const std::string& colour) {
  if (colour.empty() || std::ranges::find(sync::list_colours, colour) != sync::list_colours.end()) return {};
  return bad("colour", "there is no colour '" + colour + "'", "green, yellow, red, blue or none");
}

/// Of what was promised and of the deadline the worse one.
std::string_view colour_of(const ListRow& row) {
  for (const std::string_view colour : {"red", "yellow", "green", "blue"})
    if (row.due_colour == colour || (row.sla && row.sla->colour == colour)) return colour;
  return "none";
}

}  // namespace

Result<ListPage> list_tickets(ListParts parts, const ListFilter& filter) {
  if (filter.limit < 1 || filter.limit > rows_max) return bad("limit", "a page has 1 to 500 rows");
  if (!is_valid_utf8(filter.text)) return bad("text", "the text to look for is not UTF-8");
  TERN_TRY(const std::uint8_t column, sort_index(filter.sort));
  Query query;
  // What is new is news on a closed ticket, too.
  TERN_CHECKED(filter_status(query, !filter.status.empty() ? filter.status : filter.unread ? "all" : "active"));
  if (filter.unread) {
    TERN_TRY(const bool counts, parts.replica.counts_unread());
    query.where(counts ? unread_sql + " > 0" : "0");
  }
  TERN_CHECKED(filter_priority(query, filter.priority));
  TERN_CHECKED(filter_ref(query, parts, "queue_id", RecordKind::queue, filter.queue));
  TERN_CHECKED(filter_ref(query, parts, "assignee_id", RecordKind::operator_, filter.assignee));
  TERN_CHECKED(filter_ref(query, parts, "category_id", RecordKind::category, filter.category));
  TERN_CHECKED(check_colour(filter.colour));
  filter_tag(query, filter.tag);
  TERN_CHECKED(filter_age(query, filter.age, parts.now_ms));
  if (!filter.text.empty()) {
    // On a full disk it is found what was indexed while there was room.
    const auto indexed = parts.replica.index_words();
    if (!indexed && indexed.error().code != ErrorCode::storage_full) return tl::unexpected(indexed.error());
  }
  filter_words(query, filter.text);
  TERN_TRY(const std::string order, page_order(query, filter, column));

  RowReader reader(parts);
  TERN_CHECKED(reader.begin());
  TERN_TRY(auto rows, query.run(parts.replica, order));
  ListPage page;
  Token last{column, filter.descending, 0, {}, 0};
  for (;;) {
    const auto row = rows.step();
    if (!row && row.error().code == ErrorCode::internal && !filter.text.empty()) {
      return bad("text", "these words cannot be looked for", "leave out unusual signs");
    }
    if (!row) return tl::unexpected(row.error());
    if (!*row) return page;
    if (page.rows.size() == filter.limit && filter.colour.empty()) break;
    TERN_TRY(auto read, reader.read(rows));
    if (!filter.colour.empty() && colour_of(read) != filter.colour) continue;
    if (page.rows.size() == filter.limit) break;
    const SortColumn& sort = sort_columns[column];
    if (sort.text) {
      last.text = rows.text(sort.selected);
    } else {
      last.number = rows.int64(sort.selected);
    }
    last.id = rows.int64(0);
    page.rows.push_back(std::move(read));
  }
  page.next = write_token(last);
  return page;
}

Result<UnreadCount> count_unread(ListParts parts) {
  UnreadCount out;
  TERN_TRY(const bool counts, parts.replica.counts_unread());
  if (!counts) return out;
  TERN_TRY(auto rows, parts.replica.database().query(
                          "SELECT count(*), sum(u), sum(mine) FROM (SELECT " + unread_sql +
                              " AS u, t.assignee_id IS $1 AS mine FROM ticket t WHERE t.deleted = 0) WHERE u > 0",
                          parts.names.identity().operator_id));
  TERN_TRY(const bool found, rows.step());
  check(found, "a sum has a row");
  out.tickets = rows.uint64(0);
  if (out.tickets == 0) return out;
  out.items = rows.uint64(1);
  out.mine = rows.uint64(2);
  return out;
}

Result<ListRow> list_row(ListParts parts, const TicketId& ticket) {
  Query query;
  query.where("t.ticket_id = " + query.blob(Bytes(ticket.view())));
  RowReader reader(parts);
  TERN_CHECKED(reader.begin());
  TERN_TRY(auto rows, query.run(parts.replica, ""));
  TERN_TRY(const bool found, rows.step());
  if (!found) {
    return fail(ErrorCode::not_found, "this ticket is not on this device", "sync, or look for it with search",
                "ticket");
  }
  return reader.read(rows);
}

}  // namespace tern::client
