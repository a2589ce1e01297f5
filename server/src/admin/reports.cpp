// Reports: what a period came to, and how sure that is. The rules are numbered in docs/reports.md.
#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "admin/handlers.hpp"
#include "admin/report_question.hpp"
#include "api/ticket_list.hpp"
#include "api/ticket_view.hpp"
#include "desk/known_then.hpp"
#include "tern/sqlite/transaction.hpp"
#include "tern/sync/intent.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

constexpr std::int64_t band_day_ms = 86'400'000;
constexpr double tenths = 10;

Json minutes_json(const std::optional<double>& seconds) {
  return seconds ? Json(static_cast<std::int64_t>(std::llround(*seconds / 60))) : Json();
}
Json hours_json(const std::optional<double>& seconds) {
  return seconds ? Json(std::round(*seconds / 3600 * tenths) / tenths) : Json();
}
std::optional<double> as_seconds(const std::optional<std::int64_t>& value) {
  return value ? std::optional(static_cast<double>(*value)) : std::nullopt;
}
template <typename Number>
Json number_or_null(const std::optional<Number>& value) {
  return value ? Json(*value) : Json();
}
Json share_json(std::uint64_t part, std::uint64_t of) {
  if (of == 0) return {};
  return Json((part * 100 + of / 2) / of);
}
Json second_json(std::int64_t at) {
  return at == 0 ? Json() : Json(instant_text(at * 1'000));
}

// ---- the dashboard ----

/// Rows of figures; of a past period each beside what it was known to be then.
class FigureTable {
public:
  FigureTable(const PeriodFigures& now, const PeriodFigures* then, const Horizon& horizon)
      : now_(now), then_(then), horizon_(horizon) {}

  /// Of this moment, whatever the period is.
  void add_now(std::string_view figure, std::uint64_t value) {
    put(figure, "tickets", Json(value), Json(), nullptr, Json(), horizon_.open_tickets);
  }
  template <typename Value>
  void add(std::string_view figure, std::string_view unit, Value value) {
    put(figure, unit, value(now_), then_ != nullptr ? value(*then_) : Json(), nullptr, Json(), horizon_.unsure.size());
  }
  void add(std::string_view figure, std::string_view unit, Spread PeriodFigures::*of,
           Json (*in)(const std::optional<double>&)) {
    const Spread& spread = now_.*of;
    const Json then = then_ != nullptr ? in((then_->*of).mean()) : Json();
    put(figure, unit, in(spread.mean()), then, &spread, in(as_seconds(spread.median())), horizon_.unsure.size(),
        in(as_seconds(spread.p90())));
  }
  Json take() { return std::move(rows_); }

private:
  void put(std::string_view figure, std::string_view unit, Json value, Json then, const Spread* spread, Json median,
           std::size_t unsure, Json p90 = {}) {
    Json row = Json::object({{"figure", Json(figure)}, {"unit", Json(unit)}, {"value", std::move(value)}});
    if (then_ != nullptr) row.append_member("known_then", std::move(then));
    row.append_member("n", spread == nullptr ? Json() : Json(spread->n()));
    row.append_member("median", std::move(median));
    row.append_member("p90", std::move(p90));
    row.append_member("unsure_tickets", Json(unsure));
    rows_.push(std::move(row));
  }

  const PeriodFigures& now_;
  const PeriodFigures* then_;
  const Horizon& horizon_;
  Json rows_ = Json::array();
};

struct OpenNow {
  std::uint64_t open = 0, fresh = 0, in_progress = 0, on_hold = 0;
  std::uint64_t bands[5] = {};  // by age
};
constexpr std::int64_t band_ends_days[] = {1, 3, 7, 30};
constexpr std::string_view band_names[] = {"open up to 1 day", "open 1 to 3 days", "open 3 to 7 days",
                                           "open 7 to 30 days", "open over 30 days"};

Result<OpenNow> open_now(sqlite::Database& db, std::int64_t tenant, std::int64_t now_ms, const std::string& readable) {
  OpenNow out;
  TERN_TRY(auto rows,
           db.prepare("SELECT listed, created_ms FROM ticket WHERE tenant_id = $1 AND listed IN (1, 2, 3, 4, "
                      "5, 6, 9)" +
                      readable));
  rows.bind_all(tenant);
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    const auto status = sync::status_class(static_cast<sync::Status>(rows.int64(0)));
    ++out.open;
    if (status == sync::StatusClass::todo) ++out.fresh;
    if (status == sync::StatusClass::work || status == sync::StatusClass::wait) ++out.in_progress;
    if (status == sync::StatusClass::hold) ++out.on_hold;
    const std::int64_t days = std::max<std::int64_t>(0, now_ms - rows.int64(1)) / band_day_ms;
    ++out.bands[std::ranges::count_if(band_ends_days, [&](std::int64_t end) { return days >= end; })];
  }
}

Json figures_json(const OpenNow& open, const PeriodFigures& now, const PeriodFigures* then, const Horizon& horizon) {
  FigureTable table(now, then, horizon);
  table.add_now("open", open.open);
  table.add_now("new", open.fresh);
  table.add_now("in progress", open.in_progress);
  table.add_now("on hold", open.on_hold);
  for (std::size_t band = 0; band < std::size(band_names); ++band) table.add_now(band_names[band], open.bands[band]);
  using F = PeriodFigures;
  table.add("created", "tickets", [](const F& of) { return Json(of.created); });
  table.add("resolved", "tickets", [](const F& of) { return Json(of.resolved); });
  table.add("first response", "working minutes", &F::response, minutes_json);
  table.add("first response, wall", "minutes", &F::response_wall, minutes_json);
  table.add("first response, delivered", "working minutes", &F::delivered, minutes_json);
  table.add("first response, delivered, wall", "minutes", &F::delivered_wall, minutes_json);
  table.add("next response", "working minutes", &F::next_response, minutes_json);
  table.add("resolution", "working hours", &F::resolution, hours_json);
  table.add("resolution, wall", "hours", &F::resolution_wall, hours_json);
  table.add("resolution with pauses, wall", "hours", &F::resolution_gross, hours_json);
  table.add("first resolution", "working hours", &F::first_resolution, hours_json);
  table.add("SLA compliance", "%", [](const F& of) { return number_or_null(of.all_promises().percent()); });
  table.add("SLA compliance at best", "%",
            [](const F& of) { return number_or_null(of.all_promises().percent_at_best()); });
  table.add("promises met", "promises", [](const F& of) { return Json(of.all_promises().met); });
  table.add("breaches", "promises", [](const F& of) { return Json(of.all_promises().breached); });
  table.add("breaches, provisional", "promises", [](const F& of) { return Json(of.all_promises().provisional); });
  table.add("breaches, excused", "promises", [](const F& of) { return Json(of.all_promises().excused); });
  table.add("reopened", "%", [](const F& of) { return share_json(of.reopened, of.resolved); });
  table.add("one touch", "%", [](const F& of) { return share_json(of.one_touch, of.resolved); });
  table.add("two touches", "%", [](const F& of) { return share_json(of.two_touch, of.resolved); });
  table.add("touches", "messages a ticket", [](const F& of) {
    return of.resolved == 0
               ? Json()
               : Json(std::round(static_cast<double>(of.touches) / static_cast<double>(of.resolved) * tenths) / tenths);
  });
  return table.take();
}

/// The newest of them; how many there are stands beside.
Result<Json> late_json(const AdminCall& call, sqlite::Database& db, const std::vector<LateArrival>& late) {
  constexpr std::size_t told_max = 1'000;
  Json out = Json::array();
  for (std::size_t i = late.size() - std::min(late.size(), told_max); i < late.size(); ++i) {
    const LateArrival& one = late[i];
    TERN_TRY(auto row, db.query("SELECT number FROM ticket WHERE tenant_id = $1 AND ticket_id = $2",
                                call.tenant().number(), one.ticket));
    TERN_TRY(const bool there, row.step());
    const std::string number = there ? std::string(row.text(0)) : std::string();
    const auto who =
        call.tenant().find_record(sync::RecordKind::operator_, RecordId::or_zero(one.change.author.view()));
    const std::string by = who ? who->name : std::string();
    const std::string made = instant_text(one.change.at * 1'000), arrived = instant_text(one.change.received * 1'000);
    const sync::IntentSpec* spec = sync::find_intent(one.change.intent);
    const std::string_view intent = spec == nullptr ? "change" : spec->name;
    out.push(Json::object(
        {{"sentence", Json(fmt::format("{}: {} by {}, made {}, arrived {}", number, intent, by, made, arrived))},
         {"ticket", Json(number)},
         {"intent", Json(intent)},
         {"by", Json(by)},
         {"made", Json(made)},
         {"arrived", Json(arrived)},
         {"device", Json(to_uuid_text(one.change.change.device.view()))},
         {"change", Json(to_hex(one.change.change.id))}}));
  }
  return out;
}

Json promise_json(const PromiseCount& count) {
  return Json::object({{"met", Json(count.met)},
                       {"breached", Json(count.breached)},
                       {"provisional", Json(count.provisional)},
                       {"excused", Json(count.excused)},
                       {"compliance_pct", number_or_null(count.percent())},
                       {"compliance_at_best_pct", number_or_null(count.percent_at_best())}});
}

// ---- tickets ----

struct TicketPlace {
  std::int64_t at = 0;
  TicketId ticket;
};

Result<std::optional<TicketPlace>> place_asked(const AdminCall& call) {
  if (!call.has("after")) return std::optional<TicketPlace>{};
  const std::string& token = call.text("after");
  const auto dot = token.find('.');
  const auto id = dot == std::string::npos ? std::nullopt : from_hex(token.substr(dot + 1));
  const auto at = dot == std::string::npos ? Result<Json>(Json()) : parse_json(token.substr(0, dot));
  if (id && id->size() == 16 && at && at->is_integer())
    return std::optional(TicketPlace{at->as_integer(), TicketId::or_zero(*id)});
  return fail(ErrorCode::invalid, "\"" + token + "\" is no token of a page.", "Take it from the page before.", "after");
}

std::string_view promise_word(const std::vector<FigureRow>& rows, sla::Metric metric) {
  std::string_view word;
  for (const FigureRow& row : rows) {
    if (row.kind != promise_kind(metric)) continue;
    switch (row.outcome) {
      case PromiseOutcome::met:
        word = "met";
        break;
      case PromiseOutcome::breached:
        word = "breached";
        break;
      case PromiseOutcome::provisional:
        word = "provisional";
        break;
      case PromiseOutcome::excused:
        word = "excused";
        break;
      case PromiseOutcome::none:
        break;
    }
  }
  return word;
}

void add_figures(const std::vector<FigureRow>& rows, Json& out) {
  Json responded, response, response_wall, resolved, resolution, resolution_gross, reopened;
  std::int64_t touches = 0;
  const auto in_minutes = [](std::int64_t s) { return minutes_json(static_cast<double>(s)); };
  const auto in_hours = [](std::int64_t s) { return hours_json(static_cast<double>(s)); };
  for (const FigureRow& row : rows) {
    if (row.kind == static_cast<int>(FigureKind::first_response)) {
      responded = second_json(row.at);
      response = in_minutes(row.business);
      response_wall = in_minutes(row.wall);
    }
    if (row.kind != static_cast<int>(FigureKind::resolved)) continue;  // the last one comes last
    resolved = second_json(row.at);
    resolution = in_hours(row.business);
    resolution_gross = in_hours(row.more_wall);
    reopened = second_json(row.reopened);
    touches = row.touches;
  }
  out.append_member("first_response_at", std::move(responded));
  out.append_member("response_min", std::move(response));
  out.append_member("response_wall_min", std::move(response_wall));
  out.append_member("resolved_at", std::move(resolved));
  out.append_member("resolution_hours", std::move(resolution));
  out.append_member("resolution_gross_wall_hours", std::move(resolution_gross));
  out.append_member("reopened_at", std::move(reopened));
  out.append_member("touches", Json(touches));
  for (const auto& [name, metric] :
       {std::pair{"sla_response", sla::Metric::first_response}, std::pair{"sla_resolution", sla::Metric::resolution}}) {
    const std::string_view word = promise_word(rows, metric);
    out.append_member(name, word.empty() ? Json() : Json(word));
  }
}

// ---- operators ----

struct OperatorFigures {
  std::uint64_t done = 0;
  Spread response, response_wall, resolution;
  PromiseCount promises;
};

Result<std::map<Bytes, OperatorFigures>> figures_of_operators(sqlite::Database& db, std::int64_t tenant,
                                                              const Period& period, const std::string& readable) {
  std::map<Bytes, OperatorFigures> out;
  TERN_TRY(auto rows,
           db.prepare("SELECT assignee, kind, outcome, business_s, wall_s, next_s FROM figure WHERE tenant_id = $1 AND "
                      "kind IN (2, 4, 10, 11, 12, 13, 14) AND at_s >= $2 AND at_s < $3 AND assignee IS NOT NULL" +
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
                       {"csat", Json()},
                       {"unsure_tickets", Json(unsure)},
                       {"pending_changes", Json(pending)},
                       {"silent_since", since_ms == 0 ? Json() : Json(instant_text(since_ms))}});
}

}  // namespace

