#include "desk/figure_rows.hpp"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "tern/sla/reported.hpp"

namespace tern::server {
namespace {

auto figure_key(const FigureRow& row) {
  return std::tuple(row.kind, row.at, row.number);
}

std::optional<sqlite::Blob> id_or_null(const Bytes& id) {
  return id.empty() ? std::nullopt : std::optional(sqlite::Blob{id});
}

/// Who held a ticket when; what came late with the take that it goes with is its author's.
class Holders {
public:
  Holders(const std::vector<sla::Event>& events, sla::Instant now) : events_(events), now_(now) {}

  [[nodiscard]] Bytes at(sla::Instant at, sla::Instant known) const {
    Bytes holder = as_of(at);
    return holder.empty() ? as_of(known) : holder;
  }

private:
  [[nodiscard]] Bytes as_of(sla::Instant at) const {
    const std::string* last = nullptr;
    for (const sla::Event& event : events_)
      if ((event.kind == sla::EventKind::create || event.kind == sla::EventKind::attributes) && event.at <= at &&
          event.received() <= now_)
        last = &event.attributes.assignee;
    return last == nullptr ? Bytes() : from_uuid_text(*last).value_or(Bytes());
  }

  const std::vector<sla::Event>& events_;
  sla::Instant now_;
};

PromiseOutcome outcome_of(const sla::Cycle& cycle, const std::vector<sla::BreachRecord>& records) {
  if (!cycle.breached_at) return PromiseOutcome::met;
  const auto record = std::ranges::find_if(
      records, [&](const auto& one) { return one.metric == cycle.metric && one.cycle == cycle.id; });
  return record == records.end() ? PromiseOutcome::breached : breach_outcome(record->state);
}

sla::Instant received_of(const std::vector<sla::Event>& events, const std::string& id, sla::Instant otherwise) {
  const auto event = std::ranges::find_if(events, [&](const sla::Event& one) { return one.id == id; });
  return event == events.end() ? otherwise : std::max(otherwise, event->received());
}

/// A promise that was kept, or broken, once each; one that still runs or was called off is not there.
std::optional<FigureRow> promise_row(const sla::Cycle& cycle, const SlaTicket& ticket,
                                     const std::vector<sla::BreachRecord>& records) {
  const auto target = cycle.judged_target ? cycle.judged_target : cycle.target;
  const bool met = cycle.state == sla::CycleState::met && cycle.stopped_at.has_value();
  if (!target || (!met && !cycle.breached_at)) return std::nullopt;
  FigureRow row;
  row.kind = promise_kind(cycle.metric);
  row.number = cycle.number;
  row.at = row.known = cycle.breached_at ? *cycle.breached_at : *cycle.stopped_at;
  if (!cycle.breached_at) row.known = received_of(ticket.events, cycle.stop_id, row.at);
  row.wall = row.at - cycle.started_at;
  row.business = cycle.breached_at ? *target : cycle.elapsed;
  row.outcome = outcome_of(cycle, records);
  return row;
}

FigureRow answer_row(const sla::Answer& answer, FigureKind kind, std::int64_t number) {
  FigureRow row;
  row.kind = static_cast<int>(kind);
  row.at = answer.at;
  row.known = answer.received;
  row.number = number;
  row.wall = answer.wall;
  row.business = answer.business;
  row.more_wall = answer.delivered_wall;
  row.more_business = answer.delivered_business;
  return row;
}

std::vector<FigureRow> resolved_rows(const std::vector<sla::Resolution>& resolutions) {
  std::vector<FigureRow> rows;
  for (std::size_t i = 0; i < resolutions.size(); ++i) {
    const sla::Resolution& of = resolutions[i];
    FigureRow& row = rows.emplace_back();
    row.kind = static_cast<int>(FigureKind::resolved);
    row.at = of.at;
    row.known = of.received;
    row.number = static_cast<std::int64_t>(i + 1);
    row.wall = of.net_wall;
    row.business = of.net_business;
    row.more_wall = of.gross_wall;
    row.more_business = of.gross_business;
    row.touches = of.touches;
    row.reopened = of.reopened.value_or(0);
    row.next = i + 1 < resolutions.size() ? resolutions[i + 1].at : 0;
  }
  return rows;
}

}  // namespace

PromiseOutcome breach_outcome(sla::RecordState state) {
  if (state == sla::RecordState::provisional) return PromiseOutcome::provisional;
  return state == sla::RecordState::excused ? PromiseOutcome::excused : PromiseOutcome::breached;
}

std::vector<FigureRow> figure_rows(const SlaTicket& ticket, const sla::Inputs& inputs, const sla::TicketClock& clock,
                                   const std::vector<sla::BreachRecord>& records, sla::Instant now) {
  const sla::Reported of = sla::reported(inputs, now);
  if (!of.counts) return {};
  std::vector<FigureRow> rows = resolved_rows(of.resolutions);
  FigureRow& created = rows.emplace_back();
  created.kind = static_cast<int>(FigureKind::created);
  created.at = of.created;
  created.known = of.created_received;
  for (std::size_t i = 0; i < of.answers.size(); ++i)
    rows.push_back(i == 0 ? answer_row(of.answers[0], FigureKind::first_response, 1)
                          : answer_row(of.answers[i], FigureKind::next_response, static_cast<std::int64_t>(i)));
  for (const sla::Cycle& cycle : clock.cycles)
    if (auto row = promise_row(cycle, ticket, records)) rows.push_back(std::move(*row));
  const Holders holders(ticket.events, now);
  for (FigureRow& row : rows) {
    row.assignee = holders.at(row.at, row.known);
    row.category = ticket.category;
  }
  // Of who resolved it, whoever holds it by now.
  for (std::size_t i = 0; i < ticket.ratings.size(); ++i) {
    const RatedResolution& rated = ticket.ratings[i];
    if (rated.at > now) continue;
    FigureRow& row = rows.emplace_back();
    row.kind = static_cast<int>(FigureKind::rated);
    row.at = row.known = rated.at;
    row.number = static_cast<std::int64_t>(i + 1);
    row.touches = rated.score;
    row.assignee = rated.by;
    row.category = ticket.category;
  }
  std::ranges::sort(rows, {}, figure_key);
  return rows;
}

std::vector<FigureRow> without_rules(std::vector<FigureRow> rows) {
  std::erase_if(rows, [](const FigureRow& row) { return row.kind >= static_cast<int>(FigureKind::promise); });
  for (FigureRow& row : rows) row.business = row.more_business = 0;
  return rows;
}

FigureRow figure_row_of(const sqlite::Statement& row) {
  FigureRow out;
  out.kind = static_cast<int>(row.int64(0));
  out.at = row.int64(1);
  out.number = row.int64(2);
  out.known = row.int64(3);
  out.wall = row.int64(4);
  out.business = row.int64(5);
  out.more_wall = row.int64(6);
  out.more_business = row.int64(7);
  out.outcome = static_cast<PromiseOutcome>(row.int64(8));
  out.touches = row.int64(9);
  out.reopened = row.int64(10);
  out.next = row.int64(11);
  out.assignee = Bytes(row.blob(12));
  out.category = Bytes(row.blob(13));
  return out;
}

Result<std::vector<FigureRow>> FigureRows::of(const TicketId& ticket) {
  static const std::string sql =
      fmt::format("SELECT {} FROM figure WHERE tenant_id = $1 AND ticket_id = $2", figure_columns);
  TERN_TRY(auto rows, db_.query(sql, tenant_, ticket));
  std::vector<FigureRow> out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    out.push_back(figure_row_of(rows));
  }
  std::ranges::sort(out, {}, figure_key);
  return out;
}

