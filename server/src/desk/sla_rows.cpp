#include "desk/sla_rows.hpp"

#include <algorithm>

namespace tern::server {
namespace {

constexpr std::string_view select_breaches =
    "SELECT metric, cycle_id, number, target_s, due_s, breached_s, detected_s, cause, state, rule, calendar, "
    "book_version, calendar_version, assignee, queue, history FROM sla_breach WHERE tenant_id = $1 AND ticket_id = $2 "
    "ORDER BY metric, cycle_id";
constexpr std::string_view upsert_breach =
    "INSERT INTO sla_breach (tenant_id, ticket_id, metric, cycle_id, number, target_s, due_s, breached_s, detected_s, "
    "cause, state, rule, calendar, book_version, calendar_version, assignee, queue, history) VALUES ($1, $2, $3, $4, "
    "$5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) ON CONFLICT (tenant_id, ticket_id, metric, "
    "cycle_id) DO UPDATE SET number = excluded.number, target_s = excluded.target_s, due_s = excluded.due_s, "
    "breached_s = excluded.breached_s, cause = excluded.cause, state = excluded.state, rule = excluded.rule, calendar "
    "= excluded.calendar, book_version = excluded.book_version, calendar_version = excluded.calendar_version, assignee "
    "= excluded.assignee, queue = excluded.queue, history = excluded.history";
/// What devices were told stands as long as it is the same.
constexpr std::string_view upsert_clock =
    "INSERT INTO sla_clock (tenant_id, ticket_id, looked_s, look_s, open, colour, due_s, clock, told, told_seq) VALUES "
    "($1, $2, $3, $4, $5, $6, $7, $8, $9, CASE WHEN length($9) = 0 THEN 0 ELSE $10 END) ON CONFLICT (tenant_id, "
    "ticket_id) DO UPDATE SET looked_s = excluded.looked_s, look_s = excluded.look_s, open = excluded.open, colour = "
    "excluded.colour, due_s = excluded.due_s, clock = excluded.clock, told_seq = CASE WHEN sla_clock.told = "
    "excluded.told THEN sla_clock.told_seq ELSE $10 END, told = excluded.told RETURNING told_seq";

void put_if(Json& out, const char* name, const std::optional<std::int64_t>& value) {
  if (value) out.append_member(name, Json(*value));
}

Json cycle_json(const sla::Cycle& cycle) {
  Json out = Json::object({{"metric", Json(sla::metric_name(cycle.metric))},
                           {"n", Json(cycle.number)},
                           {"cycle", Json(cycle.id)},
                           {"state", Json(sla::cycle_state_name(cycle.state))},
                           {"open", Json(cycle.open)},
                           {"colour", Json(sla::colour_name(cycle.colour()))},
                           {"started", Json(cycle.started_at)},
                           {"elapsed", Json(cycle.elapsed)}});
  put_if(out, "target", cycle.target);
  put_if(out, "due", cycle.due);
  put_if(out, "yellow", cycle.yellow_at);
  put_if(out, "remaining", cycle.remaining);
  put_if(out, "breached", cycle.breached_at);
  put_if(out, "stopped", cycle.stopped_at);
  if (cycle.verdict) out.append_member("verdict", Json(sla::verdict_name(*cycle.verdict)));
  if (cycle.awaits_manager) out.append_member("awaits_manager", Json(true));
  out.append_member("rule", Json(cycle.rule));
  out.append_member("calendar", Json(cycle.calendar));
  return out;
}

// ---- what a record became ----

Json history_json(const sla::BreachRecord& record) {
  Json evidence = Json::array(), steps = Json::array();
  for (const std::string& id : record.evidence) evidence.push(Json(id));
  for (const sla::RecordStep& step : record.steps) {
    Json one = Json::object({{"at", Json(step.at)}, {"state", Json(static_cast<int>(step.state))}});
    put_if(one, "breached", step.breached_at);
    if (step.verdict) one.append_member("verdict", Json(static_cast<int>(*step.verdict)));
    steps.push(std::move(one));
  }
  return Json::object({{"evidence", std::move(evidence)}, {"steps", std::move(steps)}});
}

Result<void> read_history(std::string_view text, sla::BreachRecord& record) {
  TERN_TRY(const Json history, parse_json(text));
  for (const Json& id : history["evidence"].items()) record.evidence.push_back(id.as_string());
  for (const Json& one : history["steps"].items()) {
    sla::RecordStep step;
    step.at = one["at"].as_integer();
    step.state = static_cast<sla::RecordState>(one["state"].as_integer());
    if (one.find("breached") != nullptr) step.breached_at = one["breached"].as_integer();
    if (one.find("verdict") != nullptr) step.verdict = static_cast<sla::Verdict>(one["verdict"].as_integer());
    record.steps.push_back(step);
  }
  return {};
}

Result<sla::BreachRecord> breach_of(const sqlite::Statement& row) {
  sla::BreachRecord record;
  record.metric = static_cast<sla::Metric>(row.int64(0));
  record.cycle = std::string(row.text(1));
  record.number = static_cast<int>(row.int64(2));
  record.target = row.int64(3);
  record.due_at = row.int64(4);
  record.breached_at = row.int64(5);
  record.detected_at = row.int64(6);
  record.cause = static_cast<sla::BreachCause>(row.int64(7));
  record.state = static_cast<sla::RecordState>(row.int64(8));
  record.rule = std::string(row.text(9));
  record.calendar = std::string(row.text(10));
  record.book_version = static_cast<std::uint32_t>(row.int64(11));
  record.calendar_version = static_cast<std::uint32_t>(row.int64(12));
  record.assignee = std::string(row.text(13));
  record.queue = std::string(row.text(14));
  TERN_CHECKED(read_history(row.text(15), record));
  return record;
}

// ---- what changed ----

bool is_breached(const sla::BreachRecord& record) {
  return record.state == sla::RecordState::provisional || record.state == sla::RecordState::confirmed;
}

/// What is known now has no breach there, or nothing that could tell of it any more.
sla::BreachRecord rescinded(sla::BreachRecord record, sla::Instant now) {
  record.state = sla::RecordState::rescinded;
  record.steps.push_back({now, sla::RecordState::rescinded, std::nullopt, std::nullopt});
  return record;
}

}  // namespace

Json cycles_json(const sla::TicketClock& clock) {
  Json out = Json::array();
  for (const sla::Cycle& cycle : clock.cycles) out.push(cycle_json(cycle));
  return out;
}

sync::SlaClock told_clock(const sla::TicketClock& clock) {
  static_assert(static_cast<int>(sla::Metric::on_site) == static_cast<int>(sync::SlaMetric::on_site) &&
                sla::metric_count == sync::sla_metric_count);
  sync::SlaClock told;
  bool waits = false;
  for (const sla::Cycle& cycle : clock.cycles) {
    if (!cycle.open || !cycle.target) continue;
    const bool paused = cycle.state == sla::CycleState::paused;
    waits = waits || paused;
    sync::SlaCycle& out = told.cycles.emplace_back();
    out.metric = static_cast<sync::SlaMetric>(cycle.metric);
    out.number = static_cast<std::uint32_t>(cycle.number);
    out.due = cycle.due;
    if (paused)
      out.remaining = cycle.remaining;
    else
      out.yellow = cycle.yellow_at;
  }
  if (waits && clock.pause) told.waits_since = clock.pause->since;
  return told;
}

ClockRow clock_row(const sla::TicketClock& clock, sla::Instant looked, std::optional<sla::Instant> look) {
  ClockRow row;
  row.looked = looked;
  row.look = look;
  row.open = std::ranges::any_of(clock.cycles, [](const sla::Cycle& cycle) { return cycle.open; });
  row.colour = clock.colour();
  row.due = clock.next_due();
  row.clock = to_text(cycles_json(clock));
  row.told = sync::encode_sla_clock(told_clock(clock));
  if (!sync::decode_sla_clock(row.told)) row.told.clear();  // it would stop every device that holds the ticket
  return row;
}

Result<std::optional<ClockRow>> SlaRows::clock(const TicketId& ticket) {
  TERN_TRY(auto found, db_.query("SELECT looked_s, look_s, open, colour, due_s, clock, told FROM sla_clock WHERE "
                                 "tenant_id = $1 AND ticket_id = $2",
                                 tenant_, ticket));
  TERN_TRY(const bool there, found.step());
  if (!there) return std::optional<ClockRow>{};
  ClockRow row;
  row.looked = found.int64(0);
  if (!found.is_null(1)) row.look = found.int64(1);
  row.open = found.boolean(2);
  row.colour = static_cast<sla::Colour>(found.int64(3));
  if (!found.is_null(4)) row.due = found.int64(4);
  row.clock = std::string(found.text(5));
  row.told = Bytes(found.blob(6));
  return std::optional(std::move(row));
}

Result<bool> SlaRows::put_clock(const TicketId& ticket, const ClockRow& row, std::uint64_t told_seq) {
  TERN_TRY(auto put, db_.query(upsert_clock, tenant_, ticket, row.looked, row.look, row.open, row.colour, row.due,
                               sqlite::Text{row.clock}, sqlite::Blob{row.told}, told_seq));
  TERN_CHECKED(put.step());
  const bool anew = put.uint64(0) == told_seq;
  TERN_CHECKED(put.step());
  return anew;
}

Result<std::uint64_t> SlaRows::newest_told() {
  TERN_TRY(const auto newest, db_.int64_of("SELECT max(told_seq) FROM sla_clock WHERE tenant_id = $1", tenant_));
  return static_cast<std::uint64_t>(newest.value_or(0));
}

Result<void> SlaRows::leave(const TicketId& ticket) {
  return db_.run("UPDATE sla_clock SET look_s = NULL WHERE tenant_id = $1 AND ticket_id = $2", tenant_, ticket);
}

Result<std::vector<sla::BreachRecord>> SlaRows::breaches(const TicketId& ticket) {
  std::vector<sla::BreachRecord> out;
  TERN_TRY(auto rows, db_.query(select_breaches, tenant_, ticket));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    TERN_TRY(sla::BreachRecord record, breach_of(rows));
    out.push_back(std::move(record));
  }
}

