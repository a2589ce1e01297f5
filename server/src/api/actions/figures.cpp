// Counts over all tickets that the caller may read: of each client, and the dashboards. Made of columns with indexes
// and of the rows for reports, which commits keep.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <unordered_map>

#include <fmt/format.h>

#include "admin/report_question.hpp"
#include "api/actions.hpp"
#include "api/ticket_list.hpp"
#include "desk/known_then.hpp"
#include "store/zone.hpp"
#include "tern/sqlite/transaction.hpp"
#include "time_text.hpp"

namespace tern::server::actions {
namespace {

using sync::Status;

constexpr std::int64_t period_ms = 30LL * 86'400'000;
constexpr double one_decimal = 10;

struct ClientFigures {
  std::uint64_t open = 0, fresh = 0, done_in_period = 0, total = 0;
  std::int64_t minutes = 0;  // of work, in the calendar month
};

/// A mean of seconds that is made of its parts.
struct Mean {
  double sum = 0;
  std::uint64_t count = 0;

  void add(const Mean& other) {
    sum += other.sum;
    count += other.count;
  }
  /// Null without data.
  [[nodiscard]] Json in(std::int64_t unit, double places) const {
    if (count == 0) return {};
    const double value = sum / static_cast<double>(count) / static_cast<double>(unit);
    if (places == 1) return Json(static_cast<std::int64_t>(std::llround(value)));
    return Json(std::round(value * places) / places);
  }
};

// What lists show a ticket as (its column `listed`).
bool is_fresh(Status shown) {
  return shown == Status::new_ || shown == Status::open || shown == Status::reopened;
}
bool is_in_work(Status shown) {
  return shown == Status::in_progress || shown == Status::waiting || shown == Status::estimated;
}
constexpr std::string_view open_ones = "listed IN (1, 2, 3, 4, 5, 6, 9)", done_ones = "listed = 7",
                           ended_ones = "listed IN (7, 8)", all_ones = "listed > 0";

sla::Instant day_begin(const Zone& zone, std::int64_t day) {
  return zone.first_at(day * sla::day_s);
}

sla::Instant month_begin(const Zone& zone, sla::Instant at) {
  const std::chrono::year_month_day today{std::chrono::sys_days{std::chrono::days{zone.day_of(at)}}};
  const std::chrono::sys_days first{today.year() / today.month() / 1};
  return day_begin(zone, first.time_since_epoch().count());
}

/// Over one snapshot, for one caller.
class Counting {
public:
  Counting(const AdminCall& call, sqlite::Database& db)
      : call_(call),
        db_(db),
        clients_(call.tenant()),
        since_ms_(call.tenant().now_ms() - period_ms),
        readable_(readable_condition(call.caller())) {
    call.tenant().each_record(sync::RecordKind::contact, [&](const sync::Record& contact) {
      if (const auto client = clients_.of(contact)) client_of_contact_.emplace(contact.id, *client);
    });
  }

