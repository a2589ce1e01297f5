#include "api/ticket_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "api/search.hpp"
#include "tern/protocol/wire.hpp"

namespace tern::server {
namespace {

constexpr std::size_t contacts_named_max = 1'000;            // in one statement
constexpr std::uint64_t hits_counted_max = ranked_hits_max;  // of more, nobody is told how many
constexpr std::uint64_t filtered_ids_max = 20'000;           // are read at once; of more each hit is looked up
constexpr std::uint64_t hits_looked_up_max = 5'000;
constexpr std::size_t digits_max = 15;

constexpr int every_status[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
constexpr int every_priority[] = {1, 2, 3, 4};

struct Order {
  std::string_view word;
  TicketOrder order;
};
constexpr Order orders[] = {{"newest", TicketOrder::newest},
                            {"oldest", TicketOrder::oldest},
                            {"updated", TicketOrder::updated},
                            {"priority", TicketOrder::priority},
                            {"relevance", TicketOrder::relevance}};

/// Where a ticket stands in its list.
struct Key {
  std::int64_t major = 0;  // version or priority; else 0
  std::uint64_t ticket = 0;
  auto operator<=>(const Key&) const = default;
};

template <typename T>
std::vector<int> numbers_of(const std::vector<T>& some, std::span<const int> all) {
  if (some.empty()) return {all.begin(), all.end()};
  std::vector<int> out;
  out.reserve(some.size());
  for (const T value : some) out.push_back(static_cast<int>(value));
  return out;
}

std::string in_list(std::string_view column, const std::vector<int>& values) {
  return values.size() == 1 ? fmt::format("{} = {}", column, values.front())
                            : fmt::format("{} IN ({})", column, fmt::join(values, ", "));
}

/// A filter as SQL: numbers of our own enumerations and ids of our own records, nothing of a request.
struct Conditions {
  std::vector<int> statuses, priorities;
  bool any_priority = true;
  std::vector<std::string> branches;  // one of them; none holds of a ticket that another holds of
  std::string always;
  bool of_column = false;    // an index of another column is read
  bool asks_nothing = true;  // every ticket that is not deleted is like that

  [[nodiscard]] bool asks_of_status_alone() const {
    return any_priority && always.empty() && branches.size() == 1 && branches.front().empty();
  }
  [[nodiscard]] std::string where(const std::string& branch) const {
    return "tenant_id = $1 AND " + in_list("listed", statuses) +
           (any_priority ? "" : " AND " + in_list("priority", priorities)) + branch + always;
  }
};

/// In a table of the connection's own, in memory: a statement has no room for so many.
Result<std::string> put_contacts(sqlite::Database& db, const std::vector<RecordId>& contacts) {
  TERN_CHECKED(
      db.exec("CREATE TEMP TABLE IF NOT EXISTS client_contact (contact BLOB PRIMARY KEY) WITHOUT ROWID; "
              "DELETE FROM temp.client_contact"));
  TERN_TRY(auto put, db.prepare("INSERT INTO temp.client_contact (contact) VALUES ($1)"));
  for (const RecordId& contact : contacts) {
    put.bind_all(contact);
    TERN_CHECKED(put.run());
    put.reset();
  }
  return std::string("SELECT contact FROM temp.client_contact");
}

/// What statements have behind IN for these.
Result<std::string> list_of(sqlite::Database& db, const std::vector<RecordId>& contacts) {
  if (contacts.size() > contacts_named_max) {
    // Readers write nothing, but for this.
    const bool only_reads = db.role() == sqlite::Role::reader;
    if (only_reads) TERN_CHECKED(db.exec("PRAGMA query_only = OFF"));
    auto table = put_contacts(db, contacts);
    if (only_reads) TERN_CHECKED(db.exec("PRAGMA query_only = ON"));
    return table;
  }
  std::string out;
  for (const RecordId& contact : contacts) out += (out.empty() ? "" : ", ") + blob_literal(contact.view());
  return out;
}

/// A ticket's client is its own organisation, else its contact's.
Result<std::vector<std::string>> client_branches(sqlite::Database& db, const Tenant& tenant,
                                                 const RecordId& organisation) {
  std::vector<std::string> branches{" AND organisation = " + blob_literal(organisation.view())};
  const std::vector<RecordId> contacts = contacts_of(tenant, organisation);
  if (contacts.empty()) return branches;
  TERN_TRY(const std::string list, list_of(db, contacts));
  branches.push_back(" AND organisation IS NULL AND contact IN (" + list + ")");
  return branches;
}

Result<std::optional<Conditions>> conditions_of(sqlite::Database& db, const Tenant& tenant, const Caller& caller,
                                                const TicketFilter& filter) {
  const auto readable = readable_condition(caller);
  if (!readable) return std::optional<Conditions>{};
  Conditions out;
  out.statuses = numbers_of(filter.statuses, every_status);
  out.priorities = numbers_of(filter.priorities, every_priority);
  out.any_priority = filter.priorities.empty();
  out.branches = {""};
  if (filter.organisation) {
    TERN_TRY(out.branches, client_branches(db, tenant, *filter.organisation));
  }
  if (filter.category) out.always += " AND category = " + blob_literal(filter.category->view());
  if (filter.assignee) out.always += " AND assignee = " + blob_literal(filter.assignee->view());
  if (!filter.among.empty()) {
    std::string ids;
    for (const TicketId& id : filter.among) ids += (ids.empty() ? "" : ", ") + blob_literal(id.view());
    out.always += " AND ticket_id IN (" + ids + ")";
  }
  out.always += *readable;
  out.of_column =
      !filter.among.empty() || filter.category || filter.assignee || filter.organisation || caller.is_client();
  out.asks_nothing = filter.statuses.empty() && filter.priorities.empty() && !filter.organisation && out.always.empty();
  return std::optional(std::move(out));
}

Result<std::uint64_t> count_tickets(sqlite::Database& db, std::int64_t tenant, const Conditions& conditions) {
  if (conditions.asks_of_status_alone()) {
    const auto counted = db.int64_of(
        "SELECT sum(n) FROM ticket_count WHERE tenant_id = $1 AND " + in_list("listed", conditions.statuses), tenant);
    return counted.map([](const auto& n) { return static_cast<std::uint64_t>(n.value_or(0)); });
  }
  std::uint64_t total = 0;
  for (const std::string& branch : conditions.branches) {
    TERN_TRY(auto count, db.prepare("SELECT count(*) FROM ticket WHERE " + conditions.where(branch)));
    count.bind_all(tenant);
    TERN_TRY(const bool counted, count.step());
    total += counted ? count.uint64(0) : 0;
  }
  return total;
}

// ---- cursors: where the page before ended ----

std::string write_cursor(TicketOrder order, const Key& key) {
  protocol::ByteWriter writer;
  writer.u8(static_cast<std::uint8_t>(order)).i64(key.major).u64(key.ticket);
  return to_hex(writer.bytes());
}

Result<std::optional<Key>> read_cursor(const TicketPaging& paging) {
  if (paging.cursor.empty()) return std::optional<Key>{};
  const Bytes raw = from_hex(paging.cursor).value_or(Bytes{});
  protocol::ByteReader reader(raw);
  const auto order = static_cast<TicketOrder>(reader.u8("order"));
  Key key;
  key.major = reader.i64("major");
  key.ticket = reader.u64("ticket");
  if (!reader.finish() || order != paging.order)
    return fail(ErrorCode::invalid, "This is not the cursor of the page before.", "List again without it.", "cursor");
  return std::optional(key);
}

// ---- lists ----

bool ascends(TicketOrder order) {
  return order == TicketOrder::oldest;
}

/// Beyond the cursor, as SQL.
std::string beyond(TicketOrder order, const std::optional<Key>& after) {
  if (!after) return {};
  if (order == TicketOrder::updated)
    return fmt::format(" AND (version < {0} OR (version = {0} AND integer_id < {1}))", after->major, after->ticket);
  if (order == TicketOrder::priority)
    return fmt::format(" AND (priority < {0} OR (priority = {0} AND integer_id < {1}))", after->major, after->ticket);
  return fmt::format(" AND integer_id {} {}", ascends(order) ? ">" : "<", after->ticket);
}

Result<void> read_keys(sqlite::Database& db, std::int64_t tenant, const std::string& sql, std::vector<Key>& out) {
  TERN_TRY(auto rows, db.prepare(sql));
  rows.bind_all(tenant);
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    out.push_back({rows.int64(0), rows.uint64(1)});
  }
}

/// The first `count` of each status and priority, each read in the order of its index; they are merged after that.
Result<std::vector<Key>> first_keys(sqlite::Database& db, std::int64_t tenant, const Conditions& conditions,
                                    TicketOrder order, const std::optional<Key>& after, std::uint64_t count) {
  std::vector<Key> keys;
  const std::string rest = conditions.always + beyond(order, after);
  for (const std::string& branch : conditions.branches) {
    if (order == TicketOrder::updated) {
      TERN_CHECKED(read_keys(db, tenant,
                             fmt::format("SELECT version, integer_id FROM ticket WHERE {}{} ORDER BY version DESC, "
                                         "integer_id DESC LIMIT {}",
                                         conditions.where(branch), beyond(order, after), count),
                             keys));
      continue;
    }
    // An index of another column has no priorities: there they are looked at row by row, unless they sort.
    const bool by_priority = order == TicketOrder::priority || !conditions.of_column;
    for (const int status : conditions.statuses)
      for (const int priority : by_priority ? conditions.priorities : std::vector<int>{0}) {
        const std::string of_rank = priority != 0             ? fmt::format(" AND priority = {}", priority)
                                    : conditions.any_priority ? std::string()
                                                              : " AND " + in_list("priority", conditions.priorities);
        TERN_CHECKED(
            read_keys(db, tenant,
                      fmt::format("SELECT {}, integer_id FROM ticket WHERE tenant_id = $1 AND listed = {}{}{}{} "
                                  "ORDER BY integer_id {} LIMIT {}",
                                  order == TicketOrder::priority ? "priority" : "0", status, of_rank, branch, rest,
                                  ascends(order) ? "ASC" : "DESC", count),
                      keys));
      }
  }
  if (ascends(order)) {
    std::ranges::sort(keys);
  } else {
    std::ranges::sort(keys, std::greater<>());
  }
  return keys;
}

Result<void> take_ticket(TicketView& view, std::uint64_t ticket, TicketPage& page) {
  TERN_TRY(FoundTicket found, view.find(static_cast<std::int64_t>(ticket)));
  page.tickets.push_back(std::move(found));
  return {};
}

Result<TicketPage> filtered_page(sqlite::Database& db, const Tenant& tenant, TicketView& view,
                                 const Conditions& conditions, const TicketPaging& paging) {
  TicketPage page;
  TERN_TRY(const auto after, read_cursor(paging));
  TERN_TRY(page.total, count_tickets(db, tenant.number(), conditions));
  const std::uint64_t end = paging.skip + paging.limit;
  TERN_TRY(const auto keys, first_keys(db, tenant.number(), conditions, paging.order, after, end + 1));
  for (std::uint64_t i = paging.skip; i < std::min<std::uint64_t>(end, keys.size()); ++i)
    TERN_CHECKED(take_ticket(view, keys[i].ticket, page));
  if (keys.size() > end && end > 0) page.next_cursor = write_cursor(paging.order, keys[end - 1]);
  return page;
}

// ---- by words ----

/// Which hits are like the filter.
class HitFilter {
public:
  static Result<HitFilter> of(sqlite::Database& db, std::int64_t tenant, const Conditions& conditions) {
    HitFilter filter(tenant);
    if (conditions.asks_nothing) return filter;
    TERN_TRY(const std::uint64_t count, count_tickets(db, tenant, conditions));
    if (count > filtered_ids_max) {
      for (const std::string& branch : conditions.branches) {
        TERN_TRY(auto look, db.prepare("SELECT 1 FROM ticket WHERE integer_id = $2 AND " + conditions.where(branch)));
        filter.looks_.push_back(std::move(look));
      }
      return filter;
    }
    filter.ids_.emplace();
    for (const std::string& branch : conditions.branches) {
      TERN_TRY(auto rows, db.prepare("SELECT integer_id FROM ticket WHERE " + conditions.where(branch)));
      rows.bind_all(tenant);
      for (;;) {
        TERN_TRY(const bool more, rows.step());
        if (!more) break;
        filter.ids_->push_back(rows.uint64(0));
      }
    }
    std::ranges::sort(*filter.ids_);
    return filter;
  }

