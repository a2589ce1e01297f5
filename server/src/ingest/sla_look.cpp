#include "sla_look.hpp"

#include <algorithm>

#include "desk/awaiting.hpp"
#include "desk/figure_rows.hpp"
#include "desk/sla_devices.hpp"
#include "desk/sla_rows.hpp"
#include "jobs.hpp"
#include "run_batch.hpp"
#include "tell.hpp"

namespace tern::server {
namespace {

// Changes in the histories of the tickets that a batch looks at before it commits: half a millisecond.
constexpr std::uint64_t changes_at_once_max = 64;
constexpr std::int64_t tickets_per_look = 32;
constexpr std::int64_t looking_ms_max = 50;  // of each second: pushes wait meanwhile

/// A new one matters, too: a category may stand above others.
bool is_rule(sync::RecordKind kind) {
  return kind == sync::RecordKind::sla_rule || kind == sync::RecordKind::calendar ||
         kind == sync::RecordKind::category || kind == sync::RecordKind::tariff;
}

bool is_order(sync::RecordKind kind) {
  return kind == sync::RecordKind::sla_order;
}

/// What rules look at beside the ticket itself.
bool is_looked_at(sync::RecordKind kind) {
  return kind == sync::RecordKind::queue || kind == sync::RecordKind::contact || kind == sync::RecordKind::organisation;
}

bool changed(const Batch& batch, bool (*counts)(sync::RecordKind), bool also_new) {
  return std::ranges::any_of(batch.changed_records(), [&](const auto& one) {
    return counts(one.first.kind) && (also_new || batch.in.records.contains(one.first));
  });
}

Result<SlaDesk*> desk_of(Batch& batch) {
  std::shared_ptr<SlaDesk>& desk = batch.in.sla_desk;
  if (desk) return desk.get();
  TERN_TRY(const auto versions, read_sla_versions(batch.db(), batch.number));
  std::vector<sync::Record> categories;
  for (const auto& [key, record] : batch.in.records)
    if (key.kind == sync::RecordKind::category) categories.push_back(record);
  auto names = category_names(categories);
  desk.reset(new SlaDesk{SlaSettings(versions, INT64_MAX, names), names});
  return desk.get();
}

SlaNames names_in(const Batch& batch, const SlaDesk& desk) {
  return {[&batch](sync::RecordKind kind, const RecordId& id) {
            const sync::Record* record = batch.find_record(kind, id);
            return record == nullptr ? std::nullopt : std::optional(*record);
          },
          desk.categories};
}

/// Looks at tickets one after the other.
class Watch {
public:
  Watch(Batch& batch, SlaDesk& desk)
      : batch_(batch),
        settings_(desk.settings),
        names_(names_in(batch, desk)),
        rows_(batch.db(), batch.number),
        figures_(batch.db(), batch.number),
        now_(batch.commit_ms / 1000),
        told_seq_(
            batch.sla_told.value_or(std::max(batch.in.sla_told + 1, static_cast<std::uint64_t>(batch.commit_ms)))) {}

  /// Gives the ticket that this one was merged into: its clock goes by both.
  Result<std::optional<TicketId>> look(const TicketId& id) {
    auto looked = look_inside(id);
    if (looked || is_of_storage(looked.error())) return looked;
    TERN_CHECKED(rows_.leave(id));  // damaged: `verify` names it, and commits go on
    return std::optional<TicketId>{};
  }

private:
  Result<std::optional<TicketId>> look_inside(const TicketId& id) {
    TERN_TRY(const SlaTicket read, read_sla_ticket(batch_.db(), batch_.number, id, names_));
    TERN_CHECKED(
        keep_awaiting(batch_.db(), batch_.number, id, read.imported ? std::nullopt : awaiting_of(read.events)));
    if (read.events.empty()) {
      TERN_CHECKED(rows_.leave(id));
      return read.merged_into;
    }
    const sla::Inputs inputs{read.events, settings_.books(), settings_.calendars()};
    if (read.imported) {
      TERN_CHECKED(rows_.leave(id));
      TERN_CHECKED(keep_figures(id, read, figure_rows(read, inputs, {}, {}, now_)));
      return read.merged_into;
    }
    const sla::TicketClock clock = sla::clock_at(inputs, now_);
    TERN_TRY(const auto records, keep_breaches(id, inputs, clock, read.people));
    TERN_TRY(const auto held, keep_alerts(id, clock, read.people));
    auto look = sla::next_look(inputs, clock, records, now_);
    if (held) look = std::min(*held, look.value_or(*held));
    TERN_CHECKED(keep_clock(id, clock_row(clock, now_, look)));
    TERN_CHECKED(keep_figures(id, read, figure_rows(read, inputs, clock, records, now_)));
    return read.merged_into;
  }

