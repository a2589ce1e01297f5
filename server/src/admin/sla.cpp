// The SLA clock of one ticket: line by line, and what managers decide about its breaches.
#include <algorithm>

#include "admin/handlers.hpp"
#include "admin/record_writer.hpp"
#include "desk/sla_decisions.hpp"
#include "desk/sla_devices.hpp"
#include "desk/sla_events.hpp"
#include "desk/sla_settings.hpp"
#include "one_line.hpp"
#include "store/ledger.hpp"
#include "tern/sla/explain.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

SlaNames sla_names_of(const Tenant& tenant) {
  return {[&tenant](sync::RecordKind kind, const RecordId& id) { return tenant.find_record(kind, id); },
          category_names(tenant.records(sync::RecordKind::category))};
}

Result<sla::Instant> instant_asked(const AdminCall& call) {
  if (!call.has("at")) return call.parts().environment.wall_ms() / 1000;
  if (const auto at = sla::instant_from_text(call.text("at"))) return *at;
  return fail(ErrorCode::date_invalid, "\"" + call.text("at") + "\" is no instant.",
              "Write it like 2026-06-03T10:15:00Z.", "at");
}

/// What the clock of one ticket is made of.
struct ClockInputs {
  ClockInputs(const TicketId& of, SlaTicket what, const std::vector<RecordVersion>& versions, sla::Instant now,
              const std::shared_ptr<const CategoryNames>& categories)
      : ticket(of), read(std::move(what)), settings(versions, now, categories) {}

  TicketId ticket;
  SlaTicket read;
  SlaSettings settings;

  [[nodiscard]] sla::Inputs inputs() const { return {read.events, settings.books(), settings.calendars()}; }
};

Result<std::unique_ptr<ClockInputs>> inputs_of(AdminCall& call, sla::Instant now) {
  TERN_TRY(const TicketId ticket, resolve_ticket(call.tenant(), call.text("ticket")));
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(SlaTicket read, read_sla_ticket(reader.db(), call.tenant().number(), ticket, sla_names_of(call.tenant())));
  TERN_TRY(const auto versions, read_sla_versions(reader.db(), call.tenant().number()));
  return std::make_unique<ClockInputs>(ticket, std::move(read), versions, now,
                                       category_names(call.tenant().records(sync::RecordKind::category)));
}

Result<sla::Metric> metric_asked(const AdminCall& call) {
  std::string name = call.text("metric");
  std::ranges::replace(name, '-', '_');
  if (const auto metric = sla::metric_from_name(name)) return *metric;
  return fail(ErrorCode::usage, "There is no clock \"" + call.text("metric") + "\".",
              "One of: first-response next-response resolution periodic-update on-site.", "metric");
}

Result<sla::DecisionVerdict> verdict_asked(const AdminCall& call) {
  using enum sla::DecisionVerdict;
  for (const auto verdict : {accept, reject, excuse})
    if (verdict_word(verdict) == call.text("verdict")) return verdict;
  return fail(ErrorCode::usage, "\"" + call.text("verdict") + "\" is no verdict.", "One of: accept reject excuse.",
              "verdict");
}

Result<std::string> reason_of(const AdminCall& call) {
  constexpr std::size_t reason_bytes_max = 2000;
  const std::string& reason = call.text("reason");
  if (!is_blank(reason) && reason.size() <= reason_bytes_max) return reason;
  return fail(ErrorCode::invalid, "A reason has 1 to 2000 bytes of text that can be seen.", "", "reason");
}

/// The breached cycle that is meant, as it stands without a manager's word: the newest, where no number is said.
Result<sla::Cycle> breached_cycle(const AdminCall& call, ClockInputs& of, sla::Metric metric, sla::Instant now) {
  std::erase_if(of.read.events, [](const sla::Event& event) { return event.kind == sla::EventKind::decision; });
  std::optional<sla::Cycle> found;
  for (const sla::Cycle& cycle : sla::clock_at(of.inputs(), now).cycles)
    if (cycle.metric == metric && cycle.breached_at && (!call.has("cycle") || cycle.number == call.integer("cycle", 0)))
      found = cycle;
  if (found) return std::move(*found);
  return fail(ErrorCode::not_found, "This clock of the ticket was not breached.",
              "See: ternd sla explain --ticket " + call.text("ticket"), "metric");
}

}  // namespace

