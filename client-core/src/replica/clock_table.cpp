#include "replica/clock_table.hpp"

#include "replica/damaged_copy.hpp"

namespace tern::client {

Result<void> ClockTable::put(std::int64_t ticket, ByteView wire, bool newer) {
  TERN_TRY(const sync::SlaClock clock, sync::decode_sla_clock(wire));
  if (clock.cycles.empty()) return newer ? forget(ticket) : Result<void>{};
  return database_.run(newer ? "INSERT INTO clock (ticket, due_s, clock) VALUES ($1, $2, $3) ON CONFLICT (ticket) DO "
                               "UPDATE SET due_s = excluded.due_s, clock = excluded.clock"
                             : "INSERT INTO clock (ticket, due_s, clock) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                       ticket, clock.nearest_due(), sqlite::Blob{wire});
}

Result<void> ClockTable::forget(std::int64_t ticket) {
  return database_.run("DELETE FROM clock WHERE ticket = $1", ticket);
}

Result<void> ClockTable::forget_all() {
  return database_.run("DELETE FROM clock");
}

Result<std::optional<sync::SlaClock>> ClockTable::find(std::int64_t ticket) {
  TERN_TRY(auto rows, database_.query("SELECT clock FROM clock WHERE ticket = $1", ticket));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::optional<sync::SlaClock>{};
  TERN_TRY(auto clock, of_copy(sync::decode_sla_clock(rows.blob(0))));
  return std::optional(std::move(clock));
}

}  // namespace tern::client