  Result<void> keep_figures(const TicketId& id, const SlaTicket& read, const std::vector<FigureRow>& rows) {
    TERN_CHECKED(figures_.put(id, rows));
    return figures_.put_late(id, read.late);
  }

  Result<void> keep_clock(const TicketId& id, const ClockRow& row) {
    TERN_TRY(const bool told, rows_.put_clock(id, row, told_seq_));
    if (!told) return {};
    batch_.sla_told = told_seq_;
    batch_.told_clocks.push_back(id);
    return {};
  }

  static bool was_told(const std::vector<sla::BreachRecord>& stored, const sla::BreachRecord& now) {
    return std::ranges::any_of(stored, [&](const sla::BreachRecord& before) {
      return before.metric == now.metric && before.cycle == now.cycle && before.state != sla::RecordState::rescinded;
    });
  }

  Result<std::vector<sla::BreachRecord>> keep_breaches(const TicketId& id, const sla::Inputs& inputs,
                                                       const sla::TicketClock& clock,
                                                       const std::vector<OperatorId>& people) {
    TERN_TRY(auto stored, rows_.breaches(id));
    const bool breached =
        std::ranges::any_of(clock.cycles, [](const sla::Cycle& cycle) { return cycle.breached_at.has_value(); });
    if (!breached && stored.empty()) return stored;
    auto computed = sla::breach_records(inputs, devices_of(batch_.tenant, people), now_);
    for (const sla::BreachRecord& record : changed_breaches(stored, std::move(computed), now_)) {
      TERN_CHECKED(rows_.put_breach(id, record));
      if (record.state == sla::RecordState::rescinded && was_told(stored, record))
        TERN_CHECKED(tell_of_rescinded(batch_, id, people, record));
    }
    return rows_.breaches(id);
  }

  /// When somebody is to be told whose hours an alert waits for: until then it does not count as told.
  Result<std::optional<sla::Instant>> keep_alerts(const TicketId& id, const sla::TicketClock& clock,
                                                  const std::vector<OperatorId>& people) {
    std::optional<sla::Instant> held;
    auto due = sla::alerts(clock, now_);
    if (due.empty()) return held;
    TERN_TRY(const auto told, rows_.told(id));
    for (const sla::Alert& alert : sla::unsent(std::move(due), told)) {
      TERN_TRY(const auto next, tell_of_alert(batch_, id, people, alert, settings_.calendars()));
      if (next)
        held = std::min(*next, held.value_or(*next));
      else
        TERN_CHECKED(rows_.put_alert(id, alert, now_));
    }
    return held;
  }

