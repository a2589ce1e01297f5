#include "desk/outgoing.hpp"

#include <algorithm>

#include "tern/protocol/crypto.hpp"

namespace tern::server {
namespace {

constexpr std::string_view outgoing_columns =
    "n, way, target, event, ticket_id, cause, delivery, at_ms, state, attempts, due_ms, done_ms, address, said";

Outgoing outgoing_of(const sqlite::Statement& row) {
  Outgoing out;
  out.n = row.uint64(0);
  out.way = static_cast<OutgoingWay>(row.int64(1));
  out.target = row.id<RecordId>(2);
  out.event = std::string(row.text(3));
  out.ticket = row.id<TicketId>(4);
  out.cause = Bytes(row.blob(5));
  out.delivery = row.id<DeliveryId>(6);
  out.at_ms = row.int64(7);
  out.state = static_cast<OutgoingState>(row.int64(8));
  out.attempts = row.uint64(9);
  out.due_ms = row.int64(10);
  out.done_ms = row.int64(11);
  out.address = Bytes(row.blob(12));
  out.said = std::string(row.text(13));
  return out;
}

std::string select_outgoing(std::string_view rest) {
  return "SELECT " + std::string(outgoing_columns) + " FROM outgoing WHERE tenant_id = $1 AND " + std::string(rest);
}

Result<std::vector<Outgoing>> all_outgoing(sqlite::Statement rows) {
  std::vector<Outgoing> out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back(outgoing_of(rows));
  }
}

}  // namespace

std::string_view outgoing_state_name(OutgoingState state) {
  constexpr std::string_view names[] = {"waiting", "sent", "given_up", "dropped"};
  return names[static_cast<std::size_t>(state)];
}

DeliveryId delivery_of(const Outgoing& outgoing) {
  const char way = static_cast<char>(outgoing.way);
  const char size = static_cast<char>(outgoing.event.size());
  protocol::Hasher hasher("TRN1-DELIVERY");
  hasher.add(ByteView(&way, 1)).add(outgoing.target.view()).add(ByteView(&size, 1)).add(outgoing.event);
  return DeliveryId::or_zero(hasher.add(outgoing.cause).finish().view().substr(0, DeliveryId::size_bytes));
}

std::optional<sync::ChangeRef> change_of_cause(ByteView cause) {
  if (cause.size() != DeviceId::size_bytes + ChangeId::size_bytes) return std::nullopt;
  return sync::ChangeRef{DeviceId::or_zero(cause.substr(0, DeviceId::size_bytes)),
                         ChangeId::or_zero(cause.substr(DeviceId::size_bytes))};
}

Result<bool> OutgoingRows::put(const Outgoing& one) {
  TERN_TRY(
      const auto made,
      db_.int64_of("INSERT INTO outgoing (tenant_id, n, way, target, event, ticket_id, cause, delivery, at_ms, "
                   "state, attempts, due_ms, done_ms, address, said) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "
                   "0, 0, $10, 0, $11, '') ON CONFLICT (tenant_id, delivery) DO NOTHING RETURNING n",
                   tenant_, one.n, one.way, one.target, sqlite::Text{one.event}, one.ticket, sqlite::Blob{one.cause},
                   delivery_of(one), one.at_ms, std::max(one.at_ms, one.due_ms), sqlite::Blob{{}}));
  return made.has_value();
}

Result<std::optional<Outgoing>> OutgoingRows::find(std::uint64_t n) {
  TERN_TRY(auto rows, db_.query(select_outgoing("n = $2"), tenant_, n));
  TERN_TRY(const bool found, rows.step());
  return found ? std::optional(outgoing_of(rows)) : std::optional<Outgoing>();
}

Result<std::vector<Outgoing>> OutgoingRows::due(std::int64_t now_ms, std::int64_t limit) {
  TERN_TRY(auto rows, db_.query(select_outgoing("state = 0 AND due_ms <= $2 ORDER BY due_ms, n LIMIT $3"), tenant_,
                                now_ms, limit));
  return all_outgoing(std::move(rows));
}

Result<std::optional<std::int64_t>> OutgoingRows::next_due() {
  TERN_TRY(auto rows, db_.query("SELECT min(due_ms) FROM outgoing WHERE tenant_id = $1 AND state = 0", tenant_));
  TERN_TRY(const bool found, rows.step());
  return found && !rows.is_null(0) ? std::optional(rows.int64(0)) : std::optional<std::int64_t>();
}

Result<std::vector<Outgoing>> OutgoingRows::newest(OutgoingWay first, OutgoingWay last, const RecordId& target,
                                                   std::uint64_t before, std::int64_t limit) {
  TERN_TRY(auto rows, db_.query(select_outgoing("way BETWEEN $2 AND $3 AND ($4 <> 0 OR target = $5) AND n < $6 "
                                                "ORDER BY n DESC LIMIT $7"),
                                tenant_, first, last, target.is_zero(), target, before, limit));
  return all_outgoing(std::move(rows));
}

Result<void> OutgoingRows::note(const Outgoing& one) {
  return db_.run(
      "UPDATE outgoing SET state = $3, attempts = $4, due_ms = $5, done_ms = $6, address = $7, said = $8 "
      "WHERE tenant_id = $1 AND n = $2 AND state = 0",
      tenant_, one.n, one.state, one.attempts, one.due_ms, one.done_ms, sqlite::Blob{one.address},
      sqlite::Text{one.said});
}

