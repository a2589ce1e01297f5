// The figures of a period by queue, category, client, channel or priority: docs/reports.md.
#include <algorithm>
#include <map>
#include <unordered_map>

#include <fmt/format.h>

#include "admin/handlers.hpp"
#include "admin/list_page.hpp"
#include "admin/report_json.hpp"
#include "admin/report_question.hpp"
#include "api/ticket_view.hpp"
#include "desk/known_then.hpp"
#include "tern/sqlite/transaction.hpp"
#include "tern/sync/ticket_fields.hpp"

namespace tern::server::admin {
namespace {

struct GroupFigures {
  PeriodFigures figures;
  std::uint64_t open = 0, unsure = 0;
};

/// What tickets are told apart by: a column of theirs, beside their contact.
class Grouping {
public:
  Grouping(const Tenant& tenant, std::string_view by) : tenant_(tenant) {
    column_ = by;
    if (by == "priority" || by == "channel") return;
    const bool by_client = by == "client";
    if (by_client) column_ = "organisation";
    kind_ = by_client          ? sync::RecordKind::organisation
            : by == "category" ? sync::RecordKind::category
                               : sync::RecordKind::queue;
    if (!by_client) return;
    const ClientsOfContacts clients(tenant);
    tenant.each_record(sync::RecordKind::contact, [&](const sync::Record& contact) {
      if (const auto client = clients.of(contact)) client_of_contact_.emplace(contact.id, *client);
    });
  }

  [[nodiscard]] std::string columns(std::string_view ticket) const {
    return kind_ == sync::RecordKind::organisation ? fmt::format("{0}.{1}, {0}.contact", ticket, column_)
                                                   : fmt::format("{}.{}, NULL", ticket, column_);
  }
  /// Of a row that begins with these columns; empty: of none.
  [[nodiscard]] Bytes key_of(const sqlite::Statement& row) const {
    if (kind_ == sync::RecordKind::unspecified) return Bytes(row.blob(0));
    if (!row.is_null(0)) return Bytes(row.blob(0));
    const auto client = client_of_contact_.find(row.id<RecordId>(1));
    return client == client_of_contact_.end() ? Bytes() : Bytes(client->second.view());
  }
  /// The highest priority, the first record or the first name first, none last; then "group" and "id".
  [[nodiscard]] std::pair<std::uint64_t, Json> shown(const Bytes& key) const {
    Json out = Json::object();
    if (column_ == "channel") {
      out.append_member("group", key.empty() ? Json() : Json(key));
      out.append_member("id", Json());
      return {0, std::move(out)};
    }
    if (kind_ == sync::RecordKind::unspecified) {
      const int rank = key.empty() ? 0 : key.front() - '0';
      out.append_member("group", Json(sync::priority_name(static_cast<std::uint8_t>(rank))));
      out.append_member("id", Json());
      return {static_cast<std::uint64_t>(9 - rank), std::move(out)};
    }
    const auto record = key.empty() ? std::nullopt : tenant_.find_record(kind_, RecordId::or_zero(key));
    out.append_member("group", record ? Json(record->name) : Json());
    out.append_member("id", record ? Json(record->integer_id) : Json());
    return {record ? record->integer_id : UINT64_MAX, std::move(out)};
  }

private:
  const Tenant& tenant_;
  std::string_view column_;
  sync::RecordKind kind_ = sync::RecordKind::unspecified;
  std::unordered_map<RecordId, RecordId> client_of_contact_;
};

using Groups = std::map<Bytes, GroupFigures>;

Result<void> add_figures(sqlite::Database& db, std::int64_t tenant, const ReportQuestion& question,
                         const Grouping& grouping, Groups& out) {
  TERN_TRY(auto rows,
           db.prepare(fmt::format(
               "SELECT {}, f.kind, f.at_s, f.outcome, f.wall_s, f.business_s, f.more_wall_s, "
               "f.more_business_s, f.number, f.touches, f.reopened_s, f.next_s FROM figure f JOIN ticket t ON "
               "t.tenant_id = f.tenant_id AND t.ticket_id = f.ticket_id WHERE f.tenant_id = $1 AND f.kind IN "
               "(1, 2, 3, 4, 5, 10, 11, 12, 13, 14) AND f.at_s >= $2 AND f.at_s < $3{}",
               grouping.columns("t"), rows_readable(question.readable, "f"))));
  rows.bind_all(tenant, question.period.from, question.period.to);
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    FigureRow row;
    row.kind = static_cast<int>(rows.int64(2));
    row.at = rows.int64(3);
    row.outcome = static_cast<PromiseOutcome>(rows.int64(4));
    row.wall = rows.int64(5);
    row.business = rows.int64(6);
    row.more_wall = rows.int64(7);
    row.more_business = rows.int64(8);
    row.number = rows.int64(9);
    row.touches = rows.int64(10);
    row.reopened = rows.int64(11);
    row.next = rows.int64(12);
    out[grouping.key_of(rows)].figures.add(row, question.period, INT64_MAX);
  }
}

Result<void> add_open(sqlite::Database& db, std::int64_t tenant, const ReportQuestion& question,
                      const Grouping& grouping, Groups& out) {
  TERN_TRY(auto rows,
           db.prepare(fmt::format("SELECT {}, count(*) FROM ticket WHERE tenant_id = $1 AND listed IN (1, 2, "
                                  "3, 4, 5, 6, 9){} GROUP BY 1, 2",
                                  grouping.columns("ticket"), question.readable)));
  rows.bind_all(tenant);
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    out[grouping.key_of(rows)].open += rows.uint64(2);
  }
}

