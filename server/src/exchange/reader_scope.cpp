#include "exchange/reader_scope.hpp"

#include "ingest/devices.hpp"
#include "store/tenant.hpp"
#include "tern/protocol/mutant.hpp"
#include "tern/sync/rights.hpp"

namespace tern::server {

ReaderScope scope_of(const Tenant& tenant, const sync::Actor& reader, const DeviceInfo& device) {
  const auto record = tenant.find_record(sync::RecordKind::operator_, RecordId::or_zero(reader.id.view()));
  return {tenant.number(),
          reader.id,
          device.scope_all,
          sync::has_right(reader.role, sync::Right::restricted_note),
          record ? record->version : 0,
          false};
}

Result<void> read_rights(sqlite::Database& db, ReaderScope& scope) {
  TERN_TRY(auto rows, db.query("SELECT data, version FROM record WHERE tenant_id = $1 AND kind = $2 AND record_id = $3",
                               scope.tenant, sync::RecordKind::operator_, scope.operator_id));
  TERN_TRY(const bool found, rows.step());
  if (!found) return {};
  TERN_TRY(const auto record, sync::decode_record(rows.blob(0)));
  scope.restricted_notes = reads_restricted(record);
  scope.rights_version = rows.uint64(1);
  return {};
}

Result<std::uint64_t> newest_commit(sqlite::Database& db, const Tenant& tenant) {
  if (mutant(Mutant::sequence_before_commit)) return tenant.commit_seq();
  TERN_TRY(const auto newest,
           db.int64_of("SELECT commit_seq FROM change_set WHERE tenant_id = $1 ORDER BY commit_seq DESC LIMIT 1",
                       tenant.number()));
  return static_cast<std::uint64_t>(newest.value_or(0));
}

bool reads_restricted(const sync::Record& reader) {
  const auto name = reader.attributes.find("role");
  const auto role = name == reader.attributes.end() ? std::nullopt : sync::role_from_name(name->second);
  return role && sync::has_right(*role, sync::Right::restricted_note);
}

Result<std::uint64_t> tickets_in_scope(sqlite::Database& db, const ReaderScope& scope) {
  if (scope.all) {
    TERN_TRY(const auto count, db.int64_of("SELECT count(*) FROM ticket WHERE tenant_id = $1", scope.tenant));
    return static_cast<std::uint64_t>(count.value_or(0));
  }
  TERN_TRY(const auto count,
           db.int64_of("SELECT count(*) FROM scope_member WHERE tenant_id = $1 AND operator_id = $2 AND left_seq = 0",
                       scope.tenant, scope.operator_id));
  return static_cast<std::uint64_t>(count.value_or(0));
}

Result<sqlite::Statement> tickets_between(sqlite::Database& db, const ReaderScope& scope, const TicketId& after,
                                          const TicketId& through) {
  if (scope.all)
    return db.query(
        "SELECT ticket_id, state, version FROM ticket WHERE tenant_id = $1 AND ticket_id > $2 AND ticket_id <= $3 "
        "ORDER BY ticket_id",
        scope.tenant, after, through);
  return db.query(
      "SELECT t.ticket_id, t.state, t.version FROM scope_member m JOIN ticket t ON t.tenant_id = m.tenant_id AND "
      "t.ticket_id = m.ticket_id WHERE m.tenant_id = $1 AND m.operator_id = $4 AND m.ticket_id > $2 AND m.ticket_id "
      "<= $3 AND m.left_seq = 0 ORDER BY m.ticket_id",
      scope.tenant, after, through, scope.operator_id);
}

Result<sqlite::Statement> changed_tickets(sqlite::Database& db, const ReaderScope& scope, std::uint64_t after,
                                          std::uint64_t now) {
  if (scope.all)
    return db.query("SELECT ticket_id, version FROM ticket WHERE tenant_id = $1 AND version > $2", scope.tenant, after);
  // Who is near has the changed tickets looked through for those that it holds; else it is the other way round: each of
  // them may have changed. (With CROSS JOIN, SQLite takes the tables in the order they are named.)
  if (is_few_commits_behind(after, now))
    return db.query(
        "SELECT t.ticket_id, t.version FROM ticket t CROSS JOIN scope_member m WHERE t.tenant_id = $1 AND t.version > "
        "$3 AND m.tenant_id = t.tenant_id AND m.operator_id = $2 AND m.ticket_id = t.ticket_id AND m.left_seq = 0 AND "
        "m.entered_seq <= $3",
        scope.tenant, scope.operator_id, after);
  return db.query(
      "SELECT t.ticket_id, t.version FROM scope_member m CROSS JOIN ticket t WHERE m.tenant_id = $1 AND m.operator_id "
      "= "
      "$2 AND m.left_seq = 0 AND m.entered_seq <= $3 AND t.tenant_id = m.tenant_id AND t.ticket_id = m.ticket_id AND "
      "t.version > $3",
      scope.tenant, scope.operator_id, after);
}

}  // namespace tern::server
