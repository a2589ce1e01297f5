#include "admin/report_question.hpp"

#include <fmt/format.h>

#include "admin/record_writer.hpp"
#include "api/ticket_list.hpp"
#include "store/zone.hpp"
#include "tern/sync/ticket_fields.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

/// Of one that the call names, or of none, where it says so.
Result<std::string> column_condition(const AdminCall& call, const char* column, sync::RecordKind kind) {
  if (!call.has(column)) return std::string();
  if (call.text(column) == "none") return fmt::format(" AND {} IS NULL", column);
  TERN_TRY(const sync::Record named, resolve_record(call.tenant(), kind, call.text(column)));
  return fmt::format(" AND {} = {}", column, blob_literal(named.id.view()));
}

/// Which tickets the report is of, over columns of `ticket`; it begins with AND, or is empty.
Result<std::string> asked_condition(const AdminCall& call, sqlite::Database& db) {
  TERN_TRY(std::string out, column_condition(call, "queue", sync::RecordKind::queue));
  TERN_TRY(const std::string category, column_condition(call, "category", sync::RecordKind::category));
  out += category;
  if (call.has("client")) {
    auto client = resolve_record(call.tenant(), sync::RecordKind::organisation, call.text("client"));
    if (!client) {
      client.error().field = "client";
      return tl::unexpected(std::move(client).error());
    }
    TERN_TRY(const std::string of_client, client_condition(db, call.tenant(), client->id));
    out += of_client;
  }
  if (call.has("channel")) out += fmt::format(" AND channel = CAST({} AS TEXT)", blob_literal(call.text("channel")));
  if (!call.has("priority")) return out;
  const auto rank = sync::priority_rank(call.text("priority"));
  if (!rank) return fail(ErrorCode::invalid, "There is no priority \"" + call.text("priority") + "\".", "", "priority");
  return out + fmt::format(" AND priority = {}", static_cast<int>(*rank));
}

}  // namespace

Result<ReportQuestion> ReportQuestion::of(const AdminCall& call, sqlite::Database& db, std::int64_t days_else) {
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
    TERN_TRY(const std::int64_t to, call.instant("to"));
    if (to < now_ms) {
      to_ms = to;
      out.past = true;
    }
  }
  TERN_TRY(const Zone zone, Zone::open(call.tenant().zone()));
  // What happens in the second that runs is part of it.
  out.period = {zone.days_before(to_ms / 1'000, days), out.past ? to_ms / 1'000 : to_ms / 1'000 + 1};
  out.until_ms = out.past ? out.period.to * 1'000 : now_ms;
  const auto readable = readable_condition(call.caller());
  TERN_TRY(const std::string asked, asked_condition(call, db));
  out.readable = (readable ? *readable : " AND 0") + asked;
  return out;
}

HorizonQuestion ReportQuestion::horizon() const {
  return {until_ms, silent_after_ms, readable};
}

Json ReportQuestion::answer() const {
  return Json::object({{"from", Json(instant_text(period.from * 1'000))}, {"to", Json(instant_text(until_ms))}});
}

}  // namespace tern::server::admin
