// The server as a whole: tenants, status, verification, the clock.
#include <filesystem>

#include "access/key_store.hpp"
#include "access/private_file.hpp"
#include "access/recovery_sheet.hpp"
#include "admin/handlers.hpp"
#include "admin/list_page.hpp"
#include "desk/sla_settings.hpp"
#include "ingest/devices.hpp"
#include "ingest/handed_back.hpp"
#include "ingest/jobs.hpp"
#include "ingest/quarantine.hpp"
#include "ingest/verify_tenant.hpp"
#include "tern/protocol/enrolment.hpp"
#include "tern/protocol/signed_statement.hpp"
#include "tern/sync/ticket_fields.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

constexpr std::int64_t clock_lead_s_max = 30;  // more than crashes make
constexpr std::uintmax_t room_bytes_min = 512ULL * 1024 * 1024;
constexpr std::int64_t new_device_told_ms = 7LL * 86'400'000;
constexpr std::int64_t fork_told_ms = 30LL * 86'400'000;  // for as long as the next one would freeze the key

Json tenant_json(const Tenant& tenant) {
  return Json::object(
      {{"name", Json(tenant.name())}, {"id", Json(to_uuid_text(tenant.id().view()))}, {"zone", Json(tenant.zone())}});
}

/// Its zone stands in its file.
Json closed_json(const ClosedTenant& closed) {
  return Json::object({{"name", Json(closed.entry.name)},
                       {"id", Json(to_uuid_text(closed.entry.id.view()))},
                       {"zone", Json()},
                       {"state", Json("not open: " + closed.reason.message)}});
}

/// When it was enrolled, by its certificate, which was proven before it was stored; 0 when a fork healed since.
std::int64_t first_issued_ms(const DeviceInfo& device) {
  constexpr std::size_t around = protocol::statement_prefix_bytes + Signature::size_bytes;
  const ByteView wire = device.certificate;
  if (wire.size() < around) return 0;
  protocol::ByteReader reader(wire.substr(protocol::statement_prefix_bytes, wire.size() - around));
  const auto certificate = protocol::Certificate::read(reader);
  return reader.finish() && certificate.device_epoch == 1 ? certificate.issued_ms : 0;
}

Result<Json> tenant_status(Tenant& tenant, std::int64_t now_ms) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(const auto tickets,
           reader.db().int64_of("SELECT count(*) FROM ticket WHERE tenant_id = $1", tenant.number()));
  const auto head = tenant.log_head();
  TERN_TRY(const auto forks, reader.db().int64_of("SELECT count(*) FROM fork WHERE tenant_id = $1", tenant.number()));
  TERN_TRY(const std::uint64_t held, count_held(tenant));
  TERN_TRY(const std::uint64_t quarantined, count_quarantined(tenant));
  std::int64_t active = 0, pending = 0, frozen = 0, forked = 0, enrolled = 0;
  for (const DeviceInfo& device : devices(tenant)) {
    if (device.purpose != protocol::KeyPurpose::device) continue;
    if (device.key_state == protocol::KeyState::frozen) ++frozen;
    if (device.key_state != protocol::KeyState::active) continue;
    ++active;
    if (device.outbox_pending > 0) ++pending;
    if (first_issued_ms(device) >= now_ms - new_device_told_ms) ++enrolled;
    if (device.forked_ms != 0 && now_ms - device.forked_ms <= fork_told_ms) ++forked;
  }
  Json row = tenant_json(tenant);
  row.set("epoch", Json(to_hex(head.epoch)));
  row.set("commit_seq", Json(tenant.commit_seq()));
  row.set("log_size", Json(head.size));
  row.set("log_root", Json(to_hex(head.root)));
  row.set("backed_up_to", Json(tenant.backup_stable_seq()));
  row.set("backups_kept_days", tenant.backups_kept_days() == 0 ? Json() : Json(tenant.backups_kept_days()));
  row.set("tickets", Json(tickets.value_or(0)));
  row.set("operators", Json(tenant.records(sync::RecordKind::operator_).size()));
  row.set("devices", Json(active));
  row.set("devices_new", Json(enrolled));
  row.set("devices_with_pending_work", Json(pending));
  row.set("devices_forked", Json(forked));
  row.set("devices_frozen", Json(frozen));
  row.set("forks", Json(forks.value_or(0)));
  row.set("held", Json(held));
  row.set("quarantined_sets", Json(quarantined));
  TERN_TRY(const HandedBackCount handed, count_handed_back(tenant));
  row.set("handed_back", Json(handed.takeable));
  row.set("clock_in_doubt", Json(tenant.clock_in_doubt()));
  row.set("clock_lead_ms", Json(tenant.clock_lead_ms()));
  return row;
}

