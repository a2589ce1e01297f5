// The tickets that were made in a period, each with its figures: docs/reports.md.
#include <algorithm>

#include <fmt/format.h>

#include "admin/handlers.hpp"
#include "admin/report_json.hpp"
#include "admin/report_question.hpp"
#include "api/ticket_view.hpp"
#include "desk/known_then.hpp"
#include "tern/sqlite/transaction.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

Json second_json(std::int64_t at) {
  return at == 0 ? Json() : Json(instant_text(at * 1'000));
}

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
  Json responded, response, response_wall, resolved, resolution, resolution_gross, reopened, rated;
  std::int64_t touches = 0;
  const auto in_minutes = [](std::int64_t s) { return minutes_json(static_cast<double>(s)); };
  const auto in_hours = [](std::int64_t s) { return hours_json(static_cast<double>(s)); };
  for (const FigureRow& row : rows) {
    if (row.kind == static_cast<int>(FigureKind::first_response)) {
      responded = second_json(row.at);
      response = in_minutes(row.business);
      response_wall = in_minutes(row.wall);
    }
    if (row.kind == static_cast<int>(FigureKind::rated)) rated = Json(row.touches);
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
  out.append_member("rating", std::move(rated));
  for (const auto& [name, metric] :
       {std::pair{"sla_response", sla::Metric::first_response}, std::pair{"sla_resolution", sla::Metric::resolution}}) {
    const std::string_view word = promise_word(rows, metric);
    out.append_member(name, word.empty() ? Json() : Json(word));
  }
}

}  // namespace

Result<Json> report_tickets(AdminCall& call) {
  constexpr std::int64_t limit_else = 1'000, limit_max = 10'000;
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(const ReportQuestion question, ReportQuestion::of(call, reader.db()));
  TERN_TRY(const auto after, place_asked(call));
  std::int64_t limit = call.integer("limit", limit_else);
  if (limit < 1) return fail(ErrorCode::invalid, "A page has at least one ticket.", "", "limit");
  limit = std::min(limit, limit_max);
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
