// Counts over all tickets that the caller may read: of each client, and the dashboard. Made of columns with indexes,
// which commits keep.
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include <fmt/format.h>

#include "api/actions.hpp"
#include "api/ticket_list.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::server::actions {
namespace {

using sync::Status;

constexpr std::int64_t minute_ms = 60'000, hour_ms = 3'600'000, period_ms = 30LL * 86'400'000;

struct ClientFigures {
  std::uint64_t open = 0, fresh = 0, done_in_period = 0, total = 0;
  std::int64_t minutes = 0;  // of work, in the period
};

/// A mean that is made of its parts.
struct Mean {
  double sum = 0;
  std::uint64_t count = 0;

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
  Result<std::uint64_t> count(std::string_view which) {
    std::uint64_t counted = 0;
    TERN_CHECKED(each("count(*)", which, "", [&](const auto& row) { counted = row.uint64(0); }));
    return counted;
  }
  /// Of the time from when a ticket was made to what the column says, in the period.
  Result<Mean> mean(std::string_view column) {
    Mean mean;
    TERN_CHECKED(each(fmt::format("count(*), sum(CASE WHEN {0} > created_ms THEN {0} - created_ms ELSE 0 END)", column),
                      fmt::format("{0} >= $2 AND {0} > 0 AND {1}", column, all_ones), "", [&](const auto& row) {
                        mean = {static_cast<double>(row.int64(1)), row.uint64(0)};
                      }));
    return mean;
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
    return each("organisation, contact, listed, count(*)", open_ones, " GROUP BY organisation, contact, listed",
                [&](const auto& found) {
                  const auto shown = static_cast<Status>(found.int64(2));
                  row(shown, found.uint64(3));
                  ClientFigures* of = client(found, 0, 1);
                  if (of == nullptr) return;
                  of->open += found.uint64(3);
                  if (is_fresh(shown)) of->fresh += found.uint64(3);
                });
  }
  Result<void> totals_of_clients() {
    const auto add = [&](const auto& row) {
      if (ClientFigures* of = client(row, 0, 1)) of->total += row.uint64(2);
    };
    TERN_CHECKED(each("organisation, NULL, count(*)", fmt::format("organisation IS NOT NULL AND {}", all_ones),
                      " GROUP BY organisation", add));
    return each("NULL, contact, count(*)", fmt::format("contact IS NOT NULL AND organisation IS NULL AND {}", all_ones),
                " GROUP BY contact", add);
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
    Result<void> read;
    TERN_CHECKED(each("organisation, contact, state", fmt::format("worked_ms >= $2 AND worked_ms > 0 AND {}", all_ones),
                      "", [&](const auto& row) {
                        ClientFigures* of = client(row, 0, 1);
                        if (of == nullptr || !read) return;
                        const auto state = sync::decode_state(row.blob(2));
                        if (!state) {
                          read = tl::unexpected(state.error());
                          return;
                        }
                        for (const sync::TimeEntry& entry : state->time_entries)
                          if (entry.stamp.order_ms >= since_ms_) of->minutes += entry.minutes;
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

Json compliance_json(std::uint64_t resolved, std::uint64_t breached) {
  if (resolved == 0) return {};
  return Json(((resolved - breached) * 100 + resolved / 2) / resolved);
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
  TERN_TRY(const Mean response, counting.mean("first_response_ms"));
  TERN_TRY(const Mean resolution, counting.mean("resolved_ms"));
  TERN_TRY(const std::uint64_t breached,
           counting.count(fmt::format("resolved_ms >= $2 AND resolved_ms > 0 AND {} AND EXISTS (SELECT 1 FROM "
                                      "sla_breach b WHERE b.tenant_id = $1 AND b.ticket_id = ticket.ticket_id AND "
                                      "b.state IN (0, 1))",
                                      all_ones)));  // provisional and confirmed ones
  constexpr double one_decimal = 10;
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
                       {"avg_response_min", response.in(minute_ms, 1)},
                       {"avg_resolution_hours", resolution.in(hour_ms, one_decimal)},
                       {"sla_compliance_pct", compliance_json(resolution.count, breached)},
                       {"per_portal", std::move(portals)}});
}

}  // namespace tern::server::actions
