// Columns and words of tickets that an older program wrote, and an index that was thrown away.
#include <algorithm>
#include <limits>

#include "desk/operator_loads.hpp"
#include "desk/ticket_refs.hpp"
#include "jobs.hpp"
#include "store/tenant_internals.hpp"
#include "store/words.hpp"
#include "tern/sqlite/transaction.hpp"
#include "ticket_columns.hpp"

namespace tern::server {
namespace {

constexpr std::size_t filled_per_step = 200;
constexpr std::uint64_t told_every = 10'000;

struct Unfilled {
  std::uint64_t integer_id = 0, message_id = 0;
  TicketId id;
  sync::TicketState state;
};

Result<std::vector<Unfilled>> unfilled_after(sqlite::Database& db, std::int64_t tenant, std::uint64_t after) {
  TERN_TRY(auto rows, db.query("SELECT integer_id, message_id, ticket_id, state FROM ticket WHERE tenant_id = $1 AND "
                               "integer_id > $2 ORDER BY integer_id LIMIT $3",
                               tenant, after, filled_per_step));
  std::vector<Unfilled> out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    Unfilled ticket{rows.uint64(0), rows.uint64(1), rows.id<TicketId>(2), {}};
    auto state = sync::decode_state(rows.blob(3));
    if (state) ticket.state = std::move(*state);  // damaged: `verify` names it
    out.push_back(std::move(ticket));
  }
}

std::optional<sqlite::Blob> bytes_or_null(const Bytes& bytes) {
  return bytes.empty() ? std::nullopt : std::optional(sqlite::Blob{bytes});
}

Result<void> fill_columns(sqlite::Database& db, std::int64_t tenant, const Unfilled& ticket) {
  const TicketColumns of = columns_of(ticket.state, scope_facts(ticket.state), {});
  const ListColumns& lists = of.lists;
  return db.run(
      "UPDATE ticket SET organisation = $3, listed = $4, first_response_ms = $5, resolved_ms = $6, worked_ms = $7 "
      "WHERE tenant_id = $1 AND ticket_id = $2",
      tenant, ticket.id, bytes_or_null(lists.organisation), lists.listed, lists.first_response_ms, lists.resolved_ms,
      lists.worked_ms);
}

Result<void> fill_words(sqlite::Database& db, std::int64_t tenant, const Unfilled& ticket) {
  if (sync::is_deleted(ticket.state)) return {};
  TERN_TRY(std::vector<WordsRow> rows, words_of_messages(db, tenant, ticket.id));
  if (ticket.message_id != 0)
    rows.push_back({words_place(ticket.message_id, WordReaders::everybody), words_text(ticket.state)});
  std::sort(rows.begin(), rows.end(), [](const WordsRow& a, const WordsRow& b) { return a.place < b.place; });
  for (const WordsRow& row : rows) TERN_CHECKED(add_words(db, words_row(ticket.integer_id, row.place), row.text));
  return {};
}

/// One transaction of it. Gives how many tickets it was about; fewer than a step: it was the last.
Result<std::size_t> fill_step(sqlite::Database& db, std::int64_t tenant, std::uint64_t& to) {
  TERN_TRY(auto transaction, sqlite::Transaction::begin_write(db));
  TERN_TRY(const auto tickets, unfilled_after(db, tenant, to));
  for (const Unfilled& ticket : tickets) {
    TERN_CHECKED(fill_columns(db, tenant, ticket));
    TERN_CHECKED(fill_words(db, tenant, ticket));
  }
  if (tickets.size() == filled_per_step) {
    to = tickets.back().integer_id;
    TERN_CHECKED(write_meta(db, tenant, meta_lists_to, meta_number(to)));
  } else {
    TERN_CHECKED(db.run("DELETE FROM meta WHERE tenant_id = $1 AND name = $2", tenant, sqlite::Text{meta_lists_to}));
    TERN_CHECKED(write_meta(db, tenant, meta_lists_form, meta_number(lists_form)));
    TERN_CHECKED(recount_loads(db, tenant));
  }
  TERN_CHECKED(transaction.commit());
  return tickets.size();
}

/// One transaction of it, the same.
Result<std::size_t> fill_channels(sqlite::Database& db, std::int64_t tenant) {
  TERN_TRY(auto transaction, sqlite::Transaction::begin_write(db));
  std::vector<std::pair<TicketId, std::string>> channels;
  {
    TERN_TRY(auto rows,
             db.query("SELECT ticket_id, state FROM ticket WHERE tenant_id = $1 AND channel IS NULL LIMIT $2", tenant,
                      filled_per_step));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) break;
      const auto state = sync::decode_state(rows.blob(1));  // damaged: `verify` names it
      channels.emplace_back(rows.id<TicketId>(0), channel_of(state.value_or(sync::TicketState{})));
    }
  }
  for (const auto& [ticket, channel] : channels)
    TERN_CHECKED(db.run("UPDATE ticket SET channel = $3 WHERE tenant_id = $1 AND ticket_id = $2", tenant, ticket,
                        sqlite::Text{channel}));
  TERN_CHECKED(transaction.commit());
  return channels.size();
}

