#include "inbound/inbound_rows.hpp"

#include "tern/protocol/crypto.hpp"

namespace tern::server {
namespace {

constexpr std::int64_t inbound_swept_at_once = 100, inbound_dropped_at_once = 2'000;
constexpr std::string_view inbound_columns =
    "SELECT n, hook, event, state, at_ms, tries, ticket_id, code, said, request FROM inbound WHERE tenant_id = $1 ";

Inbound inbound_row(const sqlite::Statement& row) {
  Inbound out;
  out.n = row.uint64(0);
  out.hook = row.id<RecordId>(1);
  out.event = row.id<Hash>(2);
  out.state = static_cast<InboundState>(row.int64(3));
  out.at_ms = row.int64(4);
  out.tries = row.uint64(5);
  out.ticket = row.id<TicketId>(6);
  out.code = std::string(row.text(7));
  out.said = std::string(row.text(8));
  out.request = std::string(row.text(9));
  return out;
}

Result<std::optional<Inbound>> one_inbound(sqlite::Statement rows) {
  TERN_TRY(const bool found, rows.step());
  return found ? std::optional(inbound_row(rows)) : std::optional<Inbound>();
}

}  // namespace

std::string_view inbound_state_name(InboundState state) {
  constexpr std::string_view names[] = {"taken", "refused", "ignored"};
  return names[static_cast<std::size_t>(state)];
}

Hash inbound_name(const RecordId& hook, std::string_view what, std::string_view name) {
  const std::string end(1, '\0');
  return protocol::Hasher("TRN1-INBOUND").add(hook.view()).add(what).add(end).add(name).finish();
}

Result<std::optional<Inbound>> InboundRows::find(const RecordId& hook, const Hash& event) {
  TERN_TRY(auto rows, db_.query(std::string(inbound_columns) + "AND hook = $2 AND event = $3", tenant_, hook, event));
  return one_inbound(std::move(rows));
}

Result<std::optional<Inbound>> InboundRows::find(const RecordId& hook, std::uint64_t n) {
  TERN_TRY(auto rows, db_.query(std::string(inbound_columns) + "AND n = $3 AND hook = $2", tenant_, hook, n));
  return one_inbound(std::move(rows));
}

Result<std::vector<Inbound>> InboundRows::newest(const RecordId& hook, std::uint64_t before, std::int64_t limit) {
  TERN_TRY(auto rows, db_.query(std::string(inbound_columns) + "AND hook = $2 AND n < $3 ORDER BY n DESC LIMIT $4",
                                tenant_, hook, before, limit));
  std::vector<Inbound> out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back(inbound_row(rows));
  }
}

Result<void> InboundRows::put(Inbound row) {
  TERN_TRY(const auto before, find(row.hook, row.event));
  TERN_TRY(const auto newest, db_.int64_of("SELECT max(n) FROM inbound WHERE tenant_id = $1", tenant_));
  const std::int64_t next = newest.value_or(0) + 1;
  row.tries = (before ? before->tries : 0) + 1;
  TERN_CHECKED(
      db_.run("DELETE FROM inbound WHERE tenant_id = $1 AND hook = $2 AND event = $3", tenant_, row.hook, row.event));
  TERN_CHECKED(db_.run(
      "DELETE FROM inbound WHERE tenant_id = $1 AND n IN (SELECT n FROM inbound WHERE tenant_id = $1 ORDER BY n "
      "LIMIT $2) AND (n <= $3 OR at_ms < $4)",
      tenant_, inbound_swept_at_once, next - inbound_rows_max, row.at_ms - inbound_kept_ms));
  TERN_CHECKED(
      db_.run("INSERT INTO inbound (tenant_id, n, hook, event, state, at_ms, tries, ticket_id, code, said, request) "
              "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
              tenant_, next, row.hook, row.event, row.state, row.at_ms, row.tries, row.ticket, sqlite::Text{row.code},
              sqlite::Text{row.said}, sqlite::Text{row.request}));
  if (row.state != InboundState::refused) return {};
  return db_.run(
      "DELETE FROM inbound WHERE tenant_id = $1 AND hook = $2 AND state = 1 AND n <= (SELECT n FROM inbound WHERE "
      "tenant_id = $1 AND hook = $2 AND state = 1 ORDER BY n DESC LIMIT 1 OFFSET $3)",
      tenant_, row.hook, inbound_refused_max);
}

Result<void> InboundRows::forget(const RecordId& hook) {
  TERN_CHECKED(db_.run("DELETE FROM inbound WHERE tenant_id = $1 AND hook = $2", tenant_, hook));
  return db_.run("DELETE FROM ticket_key WHERE tenant_id = $1 AND source = $2", tenant_, hook);
}

Result<void> InboundRows::drop_older(std::int64_t at_ms) {
  return db_.run(
      "DELETE FROM inbound WHERE tenant_id = $1 AND at_ms < $2 AND n IN (SELECT n FROM inbound WHERE tenant_id = $1 "
      "ORDER BY n LIMIT $3)",
      tenant_, at_ms, inbound_dropped_at_once);
}

Result<std::optional<TicketId>> InboundRows::ticket_by(const RecordId& source, const Hash& key) {
  TERN_TRY(auto rows, db_.query("SELECT ticket_id FROM ticket_key WHERE tenant_id = $1 AND source = $2 AND key = $3 "
                                "ORDER BY n DESC LIMIT 1",
                                tenant_, source, key));
  TERN_TRY(const bool found, rows.step());
  return found ? std::optional(rows.id<TicketId>(0)) : std::optional<TicketId>();
}

Result<void> InboundRows::put_key(const RecordId& source, const Hash& key, const TicketId& ticket) {
  TERN_TRY(const auto newest,
           db_.int64_of("SELECT max(n) FROM ticket_key WHERE tenant_id = $1 AND source = $2 AND key = $3", tenant_,
                        source, key));
  return db_.run("INSERT INTO ticket_key (tenant_id, source, key, n, ticket_id) VALUES ($1, $2, $3, $4, $5)", tenant_,
                 source, key, newest.value_or(0) + 1, ticket);
}

}  // namespace tern::server
