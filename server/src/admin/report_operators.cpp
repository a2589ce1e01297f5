// What each operator has and did: docs/reports.md.
#include <algorithm>
#include <map>

#include "admin/handlers.hpp"
#include "admin/report_json.hpp"
#include "admin/report_question.hpp"
#include "desk/known_then.hpp"
#include "tern/sqlite/transaction.hpp"
#include "tern/sync/ticket_state.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

struct OperatorFigures {
  std::uint64_t done = 0;
  Spread response, response_wall, resolution;
  PromiseCount promises;
  RatingCount ratings;
};

Result<std::map<Bytes, OperatorFigures>> figures_of_operators(sqlite::Database& db, std::int64_t tenant,
                                                              const Period& period, const std::string& readable) {
  std::map<Bytes, OperatorFigures> out;
  TERN_TRY(
      auto rows,
      db.prepare(
          "SELECT assignee, kind, outcome, business_s, wall_s, next_s, touches FROM figure WHERE tenant_id = $1 AND "
          "kind IN (2, 4, 5, 10, 11, 12, 13, 14) AND at_s >= $2 AND at_s < $3 AND assignee IS NOT NULL" +
          rows_readable(readable, "figure")));
  rows.bind_all(tenant, period.from, period.to);
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    OperatorFigures& of = out[Bytes(rows.blob(0))];
    const auto kind = static_cast<FigureKind>(rows.int64(1));
    if (kind == FigureKind::first_response) {
      of.response.add(rows.int64(3));
      of.response_wall.add(rows.int64(4));
    } else if (kind == FigureKind::rated) {
      of.ratings.add(rows.int64(6));
    } else if (kind != FigureKind::resolved) {
      of.promises.add(static_cast<PromiseOutcome>(rows.int64(2)));
    } else if (rows.int64(5) == 0 || rows.int64(5) >= period.to) {
      ++of.done;
      of.resolution.add(rows.int64(3));
    }
  }
}

struct Assigned {
  std::uint64_t open = 0, load = 0;
};
/// R4: what waits, is on hold or done is no load.
Result<Assigned> assigned_now(sqlite::Database& db, std::int64_t tenant, const OperatorId& who,
                              const std::string& readable) {
  Assigned out;
  TERN_TRY(auto rows,
           db.prepare("SELECT listed, count(*) FROM ticket WHERE tenant_id = $1 AND assignee = $2 AND listed "
                      "IN (1, 2, 3, 4, 5, 6, 9)" +
                      readable + " GROUP BY listed"));
  rows.bind_all(tenant, who);
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    const auto of = sync::status_class(static_cast<sync::Status>(rows.int64(0)));
    out.open += rows.uint64(1);
    if (of == sync::StatusClass::todo || of == sync::StatusClass::work) out.load += rows.uint64(1);
  }
}

Json operator_json(const sync::Record& record, const OperatorFigures& of, const Assigned& assigned,
                   const Horizon& horizon) {
  std::int64_t since_ms = 0;
  std::uint64_t unsure = 0, pending = 0;
  for (const SilentDevice& device : horizon.devices) {
    if (device.operator_id.view() != record.id.view()) continue;
    since_ms = since_ms == 0 ? device.since_ms : std::min(since_ms, device.since_ms);
    unsure = std::max(unsure, device.tickets);  // their devices hold the same tickets
    pending += device.pending;
  }
  const auto role = record.attributes.find("role");
  return Json::object({{"operator_id", Json(record.integer_id)},
                       {"name", Json(record.name)},
                       {"role", role == record.attributes.end() ? Json() : Json(role->second)},
                       {"assigned", Json(assigned.open)},
                       {"load", Json(assigned.load)},
                       {"done", Json(of.done)},
                       {"avg_response_min", minutes_json(of.response.mean())},
                       {"median_response_min", minutes_json(as_seconds(of.response.median()))},
                       {"p90_response_min", minutes_json(as_seconds(of.response.p90()))},
                       {"responses", Json(of.response.n())},
                       {"avg_response_wall_min", minutes_json(of.response_wall.mean())},
                       {"avg_resolution_hours", hours_json(of.resolution.mean())},
                       {"sla_compliance_pct", number_or_null(of.promises.percent())},
                       {"breached", Json(of.promises.breached)},
                       {"provisional", Json(of.promises.provisional)},
                       {"csat", score_json(of.ratings)},
                       {"csat_pct", number_or_null(of.ratings.percent())},
                       {"ratings", Json(of.ratings.ratings)},
                       {"unsure_tickets", Json(unsure)},
                       {"pending_changes", Json(pending)},
                       {"silent_since", since_ms == 0 ? Json() : Json(instant_text(since_ms))}});
}

}  // namespace

Result<Json> report_operators(AdminCall& call) {
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(const ReportQuestion question, ReportQuestion::of(call, reader.db()));
  TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
  const std::int64_t tenant = call.tenant().number();
  TERN_TRY(const Horizon horizon, horizon_of(call.tenant(), reader.db(), question.horizon()));
  TERN_TRY(const auto figures, figures_of_operators(reader.db(), tenant, question.period, question.readable));
  auto operators = call.tenant().records(sync::RecordKind::operator_);
  std::erase_if(operators, [](const sync::Record& record) { return record.deleted; });
  std::ranges::sort(operators, {}, &sync::Record::integer_id);
  Json rows = Json::array();
  for (const sync::Record& record : operators) {
    TERN_TRY(const Assigned assigned,
             assigned_now(reader.db(), tenant, OperatorId::or_zero(record.id.view()), question.readable));
    const auto found = figures.find(Bytes(record.id.view()));
    rows.push(operator_json(record, found == figures.end() ? OperatorFigures() : found->second, assigned, horizon));
  }
  Json out = question.answer();
  out.append_member("horizon", horizon.to_json());
  out.append_member("rows", std::move(rows));
  return out;
}

}  // namespace tern::server::admin
