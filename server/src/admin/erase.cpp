// Erasure by people's words: a ticket, or single changes of it.
#include <algorithm>

#include "admin/handlers.hpp"
#include "ingest/jobs.hpp"
#include "store/ledger.hpp"

namespace tern::server::admin {
namespace {

Result<TicketId> resolve_ticket(Tenant& tenant, const std::string& words) {
  TERN_TRY(auto reader, tenant.reader());
  if (const auto raw = from_uuid_text(words)) {
    TERN_TRY(auto rows, reader.db().query("SELECT ticket_id FROM ticket WHERE tenant_id = $1 AND ticket_id = $2",
                                          tenant.number(), TicketId::or_zero(*raw)));
    TERN_TRY(const bool found, rows.step());
    if (found) return rows.id<TicketId>(0);
  }
  TERN_TRY(auto rows, reader.db().query("SELECT ticket_id FROM ticket_name WHERE tenant_id = $1 AND name = $2",
                                        tenant.number(), sqlite::Text{words}));
  TERN_TRY(const bool found, rows.step());
  if (!found)
    return fail(ErrorCode::not_found, "There is no ticket \"" + words + "\".", "Name it by number or id.", "ticket");
  return rows.id<TicketId>(0);
}

/// Changes that say something in a body of their own: what has none has nothing to erase.
Result<std::vector<sync::ChangeRef>> bodies_of(Tenant& tenant, const TicketId& ticket) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(
      auto rows,
      reader.db().query(
          "SELECT device_id, change_id FROM change WHERE tenant_id = $1 AND ticket_id = $2 AND body_commitment IS NULL "
          "AND length(body) > 0 ORDER BY commit_seq, idx",
          tenant.number(), ticket));
  std::vector<sync::ChangeRef> out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back({rows.id<DeviceId>(0), rows.id<ChangeId>(1)});
  }
}

/// "DEVICE:CHANGE", as export and history show them.
Result<sync::ChangeRef> parse_change_name(const std::string& words) {
  const auto colon = words.find(':');
  const auto device =
      colon == std::string::npos ? std::nullopt : from_uuid_text(std::string_view(words).substr(0, colon));
  const auto id = colon == std::string::npos ? std::nullopt : from_hex(std::string_view(words).substr(colon + 1));
  if (!device || !id || id->size() != ChangeId::size_bytes)
    return fail(ErrorCode::invalid, "\"" + words + "\" names no change.",
                "Write device:change, as an export shows them.", "change");
  return sync::ChangeRef{DeviceId::or_zero(*device), ChangeId::or_zero(*id)};
}

Result<std::vector<sync::ChangeRef>> named_changes(const AdminCall& call) {
  std::vector<sync::ChangeRef> out;
  if (call.has("ticket")) {
    TERN_TRY(const TicketId ticket, resolve_ticket(call.tenant(), call.text("ticket")));
    TERN_TRY(out, bodies_of(call.tenant(), ticket));
  }
  for (const Json& words : call.list("change")) {
    TERN_TRY(const sync::ChangeRef change, parse_change_name(words.as_string()));
    out.push_back(change);
  }
  if (out.empty() && !call.has("ticket"))
    return fail(ErrorCode::usage, "erase needs --ticket or --change.", "", "ticket");
  return out;
}

}  // namespace

Result<Json> erase_bodies(AdminCall& call) {
  TERN_TRY(const auto changes, named_changes(call));
  Json rows = Json::array();
  if (changes.empty()) return Json::object({{"erased", Json(0)}, {"rows", std::move(rows)}});
  // Noted first, ids only: a restore of an older backup erases again what the ledger alone would have forgotten.
  TERN_CHECKED(call.parts().directory.note_erased(call.tenant().id(), changes));
  TERN_TRY(const Erased erased, call.on_strand([&] { return erase(call.tenant(), changes, OperatorId{}); }));
  TERN_CHECKED(call.parts().directory.note_erased(call.tenant().id(), erased.changes));
  for (const sync::ChangeRef& change : erased.changes)
    rows.push(
        Json::object({{"device", Json(to_uuid_text(change.device.view()))}, {"change", Json(to_hex(change.id))}}));
  return Json::object({{"erased", Json(erased.changes.size())},
                       {"commit_seq", Json(erased.commit.commit_seq)},
                       {"rows", std::move(rows)}});
}

}  // namespace tern::server::admin
