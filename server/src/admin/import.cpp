// The import of a real incident log: each row becomes changes sealed by the server, at the time the log asserts.
#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <unordered_map>

#include "admin/handlers.hpp"
#include "admin/interrupted.hpp"
#include "admin/record_writer.hpp"
#include "ingest/ingest.hpp"
#include "one_line.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/server/incident_mapping.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::server::admin {
namespace {

// What an import holds at once, whatever the size of its file.
constexpr std::size_t rows_max = 10'000'000, incidents_max = 1'000'000, names_max = 100'000;
constexpr std::size_t incident_bytes_max = 16 * 1024 * 1024;
constexpr std::size_t rows_between_looks = 1'024;  // whether to go on

using Records = std::map<std::pair<sync::RecordKind, std::string>, RecordId>;

void want(Records& wanted, sync::RecordKind kind, const std::string& name) {
  wanted.try_emplace({kind, name}, RecordId{});
}

tl::unexpected<Error> at_line(std::size_t line, ErrorCode code, const std::string& what) {
  return fail(code, "Line " + std::to_string(line) + ": " + what, "Nothing was imported.", "file");
}

/// The names that one row knows.
template <typename Visit>
void each_name(const LogRow& row, Visit&& visit) {
  visit(sync::RecordKind::operator_, row.author);
  for (const ReferenceColumn& column : reference_columns)
    if (const auto name = row.cell(column.column)) visit(column.kind, *name);
}

/// Where the rows of each incident are, and every name that the log knows: what is held of a log while it is imported.
struct LogIndex {
  struct Place {
    std::uint32_t incident = 0, line = 0;
    std::uint64_t offset = 0;
  };
  std::vector<Place> rows;             // by incident, then in file order
  std::vector<std::string> incidents;  // in file order
  Records names;
};

Result<void> check_row(const LogRow& row) {
  const auto state = row.cell("incident_state");
  if (!state || !status_of_state(*state))
    return at_line(row.line, ErrorCode::invalid, "incident_state \"" + state.value_or("?") + "\" is unknown.");
  bool good = is_one_line(row.incident) && row.incident.size() <= limits::name_bytes_max;
  each_name(row, [&](sync::RecordKind, const std::string& name) {
    good = good && name.size() <= limits::name_bytes_max && is_one_line(name);
  });
  if (good) return {};
  return at_line(row.line, ErrorCode::invalid, "a name is longer than 200 bytes, or holds a control character.");
}

/// The first pass: everything that can be wrong with the file is found before anything is written.
Result<LogIndex> read_index(const AdminCall& call, IncidentLogReader& log) {
  LogIndex index;
  std::unordered_map<std::string, std::uint32_t> numbers;
  for (;;) {
    TERN_TRY(const auto row, log.next());
    if (!row) break;
    if (index.rows.size() % rows_between_looks == 0)
      TERN_CHECKED(check_not_interrupted(call.is_stopped(), "nothing was imported"));
    TERN_CHECKED(check_row(*row));
    const auto [at, first] = numbers.try_emplace(row->incident, static_cast<std::uint32_t>(index.incidents.size()));
    if (first) index.incidents.push_back(row->incident);
    index.rows.push_back({at->second, static_cast<std::uint32_t>(row->line), log.place().offset});
    each_name(*row, [&](sync::RecordKind kind, const std::string& name) { want(index.names, kind, name); });
    if (index.rows.size() > rows_max || index.incidents.size() > incidents_max || index.names.size() > names_max)
      return at_line(row->line, ErrorCode::too_large,
                     "more rows, incidents or names than one import takes; split the file.");
  }
  if (index.rows.empty()) return fail(ErrorCode::invalid, "The incident log has no rows.", "", "file");
  std::ranges::sort(index.rows, {}, [](const LogIndex::Place& row) { return std::pair(row.incident, row.offset); });
  for (const std::string_view column : custom_columns)
    if (std::ranges::find(log.columns(), column) != log.columns().end())
      want(index.names, sync::RecordKind::custom_field, std::string(column));
  return index;
}

/// The rows of one incident, in file order.
Result<std::vector<LogRow>> read_rows(IncidentLogReader& log, const std::string& incident, const Records& names,
                                      std::span<const LogIndex::Place> places) {
  std::vector<LogRow> rows;
  std::size_t bytes = 0;
  for (const LogIndex::Place& place : places) {
    log.go_to({place.offset, place.line});
    TERN_TRY(auto row, log.next());
    bool same = row && row->incident == incident;
    if (same) each_name(*row, [&](auto kind, const std::string& name) { same = same && names.contains({kind, name}); });
    if (!same)
      return fail(ErrorCode::invalid, "The file changed while it was imported.",
                  "Import it again: what is there is skipped.", "file");
    for (const auto& [column, value] : row->cells) bytes += column.size() + value.size();
    if (bytes > incident_bytes_max)
      return fail(ErrorCode::too_large, "Incident " + incident + " has more than 16 MiB of rows.",
                  "Take it out and import the file again: what is there is skipped.", "file");
    row->first = rows.empty();
    row->played_ms = rows.empty() ? row->own_ms : std::max(row->own_ms, rows.back().played_ms + 1);
    rows.push_back(std::move(*row));
  }
  return rows;
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

/// Gives every wanted name its record; those that are missing are made.
Result<std::size_t> make_records(const AdminCall& call, Records& wanted) {
  TERN_TRY(const auto naming, call.lock_names());
  Tenant& tenant = call.tenant();
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
  TERN_CHECKED(write_in_parts(call, missing));
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

std::vector<ServerChange> changes_of_incident(const std::vector<LogRow>& rows, const RecordLookup& lookup,
                                              Environment& environment) {
  IncidentState state;
  state.ticket = random_id<TicketId>(environment);
  std::vector<ServerChange> out;
  for (const LogRow& row : rows)
    for (sync::Change& change : changes_of_row(row, state, lookup)) {
      change.ref.id = random_id<ChangeId>(environment);
      change.wall_ms = change.asserted_ms = row.played_ms;
      change.seen_now = true;
      change.principal_kind = sync::PrincipalKind::operator_;
      change.principal_id = Bytes(lookup(sync::RecordKind::operator_, row.author).view());
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
  TERN_TRY(const auto log, IncidentLogReader::open(call.text("file")));
  TERN_TRY(LogIndex index, read_index(call, *log));
  TERN_TRY(const std::size_t made, make_records(call, index.names));
  const RecordLookup lookup = [&](sync::RecordKind kind, const std::string& name) {
    return index.names.at({kind, name});
  };
  TERN_TRY(const auto known, known_incidents(call.tenant()));
  Imported imported;
  for (auto from = index.rows.cbegin(); from != index.rows.cend();) {
    const auto to =
        std::find_if(from, index.rows.cend(), [&](const auto& row) { return row.incident != from->incident; });
    const std::span<const LogIndex::Place> places(from, to);
    const std::string& incident = index.incidents[from->incident];
    from = to;
    if (known.contains(incident)) {
      ++imported.skipped;
      continue;
    }
    TERN_CHECKED(check_not_interrupted(call.is_stopped(), "what is there by now is skipped the next time"));
    TERN_TRY(const auto rows, read_rows(*log, incident, index.names, places));
    auto changes = changes_of_incident(rows, lookup, call.parts().environment);
    TERN_CHECKED(call.on_strand([&] { return commit_incident(call.tenant(), std::move(changes), imported); }));
  }
  return Json::object({{"tickets", Json(imported.tickets)},
                       {"skipped", Json(imported.skipped)},
                       {"changes", Json(imported.changes)},
                       {"refused", Json(imported.refused)},
                       {"records", Json(made)}});
}

}  // namespace tern::server::admin