  Batch& batch_;
  SlaSettings& settings_;
  const SlaNames names_;
  SlaRows rows_;
  FigureRows figures_;
  const sla::Instant now_;
  const std::uint64_t told_seq_;  // one for all of a batch: a page of clocks ends behind it, or before
};

/// Tickets about whose breaches a manager decided: they are looked at as soon as this is committed.
Result<void> note_decided(Batch& batch) {
  for (const auto& [key, record] : batch.changed_records())
    if (key.kind == sync::RecordKind::sla_decision)
      TERN_CHECKED(batch.db().run("UPDATE sla_clock SET look_s = 0 WHERE tenant_id = $1 AND ticket_id = $2",
                                  batch.number, key.id));
  return {};
}

Result<void> note_looked(Batch& batch, std::uint64_t seq) {
  batch.sla_seq = seq;
  return write_meta(batch.db(), batch.number, meta_sla_seq, meta_number(seq));
}

// ---- by time, and what waited ----

Result<void> collect(sqlite::Statement rows, std::vector<TicketId>& out) {
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    out.push_back(rows.id<TicketId>(0));
  }
}

Result<bool> something_waits(const Tenant::Internals& in, sla::Instant now) {
  if (in.sla_seq < in.commit_seq.load() || in.figures_to != UINT64_MAX) return true;
  TERN_TRY(const auto due, in.writer->int64_of("SELECT 1 FROM sla_clock WHERE tenant_id = $1 AND look_s <= $2 LIMIT 1",
                                               in.options.number, now));
  return due.has_value();
}

/// Tickets that commits changed which nobody looked at; up to and with which commit those are all.
Result<std::uint64_t> touched_since(Batch& batch, std::vector<TicketId>& out) {
  const std::uint64_t after = batch.in.sla_seq;
  TERN_TRY(const auto enough, batch.db().int64_of("SELECT version FROM ticket WHERE tenant_id = $1 AND version > $2 "
                                                  "ORDER BY version LIMIT 1 OFFSET $3",
                                                  batch.number, after, tickets_per_look - 1));
  const std::uint64_t through = enough ? static_cast<std::uint64_t>(*enough) : batch.committed_seq;
  TERN_TRY(auto rows, batch.db().query("SELECT ticket_id FROM ticket WHERE tenant_id = $1 AND version > $2 AND version "
                                       "<= $3",
                                       batch.number, after, through));
  TERN_CHECKED(collect(std::move(rows), out));
  return through;
}

/// Tickets of before there were figures, a few at a time and behind everything that is due.
Result<void> unfigured(Batch& batch, std::vector<TicketId>& out) {
  const std::uint64_t after = batch.in.figures_to;
  if (after == UINT64_MAX || out.size() >= static_cast<std::size_t>(tickets_per_look)) return {};
  TERN_TRY(auto rows, batch.db().query("SELECT ticket_id, integer_id FROM ticket WHERE tenant_id = $1 AND integer_id > "
                                       "$2 ORDER BY integer_id LIMIT $3",
                                       batch.number, after, tickets_per_look));
  std::uint64_t to = UINT64_MAX;
  for (std::int64_t found = 1;; ++found) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    out.push_back(rows.id<TicketId>(0));
    if (found == tickets_per_look) to = rows.uint64(1);
  }
  batch.figures_to = to;
  return write_meta(batch.db(), batch.number, meta_figures_to, meta_number(to));
}

Result<std::size_t> look_once(Batch& batch) {
  std::vector<TicketId> tickets;
  std::uint64_t through = batch.in.sla_seq;
  if (through < batch.committed_seq) {
    TERN_TRY(through, touched_since(batch, tickets));
  }
  TERN_TRY(auto due, batch.db().query("SELECT ticket_id FROM sla_clock WHERE tenant_id = $1 AND look_s <= $2 ORDER BY "
                                      "look_s LIMIT $3",
                                      batch.number, batch.commit_ms / 1000, tickets_per_look));
  TERN_CHECKED(collect(std::move(due), tickets));
  TERN_CHECKED(unfigured(batch, tickets));
  batch.wrote = true;
  std::ranges::sort(tickets);
  tickets.erase(std::ranges::unique(tickets).begin(), tickets.end());
  const std::size_t count = tickets.size();
  TERN_CHECKED(look_at(batch, std::move(tickets)));
  TERN_CHECKED(note_looked(batch, through));
  return count;
}

