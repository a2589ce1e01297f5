#include "desk/operator_loads.hpp"

namespace tern::server {

Result<OperatorLoads> read_loads(sqlite::Database& db, std::int64_t tenant) {
  TERN_TRY(auto rows,
           db.query("SELECT operator, tickets, urgent, last_seq FROM operator_load WHERE tenant_id = $1", tenant));
  OperatorLoads out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out[rows.id<OperatorId>(0)] = {rows.int64(1), rows.int64(2), rows.uint64(3)};
  }
}

Result<OperatorLoad> read_load(sqlite::Database& db, std::int64_t tenant, const OperatorId& who) {
  TERN_TRY(auto rows, db.query("SELECT tickets, urgent, last_seq FROM operator_load WHERE tenant_id = $1 AND operator "
                               "= $2",
                               tenant, who));
  TERN_TRY(const bool found, rows.step());
  return found ? OperatorLoad{rows.int64(0), rows.int64(1), rows.uint64(2)} : OperatorLoad{};
}

Result<void> change_loads(sqlite::Database& db, std::int64_t tenant, const OperatorLoads& changes) {
  for (const auto& [who, change] : changes) {
    if (change == OperatorLoad{}) continue;
    TERN_CHECKED(
        db.run("INSERT INTO operator_load (tenant_id, operator, tickets, urgent, last_seq) VALUES ($1, $2, $3, $4, $5) "
               "ON CONFLICT (tenant_id, operator) DO UPDATE SET tickets = operator_load.tickets + excluded.tickets, "
               "urgent = operator_load.urgent + excluded.urgent, last_seq = CASE WHEN excluded.last_seq > "
               "operator_load.last_seq THEN excluded.last_seq ELSE operator_load.last_seq END",
               tenant, who, change.tickets, change.urgent, change.last_seq));
  }
  return {};
}

Result<void> recount_loads(sqlite::Database& db, std::int64_t tenant) {
  TERN_CHECKED(db.run("UPDATE operator_load SET tickets = 0, urgent = 0 WHERE tenant_id = $1", tenant));
  return db.run(
      "INSERT INTO operator_load (tenant_id, operator, tickets, urgent, last_seq) SELECT tenant_id, assignee, "
      "count(*), sum(CASE WHEN priority = 4 THEN 1 ELSE 0 END), 0 FROM ticket WHERE tenant_id = $1 AND assignee IS "
      "NOT NULL AND listed IN (1, 2, 4, 9) GROUP BY tenant_id, assignee ON CONFLICT (tenant_id, operator) DO UPDATE "
      "SET tickets = excluded.tickets, urgent = excluded.urgent",
      tenant);
}

}  // namespace tern::server