Result<void> add_unsure(sqlite::Database& db, std::int64_t tenant, const Horizon& horizon, const Grouping& grouping,
                        Groups& out) {
  TERN_TRY(auto row, db.prepare(fmt::format("SELECT {} FROM ticket WHERE tenant_id = $1 AND integer_id = $2",
                                            grouping.columns("ticket"))));
  for (const auto& [ticket, since_ms] : horizon.unsure) {
    row.reset();
    row.bind_all(tenant, ticket);
    TERN_TRY(const bool there, row.step());
    if (there) ++out[grouping.key_of(row)].unsure;
  }
  return {};
}

void put_figures(const GroupFigures& of, Json& row) {
  const PeriodFigures& figures = of.figures;
  const PromiseCount promises = figures.all_promises();
  for (const auto& [name, value] : std::initializer_list<Json::Member>{
           {"open", Json(of.open)},
           {"created", Json(figures.created)},
           {"resolved", Json(figures.resolved)},
           {"avg_response_min", minutes_json(figures.response.mean())},
           {"median_response_min", minutes_json(as_seconds(figures.response.median()))},
           {"p90_response_min", minutes_json(as_seconds(figures.response.p90()))},
           {"responses", Json(figures.response.n())},
           {"avg_response_wall_min", minutes_json(figures.response_wall.mean())},
           {"avg_resolution_hours", hours_json(figures.resolution.mean())},
           {"median_resolution_hours", hours_json(as_seconds(figures.resolution.median()))},
           {"p90_resolution_hours", hours_json(as_seconds(figures.resolution.p90()))},
           {"sla_compliance_pct", number_or_null(promises.percent())},
           {"breached", Json(promises.breached)},
           {"provisional", Json(promises.provisional)},
           {"csat", score_json(figures.ratings)},
           {"csat_pct", number_or_null(figures.ratings.percent())},
           {"ratings", Json(figures.ratings.ratings)},
           {"unsure_tickets", Json(of.unsure)}})
    row.append_member(name, value);
}

}  // namespace

Result<Json> report_groups(AdminCall& call) {
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(const ReportQuestion question, ReportQuestion::of(call, reader.db()));
  TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
  const std::int64_t tenant = call.tenant().number();
  TERN_TRY(const Horizon horizon, horizon_of(call.tenant(), reader.db(), question.horizon()));
  TERN_TRY(ListPage page, ListPage::of(call));
  const Grouping grouping(call.tenant(), call.text("by"));
  Groups groups;
  TERN_CHECKED(add_figures(reader.db(), tenant, question, grouping, groups));
  TERN_CHECKED(add_open(reader.db(), tenant, question, grouping, groups));
  TERN_CHECKED(add_unsure(reader.db(), tenant, horizon, grouping, groups));
  std::map<std::string, Json> sorted;
  for (const auto& [key, of] : groups) {
    auto [place, row] = grouping.shown(key);
    put_figures(of, row);
    sorted.emplace(list_key(place) + "." + to_hex(key), std::move(row));
  }
  for (auto& [key, row] : sorted)
    if (page.wants(key)) page.add(key, std::move(row));
  Json out = question.answer();
  out.append_member("horizon", horizon.to_json());
  const Json rows = std::move(page).answer();
  for (const auto& [name, value] : rows.members()) out.append_member(name, value);
  return out;
}

}  // namespace tern::server::admin
