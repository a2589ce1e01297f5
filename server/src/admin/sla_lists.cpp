// Clocks, breaches and alerts as they are kept.
#include "admin/handlers.hpp"
#include "admin/list_page.hpp"
#include "desk/sla_rows.hpp"

namespace tern::server::admin {
namespace {

constexpr std::string_view clock_rows =
    "SELECT c.ticket_id, t.number, c.colour, c.due_s, c.looked_s, c.clock FROM sla_clock c JOIN ticket t "
    "ON t.tenant_id = c.tenant_id AND t.ticket_id = c.ticket_id WHERE c.tenant_id = $1 AND c.open = 1 "
    "ORDER BY c.due_s IS NULL, c.due_s, c.ticket_id";
constexpr std::string_view breach_rows =
    "SELECT b.ticket_id, t.number, b.metric, b.number, b.state, b.target_s, b.due_s, b.breached_s, b.detected_s, "
    "b.cause, b.rule, b.calendar, b.assignee, b.queue, b.cycle_id FROM sla_breach b JOIN ticket t ON t.tenant_id = "
    "b.tenant_id AND t.ticket_id = b.ticket_id WHERE b.tenant_id = $1 ORDER BY b.breached_s, b.ticket_id, b.metric, "
    "b.cycle_id";
constexpr std::string_view alert_rows =
    "SELECT a.ticket_id, t.number, a.level, a.metric, a.at_s, a.noticed_s, a.alert_key FROM sla_alert a JOIN ticket t "
    "ON t.tenant_id = a.tenant_id AND t.ticket_id = a.ticket_id WHERE a.tenant_id = $1 ORDER BY a.at_s, a.ticket_id, "
    "a.alert_key";

Json instant_json(const sqlite::Statement& row, int column) {
  return row.is_null(column) ? Json() : Json(sla::instant_text(row.int64(column)));
}

/// Why `wanted` names nothing among `count` words; nothing: it does.
template <typename Name>
Result<void> check_word(const AdminCall& call, std::string_view arg, int count, Name name) {
  if (!call.has(arg)) return {};
  std::string all;
  for (int i = 0; i < count; ++i) {
    if (name(i) == call.text(arg)) return {};
    all += (i == 0 ? "" : " ") + std::string(name(i));
  }
  return fail(ErrorCode::usage, "\"" + call.text(arg) + "\" is no " + std::string(arg) + ".", "One of: " + all + ".",
              std::string(arg));
}

std::string_view colour_of(int number) {
  return sla::colour_name(static_cast<sla::Colour>(number));
}
std::string_view state_of(int number) {
  return sla::record_state_name(static_cast<sla::RecordState>(number));
}

/// "due 2026-06-03T10:15:00Z (green)", "paused, 2 h left", "met".
std::string cycle_words(const Json& cycle) {
  const std::string& state = cycle["state"].as_string();
  if (state == "paused") return "paused, " + sla::duration_text(cycle["remaining"].as_integer()) + " left";
  if (state == "breached") return "breached " + sla::instant_text(cycle["breached"].as_integer());
  if (state != "running") return state;
  if (cycle.find("due") == nullptr) return "no target";
  return "due " + sla::instant_text(cycle["due"].as_integer()) + " (" + cycle["colour"].as_string() + ")";
}

/// The newest cycle of each metric in words.
Result<Json> clock_json(const sqlite::Statement& row) {
  TERN_TRY(const Json cycles, parse_json(row.text(5)));
  Json out = Json::object({{"ticket", Json(row.text(1))},
                           {"colour", Json(colour_of(static_cast<int>(row.int64(2))))},
                           {"due", instant_json(row, 3)}});
  for (const char* metric : {"first_response", "next_response", "resolution"}) out.set(metric, Json());
  for (const Json& cycle : cycles.items()) out.set(cycle["metric"].as_string(), Json(cycle_words(cycle)));
  out.set("as_of", instant_json(row, 4));
  return out;
}

Json breach_json(const Tenant& tenant, const sqlite::Statement& row) {
  const auto assignee = from_uuid_text(row.text(12));
  const auto who =
      assignee ? tenant.find_record(sync::RecordKind::operator_, RecordId::or_zero(*assignee)) : std::nullopt;
  return Json::object({{"ticket", Json(row.text(1))},
                       {"metric", Json(sla::metric_name(static_cast<sla::Metric>(row.int64(2))))},
                       {"cycle", Json(row.int64(3))},
                       {"state", Json(state_of(static_cast<int>(row.int64(4))))},
                       {"target", Json(sla::duration_text(row.int64(5)))},
                       {"due", instant_json(row, 6)},
                       {"breached", instant_json(row, 7)},
                       {"detected", instant_json(row, 8)},
                       {"cause", Json(sla::breach_cause_name(static_cast<sla::BreachCause>(row.int64(9))))},
                       {"rule", Json(row.text(10))},
                       {"calendar", Json(row.text(11))},
                       {"assignee", who ? Json(who->name) : Json()},
                       {"queue", row.text(13).empty() ? Json() : Json(row.text(13))}});
}

/// A page of the rows of `sql` that are `wanted`.
template <typename Wanted, typename Key, typename Row>
Result<Json> listed(AdminCall& call, std::string_view sql, const Wanted& wanted, const Key& key, const Row& row) {
  TERN_TRY(ListPage page, ListPage::of(call));
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(auto rows, reader.db().query(sql, call.tenant().number()));
  while (!page.is_full()) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    if (!wanted(rows)) continue;
    const std::string at = key(rows);
    if (!page.wants(at)) continue;
    TERN_TRY(Json shown, row(rows));
    page.add(at, std::move(shown));
  }
  return std::move(page).answer();
}

/// Rows whose `column` has the name that the command asks for; all, where it asks for none.
template <typename Name>
auto named(const AdminCall& call, std::string_view arg, int column, Name name) {
  return [&call, arg, column, name](const sqlite::Statement& row) {
    return !call.has(arg) || name(static_cast<int>(row.int64(column))) == call.text(arg);
  };
}

}  // namespace

