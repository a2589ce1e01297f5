// Erasure by people's words: a ticket, or single changes of it.
#include <algorithm>

#include "admin/handlers.hpp"
#include "admin/list_page.hpp"
#include "ingest/jobs.hpp"
#include "store/ledger.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/statements.hpp"
#include "tern/protocol/text.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

/// Changes that say something in a body of their own: what has none has nothing to erase. Why something was erased
/// stays.
Result<std::vector<sync::ChangeRef>> bodies_of(Tenant& tenant, const TicketId& ticket) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(
      auto rows,
      reader.db().query(
          "SELECT device_id, change_id FROM change WHERE tenant_id = $1 AND ticket_id = $2 AND body_commitment IS NULL "
          "AND length(body) > 0 AND intent <> $3 ORDER BY commit_seq, idx",
          tenant.number(), ticket, sync::Intent::erase));
  std::vector<sync::ChangeRef> out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back({rows.id<DeviceId>(0), rows.id<ChangeId>(1)});
  }
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

// ---- what was erased, and who has heard of it ----

std::string name_of(const DeviceId& device, const ChangeId& change) {
  return to_uuid_text(device.view()) + ":" + to_hex(change);
}

/// The entry of the ledger stands in the commit of its erasure, or, when there are very many, in one before it.
Result<std::string> reason_of(sqlite::Database& db, std::int64_t tenant, std::uint64_t commit_seq) {
  TERN_TRY(auto rows, db.query("SELECT skeleton, body, device_id FROM change WHERE tenant_id = $1 AND intent = $2 AND "
                               "commit_seq <= $3 ORDER BY commit_seq DESC LIMIT 1",
                               tenant, sync::Intent::erase, commit_seq));
  TERN_TRY(const bool found, rows.step());
  if (!found || rows.is_null(1)) return std::string{};
  TERN_TRY(const sync::Change entry, sync::parse_change(rows.blob(0), rows.blob(1), rows.id<DeviceId>(2)));
  return entry.reason;
}

/// A device whose copy stands behind the erasure's commit has carried it out: both come in one answer, the erasure
/// first.
void add_readers(const Tenant& tenant, std::uint64_t commit_seq, Json& row) {
  Json confirmed = Json::array(), waiting = Json::array(), ended = Json::array();
  for (const DeviceInfo& device : devices(tenant)) {
    if (device.purpose != protocol::KeyPurpose::device) continue;
    const bool heard = device.cursor_seq >= commit_seq;
    const bool ends = device.key_state != protocol::KeyState::active;
    (heard ? confirmed : ends ? ended : waiting).push(Json(device.name));
  }
  row.append_member("confirmed", std::move(confirmed));
  row.append_member("waiting", std::move(waiting));
  row.append_member("out_of_reach", std::move(ended));
}

Result<Json> list_erasures(const AdminCall& call) {
  Tenant& tenant = call.tenant();
  TERN_TRY(ListPage page, ListPage::of(call));
  std::uint64_t place = 0;  // the list only grows
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto rows, reader.db().query("SELECT DISTINCT commit_seq, statement FROM erasure WHERE tenant_id = $1 "
                                        "ORDER BY commit_seq, statement",
                                        tenant.number()));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return std::move(page).answer();
    std::string key = list_key(++place);
    if (!page.wants(key)) continue;
    TERN_TRY(const auto erasure, tenant.keys().open_logged<protocol::Erasure>(rows.blob(1)));
    TERN_TRY(const std::string reason, reason_of(reader.db(), tenant.number(), rows.uint64(0)));
    Json changes = Json::array();
    for (const protocol::ErasedChange& change : erasure.value.changes)
      changes.push(Json(name_of(change.name.device, change.name.change)));
    Json row = Json::object({{"erased_at", Json(instant_text(erasure.value.time_ms))},
                             {"commit_seq", Json(rows.uint64(0))},
                             {"reason", reason.empty() ? Json() : Json(reason)}});
    add_readers(tenant, rows.uint64(0), row);
    row.append_member("changes", std::move(changes));
    page.add(std::move(key), std::move(row));
  }
}

}  // namespace

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

Result<Json> erase_bodies(AdminCall& call) {
  if (call.flag("list")) {
    if (call.has("ticket") || call.has("change") || call.has("reason"))
      return fail(ErrorCode::usage, "--list erases nothing: it goes alone.", "", "list");
    return list_erasures(call);
  }
  if (call.has("limit") || call.has("after"))
    return fail(ErrorCode::usage, "--limit and --after go with --list.", "", "limit");
  const std::string reason = call.has("reason") ? call.text("reason") : std::string{};
  TERN_CHECKED(protocol::check_text(reason, limits::result_bytes_max, "reason"));
  TERN_TRY(const auto changes, named_changes(call));
  call.parts().directory.discard_idle_staging();
  Json rows = Json::array();
  if (changes.empty()) return Json::object({{"erased", Json(0)}, {"rows", std::move(rows)}});
  TERN_TRY(const Erased erased, call.with_room([&] {
    return call.on_strand([&] { return erase(call.tenant(), changes, OperatorId{}, reason); });
  }));
  // Ids only: a restore of an older backup erases again what its ledger does not know of. After the commit, so that the
  // log never names what was refused; what a crash keeps from it is noted when the directory is opened.
  TERN_CHECKED(call.with_room([&] { return call.parts().directory.note_erased(call.tenant().id(), erased.changes); }));
  for (const sync::ChangeRef& change : erased.changes)
    rows.push(
        Json::object({{"device", Json(to_uuid_text(change.device.view()))}, {"change", Json(to_hex(change.id))}}));
  return Json::object({{"erased", Json(erased.changes.size())},
                       {"commit_seq", Json(erased.commit.commit_seq)},
                       {"rows", std::move(rows)}});
}

}  // namespace tern::server::admin
