// Reports of everybody: the dashboard, and what became of promises. The rules are numbered in docs/reports.md.
#include <algorithm>

#include <fmt/format.h>

#include "admin/handlers.hpp"
#include "admin/report_json.hpp"
#include "admin/report_question.hpp"
#include "desk/known_then.hpp"
#include "tern/sqlite/transaction.hpp"
#include "tern/sync/intent.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

constexpr std::int64_t band_day_ms = 86'400'000;

Json share_json(std::uint64_t part, std::uint64_t of) {
  if (of == 0) return {};
  return Json((part * 100 + of / 2) / of);
}

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
  table.add("CSAT", "%", [](const F& of) { return number_or_null(of.ratings.percent()); });
  table.add("CSAT, mean", "of 5", [](const F& of) { return score_json(of.ratings); });
  table.add("ratings", "ratings", [](const F& of) { return Json(of.ratings.ratings); });
  table.add("rated", "%", [](const F& of) { return share_json(of.ratings.ratings, of.resolved); });
  table.add("reopened", "%", [](const F& of) { return share_json(of.reopened, of.resolved); });
  table.add("one touch", "%", [](const F& of) { return share_json(of.one_touch, of.resolved); });
  table.add("two touches", "%", [](const F& of) { return share_json(of.two_touch, of.resolved); });
  table.add("touches", "messages a ticket", [](const F& of) {
    return of.resolved == 0 ? Json()
                            : Json(tenths_of(static_cast<double>(of.touches) / static_cast<double>(of.resolved)));
  });
  return table.take();
}

/// How many they are, and the newest of them.
Result<void> add_late(const AdminCall& call, sqlite::Database& db, const std::vector<LateArrival>& late, Json& answer) {
  constexpr std::size_t told_max = 1'000;
  answer.append_member("late_arrivals", Json(late.size()));
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
  answer.append_member("late", std::move(out));
  return {};
}

Json promise_json(const PromiseCount& count) {
  return Json::object({{"met", Json(count.met)},
                       {"breached", Json(count.breached)},
                       {"provisional", Json(count.provisional)},
                       {"excused", Json(count.excused)},
                       {"compliance_pct", number_or_null(count.percent())},
                       {"compliance_at_best_pct", number_or_null(count.percent_at_best())}});
}

}  // namespace

Result<Json> report_dashboard(AdminCall& call) {
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(const ReportQuestion question, ReportQuestion::of(call, reader.db()));
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
  TERN_CHECKED(add_late(call, reader.db(), then.late, out));
  out.append_member("rows", figures_json(open, figures, &then.figures, horizon));
  return out;
}

Result<Json> report_sla(AdminCall& call) {
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(const ReportQuestion question, ReportQuestion::of(call, reader.db()));
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
  if (then) TERN_CHECKED(add_late(call, reader.db(), then->late, out));
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

}  // namespace tern::server::admin