  /// Calls `row` for each row of "SELECT what FROM ticket WHERE tenant_id = $1 AND which more"; $2 is the period's
  /// beginning.
  template <typename Row>
  Result<void> each(std::string_view what, std::string_view which, std::string_view more, Row row) {
    if (!readable_) return {};
    TERN_TRY(auto rows, db_.prepare(fmt::format("SELECT {} FROM ticket WHERE tenant_id = $1 AND $2 = $2 AND {}{}{}",
                                                what, which, *readable_, more)));
    rows.bind_all(call_.tenant().number(), since_ms_);
    for (;;) {
      TERN_TRY(const bool there, rows.step());
      if (!there) return {};
      row(rows);
    }
  }
  /// Organisation and contact, how lists show it, how many. Counts are kept of all tickets; who reads some of them has
  /// them counted.
  template <typename Row>
  Result<void> each_count(std::string_view which, Row row) {
    if (!readable_ || !readable_->empty())
      return each("organisation, contact, listed, count(*)", which, " GROUP BY organisation, contact, listed", row);
    TERN_TRY(auto rows,
             db_.prepare(fmt::format("SELECT nullif(organisation, x''), nullif(contact, x''), listed, n FROM "
                                     "ticket_count WHERE tenant_id = $1 AND n > 0 AND {}",
                                     which)));
    rows.bind_all(call_.tenant().number());
    for (;;) {
      TERN_TRY(const bool there, rows.step());
      if (!there) return {};
      row(rows);
    }
  }
  Result<std::uint64_t> count(std::string_view which) {
    std::uint64_t counted = 0;
    TERN_CHECKED(each_count(which, [&](const auto& row) { counted += row.uint64(3); }));
    return counted;
  }
  /// The figures of a client, by organisation and contact in two columns of a row.
  ClientFigures* client(const sqlite::Statement& row, int organisation, int contact) {
    if (!row.is_null(organisation)) return &figures_[row.id<RecordId>(organisation)];
    const auto found = client_of_contact_.find(row.id<RecordId>(contact));
    return found == client_of_contact_.end() ? nullptr : &figures_[found->second];
  }
  const ClientFigures& figures_of(const RecordId& client) { return figures_[client]; }

  // ---- of each client ----
  /// `row` is told the status and how many, too.
  template <typename Row>
  Result<void> open_of_clients(Row row) {
    return each_count(open_ones, [&](const auto& found) {
      const auto shown = static_cast<Status>(found.int64(2));
      row(shown, found.uint64(3));
      ClientFigures* of = client(found, 0, 1);
      if (of == nullptr) return;
      of->open += found.uint64(3);
      if (is_fresh(shown)) of->fresh += found.uint64(3);
    });
  }
  Result<void> totals_of_clients() {
    return each_count(all_ones, [&](const auto& row) {
      if (ClientFigures* of = client(row, 0, 1)) of->total += row.uint64(3);
    });
  }
  Result<void> done_of_clients() {
    return each("organisation, contact, count(*)",
                fmt::format("resolved_ms >= $2 AND resolved_ms > 0 AND {}", ended_ones),
                " GROUP BY organisation, contact", [&](const auto& row) {
                  if (ClientFigures* of = client(row, 0, 1)) of->done_in_period += row.uint64(2);
                });
  }
  /// Time entries stand in the states of the tickets that were worked on.
  Result<void> minutes_of_clients() {
    TERN_TRY(const Zone zone, Zone::open(call_.tenant().zone()));
    const std::int64_t since_ms = month_begin(zone, call_.tenant().now_ms() / 1'000) * 1'000;
    Result<void> read;
    TERN_CHECKED(each("organisation, contact, state",
                      fmt::format("worked_ms >= {} AND worked_ms > 0 AND {}", since_ms, all_ones), "",
                      [&](const auto& row) {
                        ClientFigures* of = client(row, 0, 1);
                        if (of == nullptr || !read) return;
                        const auto state = sync::decode_state(row.blob(2));
                        if (!state) {
                          read = tl::unexpected(state.error());
                          return;
                        }
                        for (const sync::TimeEntry& entry : state->time_entries)
                          if (entry.stamp.order_ms >= since_ms) of->minutes += entry.minutes;
                      }));
    return read;
  }

private:
  const AdminCall& call_;
  sqlite::Database& db_;
  const ClientsOfContacts clients_;
  const std::int64_t since_ms_;
  const std::optional<std::string> readable_;
  std::unordered_map<RecordId, RecordId> client_of_contact_;
  std::unordered_map<RecordId, ClientFigures> figures_;
};

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

Json percent_json(const std::optional<int>& percent) {
  return percent ? Json(*percent) : Json();
}

/// Of the rows that commits keep for reports, in the order of time.
class Rows {
public:
  Rows(sqlite::Database& db, std::int64_t tenant, const admin::ReportQuestion& question)
      : db_(db), tenant_(tenant), question_(question), readable_(rows_readable(question.readable, "figure")) {}