Result<Json> sla_explain(AdminCall& call) {
  TERN_TRY(const sla::Instant now, instant_asked(call));
  TERN_TRY(const auto of, inputs_of(call, now));
  const auto devices = devices_of(call.tenant(), of->read.people);
  Json lines = Json::array();
  for (std::string& line : sla::explain(of->inputs(), devices, now)) lines.push(Json(std::move(line)));
  return Json::object(
      {{"ticket", Json(call.text("ticket"))},
       {"at", Json(sla::instant_text(now))},
       {"rules", Json(of->settings.has_own_rules(now) ? "of the tenant" : "by priority, around the clock")},
       {"colour", Json(sla::colour_name(sla::clock_at(of->inputs(), now).colour()))},
       {"clock", std::move(lines)}});
}

Result<Json> sla_decide(AdminCall& call) {
  const sla::Instant now = call.tenant().now_ms() / 1000;
  TERN_TRY(const sla::Metric metric, metric_asked(call));
  TERN_TRY(const sla::DecisionVerdict verdict, verdict_asked(call));
  TERN_TRY(const OperatorId by, named_by(call, sync::Right::decide_sla, "decide about breaches",
                                         "Name a manager, an SLA manager or an administrator."));
  TERN_TRY(const std::string reason, reason_of(call));
  TERN_TRY(const auto of, inputs_of(call, now));
  TERN_TRY(const sla::Cycle cycle, breached_cycle(call, *of, metric, now));
  if (verdict == sla::DecisionVerdict::accept && !cycle.awaits_manager)
    return fail(ErrorCode::invalid, "The rule of this clock leaves nothing to a manager.",
                "A breach that should not count is excused: --verdict excuse.", "verdict");
  const SlaDecision decision{metric, cycle.id, verdict, now, by, reason};
  const auto write = [&]() -> Result<void> {
    sync::Record record =
        call.tenant().find_record(sync::RecordKind::sla_decision, decisions_of(of->ticket)).value_or(sync::Record());
    record.kind = sync::RecordKind::sla_decision;
    record.id = decisions_of(of->ticket);
    TERN_TRY(record.name, record_name(call.text("ticket"), "ticket"));
    TERN_CHECKED(put_decision(record, decision));
    return write_records(call.tenant(), {record});
  };
  TERN_CHECKED(call.on_strand(write));
  return Json::object({{"ticket", Json(call.text("ticket"))},
                       {"metric", Json(sla::metric_name(metric))},
                       {"cycle", Json(std::int64_t{cycle.number})},
                       {"breached", Json(sla::instant_text(*cycle.breached_at))},
                       {"verdict", Json(verdict_word(verdict))},
                       {"reason", Json(decision.reason)}});
}

Result<Json> sla_recompute(AdminCall& call) {
  const sla::Instant now = call.tenant().now_ms() / 1000;
  const auto from = sla::instant_from_text(call.text("from"));
  if (!from || *from > now)
    return fail(ErrorCode::date_invalid, "\"" + call.text("from") + "\" is no instant of the past.",
                "Write it like 2026-06-03T10:15:00Z.", "from");
  TERN_TRY(const OperatorId by, named_by(call, sync::Right::administer, "judge clocks anew", "Name an administrator."));
  TERN_TRY(const std::string reason, reason_of(call));
  sync::Record order;
  order.kind = sync::RecordKind::sla_order;
  order.id = random_id<RecordId>(call.parts().environment);
  order.name = "Recompute from " + sla::instant_text(*from);
  order.attributes["from"] = sla::instant_text(*from);
  order.attributes["by"] = to_uuid_text(by.view());
  order.attributes["reason"] = reason;
  TERN_CHECKED(call.on_strand([&] { return write_records(call.tenant(), {order}); }));
  return Json::object({{"from", Json(sla::instant_text(*from))}, {"reason", Json(reason)}});
}

}  // namespace tern::server::admin
