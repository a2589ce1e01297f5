#include "desk/awaiting.hpp"

namespace tern::server {

std::optional<Awaiting> awaiting_of(const std::vector<sla::Event>& events) {
  std::optional<Awaiting> waits;
  for (const sla::Event& event : events) {
    switch (event.kind) {
      case sla::EventKind::create:
        if (event.opening == sla::Opening::by_customer) waits = Awaiting{event.at, event.id};
        break;
      case sla::EventKind::customer_message:
        if (!waits && !event.automatic) waits = Awaiting{event.at, event.id};
        break;
      case sla::EventKind::status: {
        const sync::StatusClass now = sync::status_class(event.status);
        if (now == sync::StatusClass::done || now == sync::StatusClass::end) waits.reset();
        break;
      }
      case sla::EventKind::withdrawn:
        waits.reset();
        break;
      default:
        if (sla::answers_customer(event)) waits.reset();
        break;
    }
  }
  return waits;
}

Result<void> keep_awaiting(sqlite::Database& db, std::int64_t tenant, const TicketId& ticket,
                           const std::optional<Awaiting>& awaiting) {
  TERN_TRY(auto rows,
           db.query("SELECT since_s, root FROM awaiting WHERE tenant_id = $1 AND ticket_id = $2", tenant, ticket));
  TERN_TRY(const bool there, rows.step());
  std::optional<Awaiting> stored;
  if (there) stored = Awaiting{rows.int64(0), std::string(rows.text(1))};
  rows.reset();
  if (stored == awaiting) return {};
  if (!awaiting) return db.run("DELETE FROM awaiting WHERE tenant_id = $1 AND ticket_id = $2", tenant, ticket);
  return db.run(
      "INSERT INTO awaiting (tenant_id, ticket_id, since_s, root) VALUES ($1, $2, $3, $4) ON CONFLICT (tenant_id, "
      "ticket_id) DO UPDATE SET since_s = excluded.since_s, root = excluded.root",
      tenant, ticket, awaiting->since, sqlite::Text{awaiting->root});
}

}  // namespace tern::server
