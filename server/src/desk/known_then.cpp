#include "desk/known_then.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "desk/sla_rows.hpp"
#include "desk/sla_settings.hpp"

namespace tern::server {
namespace {

/// Commits have their numbers in the order of time.
Result<std::uint64_t> newest_commit_before(sqlite::Database& db, std::int64_t tenant, std::int64_t before_ms) {
  TERN_TRY(
      const auto newest,
      db.int64_of("SELECT commit_seq FROM change_set WHERE tenant_id = $1 ORDER BY commit_seq DESC LIMIT 1", tenant));
  std::int64_t low = 0, high = newest.value_or(0);  // the answer lies in [low, high]
  while (low < high) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    TERN_TRY(const auto late,
             db.int64_of("SELECT commit_ms >= $3 FROM change_set WHERE tenant_id = $1 AND commit_seq >= $2 ORDER BY "
                         "commit_seq LIMIT 1",
                         tenant, middle, before_ms));
    if (late.value_or(1) != 0)
      high = middle - 1;
    else
      low = middle;
  }
  return static_cast<std::uint64_t>(low);
}

/// As they were told by then; what was noticed later was a breach all the same.
std::vector<sla::BreachRecord> records_as_of(std::vector<sla::BreachRecord> records, sla::Instant then) {
  for (sla::BreachRecord& record : records) {
    record.state = sla::RecordState::confirmed;
    for (const sla::RecordStep& step : record.steps)
      if (step.at <= then) record.state = step.state;
  }
  return records;
}

class PastReader {
public:
  PastReader(const Tenant& tenant, sqlite::Database& db, const Period& period, const std::string& readable)
      : tenant_(tenant), db_(db), period_(period), readable_(readable), breaches_(db, tenant.number()) {}

  Result<KnownThen> read() {
    TERN_TRY(up_to_, newest_commit_before(db_, tenant_.number(), period_.to * 1'000));
    TERN_CHECKED(read_late());
    TERN_CHECKED(read_removed());
    const std::string others = fmt::format(
        "{} AND ticket_id NOT IN (SELECT ticket_id FROM late_change WHERE tenant_id = $1 AND received_s >= {} AND at_s "
        "< {} UNION ALL SELECT ticket_id FROM change WHERE tenant_id = $1 AND commit_seq > {} AND {})",
        rows_readable(readable_, "figure"), period_.to, period_.to, up_to_, removals);
    TERN_TRY(out_.figures, period_figures(db_, tenant_.number(), period_, others, period_.to));
    TERN_CHECKED(take_breaches_back(others));
    if (!restated_.empty()) TERN_CHECKED(restate());
    return std::move(out_);
  }

private:
  /// Of what its index is.
  static constexpr std::string_view removals = "intent IN (43, 45, 46, 50, 60, 65)";

  /// What was deleted, merged or brought back since then counted otherwise.
  Result<void> read_removed() {
    TERN_TRY(auto rows,
             db_.prepare(fmt::format("SELECT ticket_id FROM change WHERE tenant_id = $1 AND commit_seq > $2 AND {}{}",
                                     removals, rows_readable(readable_, "change"))));
    rows.bind_all(tenant_.number(), up_to_);
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      restated_.insert(rows.id<TicketId>(0));
    }
  }

  Result<void> read_late() {
    TERN_TRY(auto rows, db_.prepare("SELECT received_s, at_s, device_id, change_id, intent, author, ticket_id FROM "
                                    "late_change WHERE tenant_id = $1 AND received_s >= $2 AND at_s < $2" +
                                    rows_readable(readable_, "late_change") + " ORDER BY received_s"));
    rows.bind_all(tenant_.number(), period_.to);
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      out_.late.push_back({rows.id<TicketId>(6),
                           {rows.int64(0),
                            rows.int64(1),
                            {rows.id<DeviceId>(2), rows.id<ChangeId>(3)},
                            static_cast<sync::Intent>(rows.int64(4)),
                            rows.id<OperatorId>(5)}});
      restated_.insert(out_.late.back().ticket);
    }
  }

  /// What became of breaches later was not known.
  Result<void> take_breaches_back(const std::string& which) {
    for (std::size_t metric = 0; metric < out_.figures.promises.size(); ++metric) {
      PromiseCount& count = out_.figures.promises[metric];
      count.breached = count.provisional = count.excused = 0;
      TERN_TRY(auto rows,
               db_.prepare("SELECT ticket_id, number FROM figure WHERE tenant_id = $1 AND kind = $2 AND at_s "
                           ">= $3 AND at_s < $4 AND outcome > 1" +
                           which));
      rows.bind_all(tenant_.number(), promise_kind(static_cast<sla::Metric>(metric)), period_.from, period_.to);
      for (;;) {
        TERN_TRY(const bool more, rows.step());
        if (!more) break;
        TERN_TRY(auto stored, breaches_.breaches(rows.id<TicketId>(0)));
        count.add(state_of_breach(records_as_of(std::move(stored), period_.to), static_cast<sla::Metric>(metric),
                                  rows.int64(1)));
      }
    }
    return {};
  }

  static PromiseOutcome state_of_breach(const std::vector<sla::BreachRecord>& records, sla::Metric metric,
                                        std::int64_t number) {
    for (const sla::BreachRecord& record : records)
      if (record.metric == metric && record.number == number) return breach_outcome(record.state);
    return PromiseOutcome::breached;
  }

  Result<void> restate() {
    TERN_TRY(const auto versions, read_sla_versions(db_, tenant_.number()));
    const auto categories = category_names(tenant_.records(sync::RecordKind::category));
    const SlaSettings settings(versions, period_.to, categories);
    const SlaNames names([this](sync::RecordKind kind, const RecordId& id) { return tenant_.find_record(kind, id); },
                         categories);
    for (const TicketId& id : restated_) {
      TERN_TRY(const SlaTicket then, read_sla_ticket(db_, tenant_.number(), id, names, up_to_));
      if (then.events.empty()) continue;  // nobody knew of it
      const sla::Inputs inputs{then.events, settings.books(), settings.calendars()};
      const sla::TicketClock clock = then.imported ? sla::TicketClock() : sla::clock_at(inputs, period_.to);
      TERN_TRY(auto stored, breaches_.breaches(id));
      for (const FigureRow& row :
           figure_rows(then, inputs, clock, records_as_of(std::move(stored), period_.to), period_.to))
        if (period_.holds(row.at)) out_.figures.add(row, period_, period_.to);
    }
    return {};
  }

  const Tenant& tenant_;
  sqlite::Database& db_;
  const Period& period_;
  const std::string& readable_;
  SlaRows breaches_;
  std::uint64_t up_to_ = 0;  // the newest commit before the end
  std::set<TicketId> restated_;
  KnownThen out_;
};

}  // namespace

Result<KnownThen> known_then(const Tenant& tenant, sqlite::Database& db, const Period& period,
                             const std::string& readable) {
  return PastReader(tenant, db, period, readable).read();
}

std::string rows_readable(const std::string& readable, std::string_view table) {
  if (readable.empty()) return {};
  return fmt::format(" AND EXISTS (SELECT 1 FROM ticket WHERE tenant_id = $1 AND ticket_id = {}.ticket_id{})", table,
                     readable);
}

}  // namespace tern::server