  /// The newest at or below that may be like it; 0: none is.
  [[nodiscard]] std::uint64_t at_or_below(std::uint64_t ticket) const {
    if (!ids_) return ticket;
    const auto above = std::ranges::upper_bound(*ids_, ticket);
    return above == ids_->begin() ? 0 : *(above - 1);
  }
  /// Of one that `at_or_below` gave.
  Result<bool> holds(std::uint64_t ticket) {
    if (looks_.empty()) return true;
    ++looked_up_;
    for (sqlite::Statement& look : looks_) {
      look.bind_all(tenant_, ticket);
      TERN_TRY(const bool there, look.step());
      look.reset();
      if (there) return true;
    }
    return false;
  }
  [[nodiscard]] bool is_spent() const { return looked_up_ >= hits_looked_up_max; }
  void begin_again() { looked_up_ = 0; }

private:
  explicit HitFilter(std::int64_t tenant) : tenant_(tenant) {}

  std::int64_t tenant_;
  std::vector<sqlite::Statement> looks_;  // one for each branch; none: every hit that comes here is like it
  std::optional<std::vector<std::uint64_t>> ids_;
  std::uint64_t looked_up_ = 0;
};

struct Hits {
  std::vector<SearchHit> hits;
  bool all = true;
};

constexpr std::uint64_t above_all_tickets = std::numeric_limits<std::int32_t>::max();

Result<Hits> hits_of(WordSearch& search, HitFilter& filter, std::uint64_t below, std::uint64_t hits_max) {
  Hits out;
  for (;;) {
    TERN_TRY(auto hit, search.next(below));
    if (!hit) break;
    below = filter.at_or_below(hit->ticket);
    if (below == 0) return out;
    if (below != hit->ticket) {
      ++below;
      continue;
    }
    TERN_TRY(const bool holds, filter.holds(hit->ticket));
    if (!holds && !filter.is_spent()) continue;
    out.all = !filter.is_spent() && out.hits.size() < hits_max;
    if (!out.all) return out;
    out.hits.push_back(std::move(*hit));
  }
  out.all = !search.is_spent();
  return out;
}

/// A page after the first begins where the one before ended, however many were counted.
Result<std::vector<SearchHit>> hits_beyond(sqlite::Database& db, const std::string& words, WordReaders most_secret,
                                           HitFilter& filter, std::uint64_t ticket, std::uint64_t count) {
  TERN_TRY(auto search, WordSearch::begin(db, words, most_secret));
  filter.begin_again();
  return hits_of(search, filter, ticket, count).map([](Hits&& found) { return std::move(found.hits); });
}

Result<TicketPage> page_by_words(sqlite::Database& db, const Tenant& tenant, TicketView& view,
                                 const Conditions& conditions, const std::string& words, const TicketPaging& paging) {
  TERN_TRY(const auto after, read_cursor(paging));
  const bool ranked = paging.order == TicketOrder::relevance;
  const std::uint64_t end = paging.skip + paging.limit;
  TERN_TRY(auto search, WordSearch::begin(db, words, view.most_secret()));
  TERN_TRY(auto filter, HitFilter::of(db, tenant.number(), conditions));
  const std::uint64_t hits_max = ranked ? ranked_hits_max : std::max(hits_counted_max, end + 1);
  TERN_TRY(Hits found, hits_of(search, filter, above_all_tickets, hits_max));
  TicketPage page;
  page.total = found.hits.size();
  page.total_exact = found.all;
  if (after && !ranked) {
    TERN_TRY(found.hits, hits_beyond(db, words, view.most_secret(), filter, after->ticket, end + 1));
  }
  std::vector<std::uint64_t> tickets;
  if (ranked) {
    TERN_TRY(tickets, search.ranked(tenant.number(), found.hits));
  } else {
    for (const SearchHit& hit : found.hits) tickets.push_back(hit.ticket);
  }
  for (std::uint64_t i = paging.skip; i < std::min<std::uint64_t>(end, tickets.size()); ++i)
    TERN_CHECKED(take_ticket(view, tickets[i], page));
  if (!ranked && end > 0 && tickets.size() > end) page.next_cursor = write_cursor(paging.order, {0, tickets[end - 1]});
  return page;
}

// ---- straight to one ----

/// Which ticket a number names; 0: it is none.
Result<std::uint64_t> named_ticket(sqlite::Database& db, std::int64_t tenant, std::string_view words) {
  while (!words.empty() && words.front() == ' ') words.remove_prefix(1);
  while (!words.empty() && words.back() == ' ') words.remove_suffix(1);
  const std::string_view digits = words.starts_with('#') ? words.substr(1) : words;
  if (digits.empty() || words.find(' ') != std::string_view::npos) return std::uint64_t{0};
  if (digits.size() <= digits_max && std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; }))
    return static_cast<std::uint64_t>(std::stoull(std::string(digits)));
  std::string name(words);
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  TERN_TRY(const auto found, db.int64_of("SELECT t.integer_id FROM ticket_name n JOIN ticket t ON t.tenant_id = "
                                         "n.tenant_id AND t.ticket_id = n.ticket_id WHERE n.tenant_id = $1 AND n.name "
                                         "IN ($2, $3) LIMIT 1",
                                         tenant, sqlite::Text{words}, sqlite::Text{name}));
  return static_cast<std::uint64_t>(found.value_or(0));
}

