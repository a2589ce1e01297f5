// The import of a real incident log: each row becomes changes sealed by the server, at the time the log asserts.
#include <algorithm>
#include <map>
#include <set>

#include "admin/handlers.hpp"
#include "admin/record_writer.hpp"
#include "ingest/ingest.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/server/incident_mapping.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::server::admin {
namespace {

using Records = std::map<std::pair<sync::RecordKind, std::string>, RecordId>;

void want(Records& wanted, sync::RecordKind kind, const std::string& name) {
  wanted.try_emplace({kind, name}, RecordId{});
}

/// Every name that the log knows, and the custom fields of its columns.
Records names_in(const IncidentLog& log) {
  Records wanted;
  for (const LogRow& row : log.rows) {
    want(wanted, sync::RecordKind::operator_, row.author);
    for (const ReferenceColumn& column : reference_columns)
      if (const auto name = row.cell(column.column)) want(wanted, column.kind, *name);
  }
  for (const std::string_view column : custom_columns)
    if (std::find(log.columns.begin(), log.columns.end(), column) != log.columns.end())
      want(wanted, sync::RecordKind::custom_field, std::string(column));
  return wanted;
}

sync::Record new_record(sync::RecordKind kind, const std::string& name, Environment& environment) {
  sync::Record record;
  record.kind = kind;
  record.id = random_id<RecordId>(environment);
  record.name = name;
  if (kind == sync::RecordKind::operator_) record.attributes = {{"role", "operator"}, {"active", "1"}};
  if (kind == sync::RecordKind::custom_field) record.attributes = {{"type", "text"}};
  return record;
}

/// Strand. Gives every wanted name its record; those that are missing are made.
Result<std::size_t> make_records(Tenant& tenant, Records& wanted) {
  Records there;
  for (const auto kind : {sync::RecordKind::operator_, sync::RecordKind::queue, sync::RecordKind::contact,
                          sync::RecordKind::category, sync::RecordKind::custom_field})
    for (const sync::Record& record : tenant.records(kind))
      if (!record.deleted) there.try_emplace({kind, record.name}, record.id);
  std::vector<sync::Record> missing;
  for (auto& [key, id] : wanted) {
    if (const auto found = there.find(key); found != there.end()) {
      id = found->second;
      continue;
    }
    missing.push_back(new_record(key.first, key.second, tenant.environment()));
    id = missing.back().id;
  }
  TERN_CHECKED(write_records(tenant, missing));
  return missing.size();
}

/// Incidents that a ticket of this tenant refers to already.
Result<std::set<std::string>> known_incidents(Tenant& tenant) {
  std::set<std::string> known;
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto rows, reader.db().query("SELECT state FROM ticket WHERE tenant_id = $1", tenant.number()));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return known;
    TERN_TRY(const sync::TicketState state, sync::decode_state(rows.blob(0)));
    if (const auto incident = sync::field_value(state, sync::FieldId::external_ref, "incident"))
      known.insert(*incident);
  }
}

std::vector<ServerChange> changes_of_incident(const std::vector<const LogRow*>& rows, const RecordLookup& lookup,
                                              Environment& environment) {
  IncidentState state;
  state.ticket = random_id<TicketId>(environment);
  std::vector<ServerChange> out;
  for (const LogRow* row : rows)
    for (sync::Change& change : changes_of_row(*row, state, lookup)) {
      change.ref.id = random_id<ChangeId>(environment);
      change.wall_ms = change.asserted_ms = row->played_ms;
      change.seen_now = true;
      change.principal_kind = sync::PrincipalKind::operator_;
      change.principal_id = Bytes(lookup(sync::RecordKind::operator_, row->author).view());
      out.push_back({std::move(change), {}});
    }
  return out;
}

struct Imported {
  std::size_t tickets = 0, skipped = 0, changes = 0, refused = 0;
};

Result<void> commit_incident(Tenant& tenant, std::vector<ServerChange> changes, Imported& imported) {
  imported.changes += changes.size();
  TERN_TRY(const ServerCommit commit, commit_server(tenant, std::move(changes)));
  for (const sync::Outcome outcome : commit.outcomes)
    if (outcome == sync::Outcome::rejected || outcome == sync::Outcome::held) ++imported.refused;
  ++imported.tickets;
  return {};
}

}  // namespace

Result<Json> import_incidents(AdminCall& call) {
  TERN_TRY(const IncidentLog log, read_incident_log(call.text("file")));
  for (const LogRow& row : log.rows) {
    const auto state = row.cell("incident_state");
    if (!state || !status_of_state(*state))
      return fail(ErrorCode::invalid,
                  "Line " + std::to_string(row.line) + ": incident_state \"" + state.value_or("?") + "\" is unknown.",
                  "", "file");
  }
  Records records = names_in(log);
  TERN_TRY(const std::size_t made, call.on_strand([&] { return make_records(call.tenant(), records); }));
  const RecordLookup lookup = [&](sync::RecordKind kind, const std::string& name) { return records.at({kind, name}); };

  std::map<std::string, std::vector<const LogRow*>> rows;
  for (const LogRow& row : log.rows) rows[row.incident].push_back(&row);
  TERN_TRY(const auto known, known_incidents(call.tenant()));
  Imported imported;
  for (const std::string& incident : log.incidents) {
    if (known.contains(incident)) {
      ++imported.skipped;
      continue;
    }
    auto changes = changes_of_incident(rows[incident], lookup, call.parts().environment);
    TERN_CHECKED(call.on_strand([&] { return commit_incident(call.tenant(), std::move(changes), imported); }));
  }
  return Json::object({{"tickets", Json(imported.tickets)},
                       {"skipped", Json(imported.skipped)},
                       {"changes", Json(imported.changes)},
                       {"refused", Json(imported.refused)},
                       {"records", Json(made)}});
}

}  // namespace tern::server::admin