/// What stays as it is costs nothing but the look at it.
Result<void> FigureRows::put(const TicketId& ticket, const std::vector<FigureRow>& rows) {
  TERN_TRY(const auto stored, of(ticket));
  for (const FigureRow& row : stored)
    if (std::ranges::find(rows, row) == rows.end())
      TERN_CHECKED(db_.run(
          "DELETE FROM figure WHERE tenant_id = $1 AND kind = $2 AND at_s = $3 AND ticket_id = $4 AND number = $5",
          tenant_, row.kind, row.at, ticket, row.number));
  for (const FigureRow& row : rows)
    if (std::ranges::find(stored, row) == stored.end())
      TERN_CHECKED(db_.run(
          "INSERT INTO figure (tenant_id, ticket_id, kind, at_s, number, known_s, wall_s, business_s, more_wall_s, "
          "more_business_s, outcome, touches, reopened_s, next_s, assignee, category) VALUES ($1, $2, $3, $4, $5, $6, "
          "$7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
          tenant_, ticket, row.kind, row.at, row.number, row.known, row.wall, row.business, row.more_wall,
          row.more_business, row.outcome, row.touches, row.reopened, row.next, id_or_null(row.assignee),
          id_or_null(row.category)));
  return {};
}

Result<std::vector<LateChange>> FigureRows::late(const TicketId& ticket) {
  TERN_TRY(auto rows, db_.query("SELECT received_s, at_s, device_id, change_id, intent, author FROM late_change WHERE "
                                "tenant_id = $1 AND ticket_id = $2",
                                tenant_, ticket));
  std::vector<LateChange> out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    out.push_back({rows.int64(0),
                   rows.int64(1),
                   {rows.id<DeviceId>(2), rows.id<ChangeId>(3)},
                   static_cast<sync::Intent>(rows.int64(4)),
                   rows.id<OperatorId>(5)});
  }
  std::ranges::sort(out);
  return out;
}

/// None is ever taken back: a ticket whose number of them is right has them all.
Result<void> FigureRows::put_late(const TicketId& ticket, const std::vector<LateChange>& late) {
  TERN_TRY(const auto stored,
           db_.int64_of("SELECT count(*) FROM late_change WHERE tenant_id = $1 AND ticket_id = $2", tenant_, ticket));
  if (stored == static_cast<std::int64_t>(late.size())) return {};
  TERN_CHECKED(db_.run("DELETE FROM late_change WHERE tenant_id = $1 AND ticket_id = $2", tenant_, ticket));
  for (const LateChange& change : late)
    TERN_CHECKED(
        db_.run("INSERT INTO late_change (tenant_id, received_s, ticket_id, device_id, change_id, at_s, "
                "intent, author) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                tenant_, change.received, ticket, change.change.device, change.change.id, change.at, change.intent,
                change.author));
  return {};
}

}  // namespace tern::server