Result<std::optional<TicketPage>> named_page(sqlite::Database& db, const Tenant& tenant, TicketView& view,
                                             const Conditions& conditions, const TicketFilter& filter,
                                             const TicketPaging& paging) {
  TERN_TRY(const std::uint64_t ticket, named_ticket(db, tenant.number(), filter.words));
  if (ticket == 0) return std::optional<TicketPage>{};
  for (const std::string& branch : conditions.branches) {
    TERN_TRY(auto row, db.prepare("SELECT 1 FROM ticket WHERE integer_id = $2 AND " + conditions.where(branch)));
    row.bind_all(tenant.number(), ticket);
    TERN_TRY(const bool there, row.step());
    if (!there) continue;
    TicketPage page;
    page.total = 1;
    if (paging.skip == 0 && paging.cursor.empty()) TERN_CHECKED(take_ticket(view, ticket, page));
    return std::optional(std::move(page));
  }
  return std::optional<TicketPage>{};
}

}  // namespace

std::optional<TicketOrder> ticket_order(std::string_view word) {
  const auto found = std::ranges::find(orders, word, &Order::word);
  return found == std::end(orders) ? std::nullopt : std::optional(found->order);
}

std::string blob_literal(ByteView bytes) {
  return "x'" + to_hex(bytes) + "'";
}