Result<void> OutgoingRows::give_up(const RecordId& target, std::int64_t now_ms, std::string_view why) {
  return db_.run(
      "UPDATE outgoing SET state = 2, done_ms = $3, said = $4 WHERE tenant_id = $1 AND target = $2 AND "
      "state = 0",
      tenant_, target, now_ms, sqlite::Text{why});
}

Result<void> OutgoingRows::drop_waiting(const RecordId& target, std::string_view event, std::int64_t now_ms,
                                        std::string_view why) {
  return db_.run(
      "UPDATE outgoing SET state = 3, done_ms = $4, said = $5 WHERE tenant_id = $1 AND target = $2 AND event = $3 AND "
      "state = 0",
      tenant_, target, sqlite::Text{event}, now_ms, sqlite::Text{why});
}

Result<void> OutgoingRows::drop_waiting_mails(std::int64_t now_ms, std::string_view why) {
  return db_.run(
      "UPDATE outgoing SET state = 3, done_ms = $2, said = $3 WHERE tenant_id = $1 AND state = 0 AND way <> "
      "1",
      tenant_, now_ms, sqlite::Text{why});
}

Result<std::optional<OutgoingState>> OutgoingRows::mailed(const sync::ChangeRef& change, std::string_view event) {
  const Bytes cause = Bytes(change.device.view()) + Bytes(change.id.view());
  TERN_TRY(const auto state,
           db_.int64_of("SELECT state FROM outgoing WHERE tenant_id = $1 AND cause = $2 AND way = 2 "
                        "AND event = $3 AND target = (SELECT contact FROM ticket WHERE tenant_id = $1 AND "
                        "ticket_id = outgoing.ticket_id)",
                        tenant_, sqlite::Blob{cause}, sqlite::Text{event}));
  return state ? std::optional(static_cast<OutgoingState>(*state)) : std::optional<OutgoingState>();
}

Result<bool> OutgoingRows::sent_since(const RecordId& target, std::int64_t since_ms) {
  TERN_TRY(const auto found, db_.int64_of("SELECT 1 FROM outgoing WHERE tenant_id = $1 AND target = $2 AND state = 1 "
                                          "AND done_ms >= $3 LIMIT 1",
                                          tenant_, target, since_ms));
  return found.has_value();
}

Result<std::uint64_t> OutgoingRows::mails_to(ByteView address, std::int64_t since_ms, const TicketId& ticket,
                                             std::string_view event) {
  TERN_TRY(
      const auto count,
      db_.int64_of("SELECT count(*) FROM outgoing WHERE tenant_id = $1 AND address = $2 AND length(address) > 0 AND "
                   "state = 1 AND done_ms > $3 AND ($4 <> 0 OR ticket_id = $5) AND ($6 = '' OR event = $6)",
                   tenant_, sqlite::Blob{address}, since_ms, ticket.is_zero(), ticket, sqlite::Text{event}));
  return static_cast<std::uint64_t>(count.value_or(0));
}

Result<bool> OutgoingRows::refused_since(ByteView address, std::int64_t since_ms) {
  TERN_TRY(const auto found,
           db_.int64_of("SELECT 1 FROM outgoing WHERE tenant_id = $1 AND address = $2 AND length(address) > 0 AND "
                        "state = 2 AND done_ms > $3 AND said IN ('550', '551', '553') LIMIT 1",
                        tenant_, sqlite::Blob{address}, since_ms));
  return found.has_value();
}

Result<std::vector<std::uint64_t>> OutgoingRows::mails_before(const TicketId& ticket, const RecordId& contact,
                                                              std::uint64_t before, std::int64_t limit) {
  TERN_TRY(auto rows,
           db_.query("SELECT n FROM outgoing WHERE tenant_id = $1 AND target = $2 AND n < $3 AND way = 2 AND "
                     "state = 1 AND ticket_id = $4 ORDER BY n DESC LIMIT $5",
                     tenant_, contact, before, ticket, limit));
  std::vector<std::uint64_t> out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return std::vector<std::uint64_t>(out.rbegin(), out.rend());
    out.push_back(rows.uint64(0));
  }
}

Result<OutgoingRows::Waiting> OutgoingRows::waiting() {
  TERN_TRY(auto rows, db_.query("SELECT coalesce(sum(CASE WHEN way = 1 THEN 1 ELSE 0 END), 0), "
                                "coalesce(sum(CASE WHEN way = 1 THEN 0 ELSE 1 END), 0) FROM outgoing WHERE "
                                "tenant_id = $1 AND state = 0",
                                tenant_));
  TERN_TRY(const bool found, rows.step());
  return found ? Waiting{rows.uint64(0), rows.uint64(1)} : Waiting{};
}

Result<void> OutgoingRows::drop_older(std::int64_t before_ms) {
  return db_.run(
      "DELETE FROM outgoing WHERE tenant_id = $1 AND state <> 0 AND done_ms < $2 AND n < (SELECT max(n) FROM "
      "outgoing WHERE tenant_id = $1)",
      tenant_, before_ms);
}

}  // namespace tern::server
