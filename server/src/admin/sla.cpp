// The SLA clock of one ticket, line by line.
#include "desk/sla_events.hpp"

#include "admin/handlers.hpp"
#include "store/ledger.hpp"
#include "tern/sla/explain.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

constexpr const char* all_hours = "24/7";

SlaNames names_of_rules(const Tenant& tenant) {
  std::vector<sync::Record> records;
  for (const auto kind : {sync::RecordKind::operator_, sync::RecordKind::queue, sync::RecordKind::contact,
                          sync::RecordKind::category, sync::RecordKind::organisation})
    for (const sync::Record& record : tenant.records(kind)) records.push_back(record);
  return SlaNames(records);
}

Result<sla::Instant> instant_asked(const AdminCall& call) {
  if (!call.has("at")) return call.parts().environment.wall_ms() / 1000;
  if (const auto at = sla::instant_from_text(call.text("at"))) return *at;
  return fail(ErrorCode::invalid, "\"" + call.text("at") + "\" is no instant.", "Write it like 2026-06-03T10:15:00Z.",
              "at");
}

}  // namespace

Result<Json> sla_explain(AdminCall& call) {
  TERN_TRY(const TicketId ticket, resolve_ticket(call.tenant(), call.text("ticket")));
  TERN_TRY(const sla::Instant now, instant_asked(call));
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(const auto ledger, read_ticket(reader.db(), call.tenant().number(), ticket));
  const std::vector<sla::Event> events = sla_events(folded_changes(ledger), names_of_rules(call.tenant()));

  sla::Calendar always;
  always.id = all_hours;
  always.always = true;
  sla::Calendars calendars;
  TERN_CHECKED(calendars.add(std::move(always)));
  sla::RuleBook book;
  book.rules = sla::default_rules(all_hours, {});
  const sla::RuleBooks books({std::move(book)});
  const sla::Inputs inputs{events, books, calendars};
  Json lines = Json::array();
  for (std::string& line : sla::explain(inputs, {}, now)) lines.push(Json(std::move(line)));
  return Json::object({{"ticket", Json(call.text("ticket"))},
                       {"at", Json(sla::instant_text(now))},
                       {"rules", Json("by priority, around the clock")},
                       {"colour", Json(sla::colour_name(sla::clock_at(inputs, now).colour()))},
                       {"clock", std::move(lines)}});
}

}  // namespace tern::server::admin