  /// Calls `row` for each row of "SELECT what" of one kind in the period.
  template <typename Row>
  Result<void> each(int kind, std::string_view what, std::string_view more, Row row) {
    TERN_TRY(auto rows,
             db_.prepare(fmt::format("SELECT {} FROM figure WHERE tenant_id = $1 AND kind = $2 AND at_s >= $3 "
                                     "AND at_s < $4{}{}",
                                     what, readable_, more)));
    rows.bind_all(tenant_, kind, question_.period.from, question_.period.to);
    for (;;) {
      TERN_TRY(const bool there, rows.step());
      if (!there) return {};
      row(rows);
    }
  }
  /// Working time; of what was resolved several times the last counts.
  Result<Mean> mean(FigureKind kind) {
    Mean mean;
    TERN_CHECKED(each(static_cast<int>(kind), "count(*), sum(business_s)", " AND (next_s = 0 OR next_s >= $4)",
                      [&](const auto& row) {
                        mean = {static_cast<double>(row.int64(1)), row.uint64(0)};
                      }));
    return mean;
  }
  Result<PromiseCount> promises() {
    PromiseCount count;
    for (std::size_t metric = 0; metric < sla::metric_count; ++metric)
      TERN_CHECKED(each(promise_kind(static_cast<sla::Metric>(metric)), promise_sums, "",
                        [&](const auto& row) { count += promise_count_of(row); }));
    return count;
  }

private:
  sqlite::Database& db_;
  const std::int64_t tenant_;
  const admin::ReportQuestion& question_;
  const std::string readable_;
};

// ---- day by day ----

struct DayFigures {
  std::uint64_t created = 0, resolved = 0, breached = 0;
  Mean response, resolution;
};

/// Local midnights, the first day first, and when the report ends.
class Days {
public:
  Days(const Zone& zone, sla::Instant now, std::int64_t count) {
    const std::int64_t today = zone.day_of(now);
    for (std::int64_t day = today - count + 1; day <= today; ++day) {
      days_.push_back(day);
      starts_.push_back(day_begin(zone, day));
    }
    figures_.resize(days_.size());
  }

