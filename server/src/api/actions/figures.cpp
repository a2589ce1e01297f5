// Counts over all tickets: of each client, and the dashboard. They read every ticket.
#include <algorithm>
#include <cmath>
#include <map>

#include "api/actions.hpp"

namespace tern::server::actions {
namespace {

using sync::StatusClass;

constexpr std::int64_t minute_ms = 60'000, hour_ms = 3'600'000, period_ms = 30LL * 86'400'000;

struct ClientFigures {
  std::uint64_t open = 0, fresh = 0, done_in_period = 0, total = 0;
  std::int64_t minutes = 0;  // of work, in the period
};

/// A mean that is made of its parts.
struct Mean {
  double sum = 0;
  std::uint64_t count = 0;

  void add(std::int64_t value) {
    sum += static_cast<double>(value);
    ++count;
  }
  /// Null without data.
  [[nodiscard]] Json in(std::int64_t unit, double places) const {
    if (count == 0) return {};
    const double value = sum / static_cast<double>(count) / static_cast<double>(unit);
    if (places == 1) return Json(static_cast<std::int64_t>(std::llround(value)));
    return Json(std::round(value * places) / places);
  }
};

struct Figures {
  std::uint64_t open = 0, todo = 0, working = 0, on_hold = 0, done = 0;
  Mean response, resolution;
  std::uint64_t resolved_in_period = 0, breached_in_period = 0;
  std::map<RecordId, ClientFigures> clients;
};

bool is_open(StatusClass where) {
  return where != StatusClass::done && where != StatusClass::end;
}

void count_status(const sync::TicketState& state, const sync::StatusView& view, Figures& out) {
  const StatusClass where = sync::class_of(state);
  if (where == StatusClass::done) ++out.done;
  if (!is_open(where)) return;
  ++out.open;
  if (where == StatusClass::todo) ++out.todo;
  if (where == StatusClass::hold) ++out.on_hold;
  if (view.status == sync::Status::in_progress || view.status == sync::Status::waiting ||
      view.status == sync::Status::estimated)
    ++out.working;
}

void count_client(const sync::TicketState& state, const sync::StatusView& view, std::int64_t since_ms,
                  ClientFigures& out) {
  const StatusClass where = sync::class_of(state);
  ++out.total;
  if (is_open(where)) ++out.open;
  if (where == StatusClass::todo) ++out.fresh;
  if (view.resolved_ms >= since_ms && !is_open(where)) ++out.done_in_period;
  for (const sync::TimeEntry& entry : state.time_entries)
    if (entry.stamp.order_ms >= since_ms) out.minutes += entry.minutes;
}

Result<bool> was_breached(sqlite::Database& db, const Tenant& tenant, const TicketId& id) {
  constexpr int provisional = 0, confirmed = 1;
  TERN_TRY(const auto found,
           db.int64_of("SELECT 1 FROM sla_breach WHERE tenant_id = $1 AND ticket_id = $2 AND state IN "
                       "($3, $4) LIMIT 1",
                       tenant.number(), id, provisional, confirmed));
  return found.has_value();
}

Result<void> count_times(sqlite::Database& db, const Tenant& tenant, const sync::TicketState& state,
                         const sync::StatusView& view, std::int64_t since_ms, Figures& out) {
  if (!state.created) return {};
  const std::int64_t created_ms = state.created->order_ms;
  if (state.first_response_ms >= since_ms && state.first_response_ms != 0)
    out.response.add(std::max<std::int64_t>(0, state.first_response_ms - created_ms));
  if (view.resolved_ms == 0 || view.resolved_ms < since_ms) return {};
  out.resolution.add(std::max<std::int64_t>(0, view.resolved_ms - created_ms));
  ++out.resolved_in_period;
  TERN_TRY(const bool breached, was_breached(db, tenant, state.id));
  if (breached) ++out.breached_in_period;
  return {};
}

/// Of what the caller may read.
Result<Figures> count_all(AdminCall& call) {
  Figures out;
  const std::int64_t since_ms = call.tenant().now_ms() - period_ms;
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(auto inner, call.tenant().reader());
  TicketView view(call.tenant(), inner.db(), call.caller());
  TERN_TRY(auto rows,
           reader.db().query("SELECT state FROM ticket WHERE tenant_id = $1 AND deleted = 0", call.tenant().number()));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    TERN_TRY(const sync::TicketState state, sync::decode_state(rows.blob(0)));
    if (!view.may_read(state)) continue;
    const sync::StatusView status = sync::status_view(state);
    count_status(state, status, out);
    if (const auto client = view.client_of(state)) count_client(state, status, since_ms, out.clients[client->id]);
    TERN_CHECKED(count_times(inner.db(), call.tenant(), state, status, since_ms, out));
  }
}

std::vector<sync::Record> clients_of(const Tenant& tenant) {
  auto records = tenant.records(sync::RecordKind::organisation);
  std::erase_if(records, [](const sync::Record& record) { return record.deleted; });
  std::ranges::sort(records, {}, &sync::Record::integer_id);
  return records;
}

Json number_attribute(const sync::Record& record, const char* name) {
  const Json text = attribute_json(record, name);
  if (!text.is_string()) return {};
  const auto number = parse_json(text.as_string(), {.decimals = true});
  return number && number->is_number() ? *number : Json();
}

Json compliance_json(const Figures& figures) {
  if (figures.resolved_in_period == 0) return {};
  const std::uint64_t kept = figures.resolved_in_period - figures.breached_in_period;
  return Json((kept * 100 + figures.resolved_in_period / 2) / figures.resolved_in_period);
}

}  // namespace

Result<Json> list_clients(AdminCall& call) {
  TERN_TRY(Figures figures, count_all(call));
  constexpr double minutes_per_hour = 60, places = 10;
  Json out = Json::array();
  for (const sync::Record& client : clients_of(call.tenant())) {
    const ClientFigures& of = figures.clients[client.id];
    const double hours = std::round(static_cast<double>(of.minutes) / minutes_per_hour * places) / places;
    out.push(Json::object({{"id", Json(client.integer_id)},
                           {"portal_domain", attribute_json(client, "portal_domain")},
                           {"company_name", Json(client.name)},
                           {"tariff_plan", attribute_json(client, "tariff")},
                           {"hours_per_month", number_attribute(client, "hours_per_month")},
                           {"hours_used", Json(hours)},
                           {"ticket_stats", Json::object({{"open", Json(of.open)},
                                                          {"done_month", Json(of.done_in_period)},
                                                          {"total", Json(of.total)}})}}));
  }
  return out;
}

Result<Json> dashboard(AdminCall& call) {
  TERN_TRY(Figures figures, count_all(call));
  constexpr double one_decimal = 10;
  Json portals = Json::array();
  for (const sync::Record& client : clients_of(call.tenant())) {
    const ClientFigures& of = figures.clients[client.id];
    portals.push(Json::object({{"portal_domain", attribute_json(client, "portal_domain")},
                               {"company_name", Json(client.name)},
                               {"open", Json(of.open)},
                               {"new", Json(of.fresh)}}));
  }
  return Json::object({{"total_open", Json(figures.open)},
                       {"total_new", Json(figures.todo)},
                       {"total_in_progress", Json(figures.working)},
                       {"total_done", Json(figures.done)},
                       {"total_on_hold", Json(figures.on_hold)},
                       {"avg_response_min", figures.response.in(minute_ms, 1)},
                       {"avg_resolution_hours", figures.resolution.in(hour_ms, one_decimal)},
                       {"sla_compliance_pct", compliance_json(figures)},
                       {"per_portal", std::move(portals)}});
}

}  // namespace tern::server::actions