/// What no timer tells: devices that were silent have been heard of. And what a timer should have told.
Result<void> sweep(Tenant& tenant, sla::Instant now) {
  return tenant.write([&](sqlite::Database& db) -> Result<void> {
    TERN_CHECKED(
        db.run("UPDATE sla_clock SET look_s = 0 WHERE tenant_id = $1 AND ticket_id IN (SELECT ticket_id FROM "
               "sla_breach WHERE tenant_id = $1 AND state = 0)",
               tenant.number()));
    return db.run("UPDATE sla_clock SET look_s = 0 WHERE tenant_id = $1 AND open = 1 AND due_s < $2 AND colour <> $3",
                  tenant.number(), now, sla::Colour::red);
  });
}

}  // namespace

bool is_of_storage(const Error& error) {
  return error.code == ErrorCode::storage_failed || error.code == ErrorCode::storage_full ||
         error.code == ErrorCode::busy;
}

Result<void> look_at(Batch& batch, std::vector<TicketId> tickets) {
  std::ranges::sort(tickets);
  tickets.erase(std::ranges::unique(tickets).begin(), tickets.end());
  if (tickets.empty()) return {};
  TERN_TRY(SlaDesk * desk, desk_of(batch));
  Watch watch(batch, *desk);
  std::vector<TicketId> targets;
  for (const TicketId& id : tickets) {
    TERN_TRY(const auto merged_into, watch.look(id));
    if (merged_into && !std::ranges::binary_search(tickets, *merged_into)) targets.push_back(*merged_into);
  }
  for (const TicketId& id : targets) TERN_CHECKED(watch.look(id));
  return {};
}

Result<void> follow_clocks(Batch& batch) {
  TERN_CHECKED(note_decided(batch));
  if (changed(batch, is_order, true)) {  // also what has stopped
    batch.sla_stale = true;
    return batch.db().run("UPDATE sla_clock SET look_s = 0 WHERE tenant_id = $1", batch.number);
  }
  batch.sla_stale = changed(batch, is_rule, true);
  if (batch.sla_stale || changed(batch, is_looked_at, false))
    return batch.db().run("UPDATE sla_clock SET look_s = 0 WHERE tenant_id = $1 AND open = 1", batch.number);
  if (batch.commit_seq == batch.committed_seq || batch.in.sla_seq != batch.committed_seq) return {};
  std::vector<TicketId> touched;
  std::uint64_t changes = 0;
  for (const auto& [id, ticket] : batch.tickets()) {
    if (!ticket->dirty) continue;
    touched.push_back(id);
    changes += ticket->ledger.change_count + 1;
  }
  if (batch.settled_any() || changes > changes_at_once_max) return {};
  TERN_CHECKED(look_at(batch, std::move(touched)));
  return note_looked(batch, batch.commit_seq);
}

Result<std::size_t> look_at_clocks(Tenant& tenant) {
  const auto strand = tenant.lock_writer();
  Tenant::Internals& in = tenant.internals();
  TERN_CHECKED(in.ensure_writer());
  if (in.trouble.load() != ErrorCode{} || in.takes_no_work) return std::size_t{0};
  const sla::Instant now = tenant.now_ms() / 1000;
  if (now - in.sla_swept >= sla::sweep_interval_max) {
    if (in.sla_swept == 0) TERN_CHECKED(renew_calendars(tenant, now));  // a process reads one database
    TERN_CHECKED(sweep(tenant, now));
    in.sla_swept = now;
  }
  const std::int64_t until_ms = in.environment.boot_ms() + looking_ms_max;
  std::size_t looked_at = 0;
  for (;;) {
    TERN_TRY(const bool waits, something_waits(in, now));
    if (!waits) return looked_at;
    TERN_TRY(const std::size_t count, run_batch(tenant, look_once));
    looked_at += count;
    if (in.environment.boot_ms() >= until_ms) return looked_at;
  }
}

}  // namespace tern::server