/// Bytes that this server's user may still write; nothing where the system does not say.
std::optional<std::uintmax_t> room_of(const std::string& directory) {
  std::error_code failed;
  const auto space = std::filesystem::space(directory, failed);
  return failed ? std::nullopt : std::optional(space.available);
}

/// What wants a person, by what the rows of the tenants say.
void add_tenant_problems(const Json& row, Json& problems) {
  const std::string& name = row["name"].as_string();
  const auto say = [&](const char* member, const std::string& what) {
    if (const std::int64_t count = row[member].as_integer(); count > 0)
      problems.push(Json(name + ": " + std::to_string(count) + " " + what));
  };
  say("devices_forked",
      "device(s) exist twice and go on under a new certificate: ask who has the other copy. See: ternd device list");
  say("devices_frozen", "device(s) exist twice and are frozen: enrol them anew. See: ternd device list");
  say("held", "held change(s) wait for a supervisor. See: ternd held list");
  say("handed_back", "change(s) that a restore lost are held by devices of others. See: ternd handed-back list");
  say("quarantined_sets", "set(s) of revoked or frozen devices wait in quarantine. See: ternd quarantine list");
}

/// What no rule gives a target stays grey, and is late for nobody.
Result<std::string> without_target(Tenant& tenant) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(const auto versions, read_sla_versions(reader.db(), tenant.number()));
  const SlaSettings settings(versions);
  std::string out;
  for (const int rank : settings.priorities_without_target(tenant.now_ms() / 1'000))
    out.append(out.empty() ? "" : ", ").append(sync::priority_name(static_cast<std::uint8_t>(rank)));
  return out;
}

Json problems_of(AdminParts& parts) {
  Json problems = Json::array();
  if (const auto room = room_of(parts.directory.path()); room && *room < room_bytes_min)
    problems.push(Json("The disk has room for " + std::to_string(*room / (1024 * 1024)) + " MiB only."));
  for (const Tenant* tenant : parts.tenants.all()) {
    if (tenant->has_older_files())
      problems.push(Json(tenant->name() +
                         ": a device proved that these files are old ones. Nothing is taken in. Stop the server and "
                         "put the newest files back, or restore a backup: ternd restore"));
    if (!tenant->takes_work())
      problems.push(Json(tenant->name() + ": no work of devices is taken in until there is room on the disk."));
    if (const auto trouble = tenant->storage_trouble())
      problems.push(Json(tenant->name() + ": the last write failed (" + std::string(to_string(*trouble)) + ")."));
  }
  for (const Tenant* tenant : parts.tenants.all())
    if (const std::uint64_t bytes = wal_bytes(*tenant); bytes > wal_bytes_alarm)
      problems.push(Json(tenant->name() + ": the log of its file has grown to " +
                         std::to_string(bytes / (1024 * 1024)) +
                         " MiB, because something reads for long: a backup, a verification or an export. If none "
                         "runs, restart the server."));
  for (const ClosedTenant& closed : parts.tenants.closed())
    problems.push(
        Json(closed.entry.name + ": not open, its devices wait. " + closed.reason.message + " " + closed.reason.hint));
  for (const std::string& folder : parts.directory.unknown_folders())
    problems.push(Json(folder + " belongs to no tenant that server.db knows. If one is missing, restore a backup."));
  const auto torn = parts.directory.damaged_log_lines();
  if (!torn) problems.push(Json(torn.error().message));
  for (const std::string& line : torn.value_or(std::vector<std::string>()))
    problems.push(Json(line + " cannot be read, and refuses a restore: put a good copy of the file there."));
  if (const auto damaged = check_courier_key(parts.directory.path()); !damaged)
    problems.push(Json(damaged.error().message + " " + damaged.error().hint));
  if (const auto keys = load_server_keys(parts.directory.path());
      keys && parts.environment.wall_ms() > keys->list.refresh_by_ms)
    problems.push(
        Json("The key list is due for renewal, by the recovery key, with the server stopped: ternd keys replace"));
  if (const auto sheet = recovery_sheet(parts.directory.path()))
    problems.push(Json("The recovery key still lies in " + *sheet +
                       ": print it or move it off this machine, then delete the file."));
  for (Tenant* tenant : parts.tenants.all()) {
    if (tenant->clock_in_doubt())
      problems.push(
          Json(tenant->name() +
               ": the server's clock jumped, or is behind what was issued. Check it, then: " + "ternd clock accept"));
    if (const std::int64_t lead_s = tenant->clock_lead_ms() / 1'000; lead_s > clock_lead_s_max)
      problems.push(Json(tenant->name() + ": server time is " + std::to_string(lead_s) +
                         " s ahead of this machine's clock, because a wrong clock was served. Order is right, times "
                         "are too late until it has caught up, at half pace. See: Operating, The clock"));
    if (const auto priorities = without_target(*tenant); priorities && !priorities->empty())
      problems.push(Json(tenant->name() + ": no SLA rule gives tickets of priority " + *priorities +
                         " a target, so their clocks stay grey. Add one, or one that says none: ternd sla rule add"));
    if (tenant->backup_stable_seq() == 0 && tenant->commit_seq() > 0)
      problems.push(Json(tenant->name() + ": no backup yet. Make one: ternd backup --to FILE"));
  }
  return problems;
}

}  // namespace

Result<Json> tenant_add(AdminCall& call) {
  TERN_TRY(
      const Tenant* tenant,
      call.parts().tenants.add(call.text("name"), call.has("zone") ? call.text("zone") : call.parts().options.zone));
  return tenant_json(*tenant);
}

Result<Json> tenant_list(AdminCall& call) {
  TERN_TRY(ListPage page, ListPage::of(call));
  for (const Tenant* tenant : call.parts().tenants.all()) {
    std::string key = to_hex(tenant->id());
    if (!page.wants(key)) continue;
    Json row = tenant_json(*tenant);
    row.set("state", Json("open"));
    page.add(std::move(key), std::move(row));
  }
  for (const ClosedTenant& closed : call.parts().tenants.closed()) {
    std::string key = to_hex(closed.entry.id);
    if (page.wants(key)) page.add(std::move(key), closed_json(closed));
  }
  return std::move(page).answer();
}

Result<Json> status(AdminCall& call) {
  Json rows = Json::array(), problems = problems_of(call.parts());
  for (Tenant* tenant : call.parts().tenants.all()) {
    TERN_TRY(Json row, tenant_status(*tenant, call.parts().environment.wall_ms()));
    add_tenant_problems(row, problems);
    rows.push(std::move(row));
  }
  const auto room = room_of(call.parts().directory.path());
  const auto sheet = recovery_sheet(call.parts().directory.path());
  TERN_TRY(const std::string known_url, call.parts().directory.public_url());
  return Json::object({{"directory", Json(call.parts().directory.path())},
                       {"version", Json(call.parts().options.server_version)},
                       {"sqlite", Json(sqlite::library_version())},
                       {"encrypted", Json(call.parts().directory.encrypted())},
                       {"disk_free_bytes", room ? Json(static_cast<std::uint64_t>(*room)) : Json()},
                       {"public_url", known_url.empty() ? Json() : Json(known_url)},
                       {"recovery_sheet", sheet ? Json(*sheet) : Json()},
                       {"sessions", Json(call.parts().sessions.size())},
                       {"time", Json(instant_text(call.parts().environment.wall_ms()))},
                       {"problems", std::move(problems)},
                       {"rows", std::move(rows)}});
}

Result<Json> verify(AdminCall& call) {
  TERN_TRY(Verification found, verify_tenant(call.tenant(), [&] { return call.is_stopped(); }));
  if (const auto damaged = check_courier_key(call.parts().directory.path()); !damaged)
    found.findings.push_back(damaged.error().message);
  TERN_TRY(const auto torn, call.parts().directory.damaged_log_lines());
  for (const std::string& line : torn) found.findings.push_back(line + " cannot be read");
  Json findings = Json::array();
  for (const std::string& finding : found.findings) findings.push(Json(finding));
  return Json::object({{"good", Json(found.good())},
                       {"summary", Json(found.summary())},
                       {"changes", Json(found.changes)},
                       {"sets", Json(found.sets)},
                       {"tickets", Json(found.tickets)},
                       {"authors", Json(found.authors)},
                       {"gaps", Json(found.gaps)},
                       {"erased", Json(found.erased)},
                       {"receipts", Json(found.receipts)},
                       {"amendments", Json(found.amendments)},
                       {"files", Json(found.files)},
                       {"files_not_here", Json(found.files_not_here)},
                       {"findings", std::move(findings)}});
}

Result<Json> search_rebuild(AdminCall& call) {
  TERN_TRY(const std::uint64_t tickets, rebuild_words(call.tenant(), [&] { return call.is_stopped(); }));
  return Json::object({{"tickets", Json(tickets)}});
}

Result<Json> clock_accept(AdminCall& call) {
  std::int64_t since_ms = 0;
  if (call.has("since")) {
    TERN_TRY(since_ms, call.instant("since"));
  }
  call.tenant().accept_clock();
  if (since_ms != 0) {
    TERN_TRY(const Bytes statement, call.on_strand([&] { return withdraw_anchors(call.tenant(), since_ms); }));
    static_cast<void>(statement);
  }
  return Json::object({{"clock_in_doubt", Json(call.tenant().clock_in_doubt())},
                       {"time", Json(instant_text(call.tenant().now_ms()))},
                       {"clock_lead_ms", Json(call.tenant().clock_lead_ms())},
                       {"withdrawn_since", since_ms == 0 ? Json() : Json(instant_text(since_ms))}});
}

}  // namespace tern::server::admin