  [[nodiscard]] sla::Instant begin() const { return starts_.front(); }
  DayFigures& of(sla::Instant at) {
    const auto behind = std::ranges::upper_bound(starts_, at);
    return figures_[static_cast<std::size_t>(std::max<std::ptrdiff_t>(1, behind - starts_.begin()) - 1)];
  }
  [[nodiscard]] Json to_json() const {
    Json out = Json::array();
    for (std::size_t i = 0; i < days_.size(); ++i)
      out.push(Json::object({{"date", Json(instant_text(days_[i] * sla::day_s * 1'000).substr(0, 10))},
                             {"created", Json(figures_[i].created)},
                             {"resolved", Json(figures_[i].resolved)},
                             {"breached", Json(figures_[i].breached)},
                             {"avg_response_min", figures_[i].response.in(sla::minute_s, 1)},
                             {"avg_resolution_hours", figures_[i].resolution.in(sla::hour_s, one_decimal)}}));
    return out;
  }

private:
  std::vector<std::int64_t> days_;
  std::vector<sla::Instant> starts_;
  std::vector<DayFigures> figures_;
};

struct CategoryFigures {
  std::uint64_t created = 0, resolved = 0;
};

Json categories_json(const Tenant& tenant, const std::map<Bytes, CategoryFigures>& figures) {
  Json out = Json::array();
  const auto put = [&](Json id, Json name, const CategoryFigures& of) {
    out.push(Json::object({{"category_id", std::move(id)},
                           {"category", std::move(name)},
                           {"created", Json(of.created)},
                           {"resolved", Json(of.resolved)}}));
  };
  auto categories = tenant.records(sync::RecordKind::category);
  std::ranges::sort(categories, {}, &sync::Record::integer_id);
  for (const sync::Record& category : categories)
    if (const auto of = figures.find(Bytes(category.id.view())); of != figures.end())
      put(Json(category.integer_id), Json(category.name), of->second);
  if (const auto none = figures.find(Bytes()); none != figures.end()) put(Json(), Json(), none->second);
  return out;
}

/// What a client pays for: said of itself, else of its tariff.
class PaidHours {
public:
  explicit PaidHours(const Tenant& tenant) {
    for (const sync::Record& tariff : tenant.records(sync::RecordKind::tariff))
      if (!tariff.deleted) of_tariff_.emplace(tariff.name, number_attribute(tariff, "hours_per_month"));
  }
  [[nodiscard]] Json of(const sync::Record& client) const {
    Json own = number_attribute(client, "hours_per_month");
    if (!own.is_null()) return own;
    const auto named = client.attributes.find("tariff");
    const auto tariff = named == client.attributes.end() ? of_tariff_.end() : of_tariff_.find(named->second);
    return tariff == of_tariff_.end() ? Json() : tariff->second;
  }

private:
  std::unordered_map<std::string, Json> of_tariff_;
};

}  // namespace

Result<Json> list_clients(AdminCall& call) {
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
  Counting counting(call, reader.db());
  TERN_CHECKED(counting.open_of_clients([](Status, std::uint64_t) {}));
  TERN_CHECKED(counting.totals_of_clients());
  TERN_CHECKED(counting.done_of_clients());
  TERN_CHECKED(counting.minutes_of_clients());
  constexpr double minutes_per_hour = 60, places = 10;
  const PaidHours paid(call.tenant());
  Json out = Json::array();
  for (const sync::Record& client : clients_of(call.tenant())) {
    const ClientFigures& of = counting.figures_of(client.id);
    const double hours = std::round(static_cast<double>(of.minutes) / minutes_per_hour * places) / places;
    out.push(Json::object({{"id", Json(client.integer_id)},
                           {"portal_domain", attribute_json(client, "portal_domain")},
                           {"company_name", Json(client.name)},
                           {"tariff_plan", attribute_json(client, "tariff")},
                           {"hours_per_month", paid.of(client)},
                           {"hours_used", Json(hours)},
                           {"ticket_stats", Json::object({{"open", Json(of.open)},
                                                          {"done_month", Json(of.done_in_period)},
                                                          {"total", Json(of.total)}})}}));
  }
  return out;
}

Result<Json> dashboard(AdminCall& call) {
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
  Counting counting(call, reader.db());
  std::uint64_t open = 0, fresh = 0, in_work = 0, on_hold = 0;
  TERN_CHECKED(counting.open_of_clients([&](Status shown, std::uint64_t count) {
    open += count;
    if (is_fresh(shown)) fresh += count;
    if (is_in_work(shown)) in_work += count;
    if (shown == Status::on_hold) on_hold += count;
  }));
  TERN_TRY(const std::uint64_t done, counting.count(done_ones));
  TERN_TRY(const admin::ReportQuestion question, admin::ReportQuestion::of(call, reader.db()));
  TERN_TRY(const Horizon horizon, horizon_of(call.tenant(), reader.db(), question.horizon()));
  Rows rows(reader.db(), call.tenant().number(), question);
  TERN_TRY(const Mean response, rows.mean(FigureKind::first_response));
  TERN_TRY(const Mean resolution, rows.mean(FigureKind::resolved));
  TERN_TRY(const PromiseCount promises, rows.promises());
  Json unsure = Json::object({});
  for (const char* figure : {"total_open", "total_new", "total_in_progress", "total_on_hold"})
    unsure.append_member(figure, Json(horizon.open_tickets));
  for (const char* figure : {"total_done", "avg_response_min", "avg_resolution_hours", "sla_compliance_pct"})
    unsure.append_member(figure, Json(horizon.unsure.size()));
  Json portals = Json::array();
  for (const sync::Record& client : clients_of(call.tenant())) {
    const ClientFigures& of = counting.figures_of(client.id);
    portals.push(Json::object({{"portal_domain", attribute_json(client, "portal_domain")},
                               {"company_name", Json(client.name)},
                               {"open", Json(of.open)},
                               {"new", Json(of.fresh)}}));
  }
  return Json::object({{"total_open", Json(open)},
                       {"total_new", Json(fresh)},
                       {"total_in_progress", Json(in_work)},
                       {"total_done", Json(done)},
                       {"total_on_hold", Json(on_hold)},
                       {"avg_response_min", response.in(sla::minute_s, 1)},
                       {"avg_resolution_hours", resolution.in(sla::hour_s, one_decimal)},
                       {"sla_compliance_pct", percent_json(promises.percent())},
                       {"per_portal", std::move(portals)},
                       {"sla_compliance_at_best_pct", percent_json(promises.percent_at_best())},
                       {"unsure_tickets", std::move(unsure)},
                       {"horizon", horizon.to_json()}});
}

Result<Json> dashboard_analytics(AdminCall& call) {
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(admin::ReportQuestion question, admin::ReportQuestion::of(call, reader.db()));
  TERN_TRY(const Zone zone, Zone::open(call.tenant().zone()));
  Days days(zone, question.period.to - 1, call.integer("days", 30));
  question.period.from = days.begin();
  TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
  TERN_TRY(const Horizon horizon, horizon_of(call.tenant(), reader.db(), question.horizon()));
  Rows rows(reader.db(), call.tenant().number(), question);
  std::map<Bytes, CategoryFigures> categories;
  Mean response, resolution;
  TERN_CHECKED(rows.each(static_cast<int>(FigureKind::created), "at_s, category", "", [&](const auto& row) {
    ++days.of(row.int64(0)).created;
    ++categories[Bytes(row.blob(1))].created;
  }));
  TERN_CHECKED(rows.each(static_cast<int>(FigureKind::first_response), "at_s, business_s", "", [&](const auto& row) {
    const Mean one{static_cast<double>(row.int64(1)), 1};
    days.of(row.int64(0)).response.add(one);
    response.add(one);
  }));
  TERN_CHECKED(rows.each(static_cast<int>(FigureKind::resolved), "at_s, business_s, category",
                         " AND (next_s = 0 OR next_s >= $4)", [&](const auto& row) {
                           const Mean one{static_cast<double>(row.int64(1)), 1};
                           DayFigures& day = days.of(row.int64(0));
                           ++day.resolved;
                           day.resolution.add(one);
                           resolution.add(one);
                           ++categories[Bytes(row.blob(2))].resolved;
                         }));
  for (std::size_t metric = 0; metric < sla::metric_count; ++metric)
    TERN_CHECKED(rows.each(promise_kind(static_cast<sla::Metric>(metric)), "at_s", " AND outcome IN (2, 3)",
                           [&](const auto& row) { ++days.of(row.int64(0)).breached; }));
  TERN_TRY(const PromiseCount promises, rows.promises());
  Json out = question.answer();
  out.append_member("zone", Json(call.tenant().zone()));
  out.append_member("daily", days.to_json());
  out.append_member("sla", Json::object({{"met", Json(promises.met)},
                                         {"breached", Json(promises.breached)},
                                         {"provisional", Json(promises.provisional)},
                                         {"excused", Json(promises.excused)},
                                         {"compliance_pct", percent_json(promises.percent())},
                                         {"compliance_at_best_pct", percent_json(promises.percent_at_best())}}));
  out.append_member("categories", categories_json(call.tenant(), categories));
  out.append_member("avg_response_min", response.in(sla::minute_s, 1));
  out.append_member("avg_resolution_hours", resolution.in(sla::hour_s, one_decimal));
  out.append_member("horizon", horizon.to_json());
  return out;
}

}  // namespace tern::server::actions