Result<std::uint64_t> fill_while(Tenant& tenant, const std::function<bool(std::uint64_t)>& goes_on) {
  Tenant::Internals& in = tenant.internals();
  std::uint64_t filled = 0;
  for (bool last = false; !last;) {
    const auto strand = tenant.lock_writer();
    TERN_CHECKED(in.ensure_writer());
    TERN_TRY(std::uint64_t to, read_lists_to(*in.writer, tenant.number()));
    if (to == std::numeric_limits<std::uint64_t>::max()) return filled;
    TERN_CHECKED(tenant.write([&](sqlite::Database& db) -> Result<void> {
      TERN_TRY(const std::size_t of_step, fill_step(db, tenant.number(), to));
      filled += of_step;
      last = of_step < filled_per_step;
      return {};
    }));
    TERN_TRY(in.lists_to, read_lists_to(*in.writer, tenant.number()));
    if (!goes_on(filled)) return fail(ErrorCode::busy, "Interrupted: the rest is done at the next start.");
  }
  return filled;
}

Result<void> throw_words_away(sqlite::Database& db, std::int64_t tenant) {
  TERN_TRY(auto transaction, sqlite::Transaction::begin_write(db));
  TERN_CHECKED(db.exec(
      "DROP TABLE words_of; DROP TABLE words;"
      "CREATE VIRTUAL TABLE words USING fts5 (text, content = '', columnsize = 0, detail = none, tokenize = 'unicode61 "
      "remove_diacritics 2'); CREATE VIRTUAL TABLE words_of USING fts5vocab (words, instance);"
      "INSERT INTO words (words, rank) VALUES ('automerge', 16);"
      "INSERT INTO words (words, rank) VALUES ('crisismerge', 64)"));
  TERN_CHECKED(overwrite_old_words(db));
  TERN_CHECKED(db.run("DELETE FROM meta WHERE tenant_id = $1 AND name = $2", tenant, sqlite::Text{meta_lists_form}));
  TERN_CHECKED(write_meta(db, tenant, meta_lists_to, meta_number(0)));
  return transaction.commit();
}

}  // namespace

Result<std::uint64_t> fill_lists(Tenant& tenant, const std::function<void(std::uint64_t)>& done) {
  return fill_while(tenant, [&](std::uint64_t filled) {
    if (filled % told_every == 0) done(filled);
    return true;
  });
}

Result<std::uint64_t> fill_channels(Tenant& tenant, const std::function<void(std::uint64_t)>& done) {
  Tenant::Internals& in = tenant.internals();
  std::uint64_t filled = 0;
  for (std::size_t of_step = filled_per_step; of_step == filled_per_step; filled += of_step) {
    const auto strand = tenant.lock_writer();
    TERN_CHECKED(in.ensure_writer());
    TERN_CHECKED(tenant.write([&](sqlite::Database& db) -> Result<void> {
      TERN_TRY(of_step, fill_channels(db, tenant.number()));
      return {};
    }));
    if (const std::uint64_t now = filled + of_step; now / told_every != filled / told_every) done(now);
  }
  return filled;
}

Result<std::uint64_t> rebuild_words(Tenant& tenant, const std::function<bool()>& stop) {
  {
    const auto strand = tenant.lock_writer();
    TERN_CHECKED(tenant.write([&](sqlite::Database& db) { return throw_words_away(db, tenant.number()); }));
    tenant.internals().lists_to = 0;
  }
  return fill_while(tenant, [&](std::uint64_t) { return !stop || !stop(); });
}

}  // namespace tern::server