Result<ReportQuestion> ReportQuestion::of(const AdminCall& call, std::int64_t days_else) {
  constexpr std::int64_t days_max = 3'660, silent_minutes_max = 30 * 24 * 60, silent_minutes_else = 15;
  ReportQuestion out;
  const std::int64_t now_ms = call.tenant().now_ms();
  const std::int64_t days = call.integer("days", days_else);
  if (days < 1 || days > days_max) return fail(ErrorCode::invalid, "A report is of 1 to 3660 days.", "", "days");
  const std::int64_t silent = call.integer("silent_after", silent_minutes_else);
  if (silent < 1 || silent > silent_minutes_max)
    return fail(ErrorCode::invalid, "A device is silent after 1 to 43200 minutes.", "", "silent_after");
  out.silent_after_ms = silent * 60'000;
  std::int64_t to_ms = now_ms;
  if (call.has("to")) {
    const auto to = parse_instant(call.text("to"));
    if (!to)
      return fail(ErrorCode::invalid, "\"" + call.text("to") + "\" is no instant.",
                  "Write it like 2026-06-03T00:00:00Z.", "to");
    if (*to < now_ms) {
      to_ms = *to;
      out.past = true;
    }
  }
  // What happens in the second that runs is part of it.
  out.period = {to_ms / 1'000 - days * sla::day_s, out.past ? to_ms / 1'000 : to_ms / 1'000 + 1};
  out.until_ms = out.past ? out.period.to * 1'000 : now_ms;
  const auto readable = readable_condition(call.caller());
  out.readable = readable ? *readable : " AND 0";
  return out;
}

HorizonQuestion ReportQuestion::horizon() const {
  return {until_ms, silent_after_ms, readable};
}

Json ReportQuestion::answer() const {
  return Json::object({{"from", Json(instant_text(period.from * 1'000))}, {"to", Json(instant_text(until_ms))}});
}

Result<Json> report_dashboard(AdminCall& call) {
  TERN_TRY(const ReportQuestion question, ReportQuestion::of(call));
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
  const std::int64_t tenant = call.tenant().number();
  TERN_TRY(const Horizon horizon, horizon_of(call.tenant(), reader.db(), question.horizon()));
  TERN_TRY(const PeriodFigures figures,
           period_figures(reader.db(), tenant, question.period, rows_readable(question.readable, "figure")));
  TERN_TRY(const OpenNow open, open_now(reader.db(), tenant, horizon.as_of_ms, question.readable));
  Json out = question.answer();
  out.append_member("horizon", horizon.to_json());
  if (!question.past) {
    out.append_member("rows", figures_json(open, figures, nullptr, horizon));
    return out;
  }
  TERN_TRY(const KnownThen then, known_then(call.tenant(), reader.db(), question.period, question.readable));
  out.append_member("late_arrivals", Json(then.late.size()));
  TERN_TRY(Json late, late_json(call, reader.db(), then.late));
  out.append_member("late", std::move(late));
  out.append_member("rows", figures_json(open, figures, &then.figures, horizon));
  return out;
}

Result<Json> report_sla(AdminCall& call) {
  TERN_TRY(const ReportQuestion question, ReportQuestion::of(call));
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
  TERN_TRY(const Horizon horizon, horizon_of(call.tenant(), reader.db(), question.horizon()));
  TERN_TRY(const PeriodFigures figures, period_figures(reader.db(), call.tenant().number(), question.period,
                                                       rows_readable(question.readable, "figure")));
  std::optional<KnownThen> then;
  if (question.past) {
    TERN_TRY(then, known_then(call.tenant(), reader.db(), question.period, question.readable));
  }
  Json out = question.answer();
  out.append_member("horizon", horizon.to_json());
  if (then) {
    out.append_member("late_arrivals", Json(then->late.size()));
    TERN_TRY(Json late, late_json(call, reader.db(), then->late));
    out.append_member("late", std::move(late));
  }
  Json rows = Json::array();
  const auto add = [&](std::string_view name, const PromiseCount& count, const PromiseCount* known) {
    Json row = Json::object({{"promise", Json(name)}});
    const Json counted = promise_json(count);
    for (const auto& [member, value] : counted.members()) row.append_member(member, value);
    if (known != nullptr) row.append_member("known_then_pct", number_or_null(known->percent()));
    row.append_member("unsure_tickets", Json(horizon.unsure.size()));
    rows.push(std::move(row));
  };
  for (std::size_t metric = 0; metric < figures.promises.size(); ++metric) {
    const PromiseCount* known = then ? &then->figures.promises[metric] : nullptr;
    if (figures.promises[metric].n() + figures.promises[metric].excused + (known != nullptr ? known->n() : 0) > 0)
      add(sla::metric_name(static_cast<sla::Metric>(metric)), figures.promises[metric], known);
  }
  const PromiseCount all_then = then ? then->figures.all_promises() : PromiseCount();
  add("all", figures.all_promises(), then ? &all_then : nullptr);
  out.append_member("rows", std::move(rows));
  return out;
}

Result<Json> report_operators(AdminCall& call) {
  TERN_TRY(const ReportQuestion question, ReportQuestion::of(call));
  TERN_TRY(auto reader, call.tenant().reader());
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

Result<Json> report_tickets(AdminCall& call) {
  constexpr std::int64_t limit_else = 1'000, limit_max = 10'000;
  TERN_TRY(const ReportQuestion question, ReportQuestion::of(call));
  TERN_TRY(const auto after, place_asked(call));
  std::int64_t limit = call.integer("limit", limit_else);
  if (limit < 1) return fail(ErrorCode::invalid, "A page has at least one ticket.", "", "limit");
  limit = std::min(limit, limit_max);
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
  const std::int64_t tenant = call.tenant().number();
  TERN_TRY(const Horizon horizon, horizon_of(call.tenant(), reader.db(), question.horizon()));
  TERN_TRY(auto created,
           reader.db().prepare("SELECT at_s, ticket_id FROM figure WHERE tenant_id = $1 AND kind = 1 AND "
                               "at_s >= $2 AND at_s < $3 AND (at_s > $4 OR (at_s = $4 AND ticket_id > $5))" +
                               rows_readable(question.readable, "figure") + " ORDER BY at_s, ticket_id LIMIT $6"));
  const TicketPlace place = after.value_or(TicketPlace{INT64_MIN, {}});
  created.bind_all(tenant, std::max(question.period.from, place.at), question.period.to, place.at, place.ticket,
                   limit + 1);
  TicketView view(call.tenant(), reader.db(), call.caller());
  FigureRows figures(reader.db(), tenant);
  Json rows = Json::array(), next;
  TicketPlace last;
  for (;;) {
    TERN_TRY(const bool more, created.step());
    if (!more) break;
    if (static_cast<std::int64_t>(rows.size()) == limit) {
      next = Json(fmt::format("{}.{}", last.at, to_hex(last.ticket.view())));
      break;
    }
    last = {created.int64(0), created.id<TicketId>(1)};
    TERN_TRY(const FoundTicket found, view.find(last.ticket));
    TERN_TRY(Json row, view.ticket(found.state));
    TERN_TRY(const auto of, figures.of(last.ticket));
    add_figures(of, row);
    const auto unsure = horizon.unsure.find(found.state.integer_id);
    row.append_member("unsure_since", unsure == horizon.unsure.end() ? Json() : Json(instant_text(unsure->second)));
    rows.push(std::move(row));
  }
  Json out = question.answer();
  out.append_member("horizon", horizon.to_json());
  out.append_member("rows", std::move(rows));
  if (!next.is_null()) out.append_member("next", std::move(next));
  return out;
}

}  // namespace tern::server::admin