Result<Json> sla_list(AdminCall& call) {
  TERN_CHECKED(check_word(call, "colour", 5, colour_of));
  const auto key = [](const sqlite::Statement& row) {
    return list_key(row.is_null(3) ? UINT64_MAX : row.uint64(3)) + to_hex(row.blob(0));
  };
  return listed(call, clock_rows, named(call, "colour", 2, colour_of), key, clock_json);
}

Result<Json> sla_breaches(AdminCall& call) {
  TERN_CHECKED(check_word(call, "state", 4, state_of));
  const auto key = [](const sqlite::Statement& row) {
    return list_key(row.uint64(7)) + to_hex(row.blob(0)) + std::to_string(row.int64(2)) + std::string(row.text(14));
  };
  const auto shown = [&](const sqlite::Statement& row) -> Result<Json> { return breach_json(call.tenant(), row); };
  return listed(call, breach_rows, named(call, "state", 4, state_of), key, shown);
}

Result<Json> sla_alerts(AdminCall& call) {
  const auto all = [](const sqlite::Statement&) { return true; };
  const auto key = [](const sqlite::Statement& row) {
    return list_key(row.uint64(4)) + to_hex(row.blob(0)) + std::string(row.text(6));
  };
  const auto shown = [](const sqlite::Statement& row) -> Result<Json> {
    return Json::object({{"ticket", Json(row.text(1))},
                         {"level", Json(sla::alert_level_name(static_cast<sla::AlertLevel>(row.int64(2))))},
                         {"metric", Json(sla::metric_name(static_cast<sla::Metric>(row.int64(3))))},
                         {"reached", instant_json(row, 4)},
                         {"noticed", instant_json(row, 5)}});
  };
  return listed(call, alert_rows, all, key, shown);
}

}  // namespace tern::server::admin
