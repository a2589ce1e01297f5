// The SLA clock of one ticket, line by line.
#include "desk/sla_devices.hpp"
#include "desk/sla_events.hpp"
#include "desk/sla_settings.hpp"

#include "admin/handlers.hpp"
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
  return fail(ErrorCode::invalid, "\"" + call.text("at") + "\" is no instant.", "Write it like 2026-06-03T10:15:00Z.",
              "at");
}

}  // namespace

Result<Json> sla_explain(AdminCall& call) {
  TERN_TRY(const TicketId ticket, resolve_ticket(call.tenant(), call.text("ticket")));
  TERN_TRY(const sla::Instant now, instant_asked(call));
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(const SlaTicket read,
           read_sla_ticket(reader.db(), call.tenant().number(), ticket, sla_names_of(call.tenant())));
  TERN_TRY(const auto versions, read_sla_versions(reader.db(), call.tenant().number()));
  const SlaSettings settings(versions, now);
  const sla::Inputs inputs{read.events, settings.books(), settings.calendars()};
  const auto devices = devices_of(call.tenant(), read.people);
  Json lines = Json::array();
  for (std::string& line : sla::explain(inputs, devices, now)) lines.push(Json(std::move(line)));
  return Json::object({{"ticket", Json(call.text("ticket"))},
                       {"at", Json(sla::instant_text(now))},
                       {"rules", Json(settings.has_own_rules(now) ? "of the tenant" : "by priority, around the clock")},
                       {"colour", Json(sla::colour_name(sla::clock_at(inputs, now).colour()))},
                       {"clock", std::move(lines)}});
}

}  // namespace tern::server::admin
