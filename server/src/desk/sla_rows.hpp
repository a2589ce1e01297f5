// The SLA projection: what clocks said when they were last looked at, breach records, alerts (docs/sla.md, "Kept").
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tern/protocol/json.hpp"
#include "tern/sla/alert.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/sla_clock.hpp"

namespace tern::server {

struct ClockRow {
  sla::Instant looked = 0;
  std::optional<sla::Instant> look;  // 0: at once
  bool open = false;
  sla::Colour colour = sla::Colour::grey;
  std::optional<sla::Instant> due;
  std::string clock;  // JSON
  Bytes told;         // sync/sla_clock.hpp: what devices are told; empty: nothing is open
  bool operator==(const ClockRow&) const = default;
};
/// Of open cycles with a target what stays true as time goes by.
sync::SlaClock told_clock(const sla::TicketClock& clock);
ClockRow clock_row(const sla::TicketClock& clock, sla::Instant looked, std::optional<sla::Instant> look);
/// [{"metric","n","cycle","state","colour","started","elapsed",...}]: instants and lengths in seconds.
Json cycles_json(const sla::TicketClock& clock);

/// Rows of one tenant's file.
class SlaRows {
public:
  SlaRows(sqlite::Database& db, std::int64_t tenant) : db_(db), tenant_(tenant) {}

  Result<std::optional<ClockRow>> clock(const TicketId& ticket);
  /// True when devices are to be told something else than before: since `told_seq`, then.
  Result<bool> put_clock(const TicketId& ticket, const ClockRow& row, std::uint64_t told_seq);
  /// The newest number that devices were told anything under.
  Result<std::uint64_t> newest_told();
  /// Of a ticket that cannot be read: it is not looked at again before it changes.
  Result<void> leave(const TicketId& ticket);

  Result<std::vector<sla::BreachRecord>> breaches(const TicketId& ticket);
  Result<void> put_breach(const TicketId& ticket, const sla::BreachRecord& record);

  Result<std::set<std::string>> told(const TicketId& ticket);
  Result<void> put_alert(const TicketId& ticket, const sla::Alert& alert, sla::Instant noticed);

private:
  sqlite::Database& db_;
  std::int64_t tenant_;
};

/// What to write: those that are new or became something else. What a record was before stays as it was told, with the
/// instants of then: when a device was last heard of is not kept for ever.
std::vector<sla::BreachRecord> changed_breaches(const std::vector<sla::BreachRecord>& stored,
                                                std::vector<sla::BreachRecord> computed, sla::Instant now);

}  // namespace tern::server