Result<std::string> client_condition(sqlite::Database& db, const Tenant& tenant, const RecordId& organisation) {
  std::string any;
  TERN_TRY(const auto branches, client_branches(db, tenant, organisation));
  for (const std::string& branch : branches) any += (any.empty() ? "(1" : " OR (1") + branch + ")";
  return " AND (" + any + ")";
}

std::optional<std::string> readable_condition(const Caller& caller) {
  if (caller.is_client()) return " AND contact = " + blob_literal(caller.id);
  if (!caller.actor) return std::string();
  const sync::Actor& actor = *caller.actor;
  if (!actor.active || !sync::has_right(actor.role, sync::Right::read)) return std::nullopt;
  if (sync::queue_scope_all(actor.role)) return std::string();
  const std::string me = blob_literal(actor.id.view());
  std::string queues;
  for (const RecordId& queue : actor.queues) queues += (queues.empty() ? "" : ", ") + blob_literal(queue.view());
  if (!queues.empty()) queues = " OR queue IN (" + queues + ")";
  return fmt::format(
      " AND (queue IS NULL{} OR assignee = {} OR ticket_id IN (SELECT ticket_id FROM ticket_interest WHERE tenant_id = "
      "$1 AND operator_id = {}))",
      queues, me, me);
}

Result<TicketPage> list_page(sqlite::Database& db, const Tenant& tenant, const Caller& caller, TicketView& view,
                             const TicketFilter& filter, const TicketPaging& paging) {
  TERN_TRY(const auto conditions, conditions_of(db, tenant, caller, filter));
  const bool by_words = !filter.words.empty();
  const bool ranked = paging.order == TicketOrder::relevance;
  if (by_words ? !ranked && paging.order != TicketOrder::newest : ranked)
    return fail(ErrorCode::invalid, "A search gives the newest first, or by relevance; only a search does the latter.",
                "sort: newest or relevance", "sort");
  if (!conditions) return TicketPage{};
  if (!by_words) return filtered_page(db, tenant, view, *conditions, paging);
  TERN_TRY(auto named, named_page(db, tenant, view, *conditions, filter, paging));
  return named ? std::move(*named) : page_by_words(db, tenant, view, *conditions, filter.words, paging);
}

}  // namespace tern::server