Result<void> SlaRows::put_breach(const TicketId& ticket, const sla::BreachRecord& record) {
  const std::string history = to_text(history_json(record));
  return db_.run(upsert_breach, tenant_, ticket, record.metric, sqlite::Text{record.cycle}, record.number,
                 record.target, record.due_at, record.breached_at, record.detected_at, record.cause, record.state,
                 sqlite::Text{record.rule}, sqlite::Text{record.calendar}, record.book_version, record.calendar_version,
                 sqlite::Text{record.assignee}, sqlite::Text{record.queue}, sqlite::Text{history});
}

Result<std::set<std::string>> SlaRows::told(const TicketId& ticket) {
  std::set<std::string> out;
  TERN_TRY(auto rows,
           db_.query("SELECT alert_key FROM sla_alert WHERE tenant_id = $1 AND ticket_id = $2", tenant_, ticket));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out.emplace(rows.text(0));
  }
}

Result<void> SlaRows::put_alert(const TicketId& ticket, const sla::Alert& alert, sla::Instant noticed) {
  return db_.run(
      "INSERT INTO sla_alert (tenant_id, ticket_id, alert_key, level, metric, cycle_id, at_s, noticed_s) VALUES ($1, "
      "$2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant_id, ticket_id, alert_key) DO NOTHING",
      tenant_, ticket, sqlite::Text{alert.key()}, alert.level, alert.metric, sqlite::Text{alert.cycle}, alert.at,
      noticed);
}

std::vector<sla::BreachRecord> changed_breaches(const std::vector<sla::BreachRecord>& stored,
                                                std::vector<sla::BreachRecord> computed, sla::Instant now) {
  std::vector<sla::BreachRecord> changed;
  for (const sla::BreachRecord& old : stored)
    if (is_breached(old) &&
        std::ranges::none_of(computed, [&](const auto& c) { return c.metric == old.metric && c.cycle == old.cycle; }))
      changed.push_back(rescinded(old, now));
  for (sla::BreachRecord& record : computed) {
    const auto old = std::ranges::find_if(
        stored, [&](const auto& s) { return s.metric == record.metric && s.cycle == record.cycle; });
    if (old == stored.end()) {
      record.detected_at = now;
      changed.push_back(std::move(record));
      continue;
    }
    if (old->state == sla::RecordState::excused && record.state == old->state) continue;  // the manager's word stands
    record.detected_at = old->detected_at;
    std::vector<sla::RecordStep> steps = old->steps;
    if (steps.empty() || steps.back().state != record.state) steps.push_back(record.steps.back());
    record.steps = std::move(steps);
    if (!(*old == record)) changed.push_back(std::move(record));
  }
  return changed;
}

}  // namespace tern::server
