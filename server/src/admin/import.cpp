// The import of a real incident log: each row becomes changes sealed by the server, at the time the log asserts.
#include <algorithm>
#include <charconv>
#include <span>
#include <unordered_map>

#include "admin/handlers.hpp"
#include "admin/import_memory.hpp"
#include "admin/interrupted.hpp"
#include "one_line.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::server::admin {
namespace {

// What an import holds at once, whatever the size of its file.
constexpr std::size_t rows_of_log_max = 10'000'000, incidents_max = 1'000'000, names_of_log_max = 100'000;
constexpr std::size_t incident_bytes_max = 16 * limits::mib;
constexpr std::size_t rows_between_looks = 1'024;  // whether to go on
constexpr std::string_view incident_type = "incident";

/// The names that one row knows.
template <typename Visit>
void each_name(const LogRow& row, Visit&& visit) {
  visit(sync::RecordKind::operator_, row.author);
  for (const ReferenceColumn& column : reference_columns)
    if (const auto name = row.cell(column.column)) visit(column.kind, *name);
}

Result<void> check_row(const LogRow& row) {
  const auto state = row.cell("incident_state");
  if (!state || !status_of_state(*state))
    return error_at(row.line, ErrorCode::invalid, "incident_state \"" + state.value_or("?") + "\" is unknown.");
  bool good = is_one_line(row.incident) && row.incident.size() <= limits::name_bytes_max;
  each_name(row, [&](sync::RecordKind, const std::string& name) {
    good = good && name.size() <= limits::name_bytes_max && is_one_line(name);
  });
  if (good) return {};
  return error_at(row.line, ErrorCode::invalid, "a name is longer than 200 bytes, or holds a control character.");
}

}  // namespace

struct IncidentIndex {
  struct Place {
    std::uint32_t incident = 0, line = 0;
    std::uint64_t offset = 0;
  };
  std::vector<Place> rows;             // by incident, then in file order
  std::vector<std::string> incidents;  // in file order
  WantedRecords names;
};

namespace {

/// Incidents in file order; their rows need not lie together. What is held of a log is where each row is.
class IncidentSource final : public ImportSource {
public:
  IncidentSource(const AdminCall& call, IncidentLogReader& log, std::shared_ptr<const IncidentIndex> index)
      : call_(call), log_(log), index_(std::move(index)) {}

  Result<void> read_index() {
    auto made = std::make_shared<IncidentIndex>();
    auto& [rows, incidents, names] = *made;
    std::unordered_map<std::string, std::uint32_t> numbers;
    for (;;) {
      TERN_TRY(const auto row, log_.next());
      if (!row) break;
      if (rows.size() % rows_between_looks == 0)
        TERN_CHECKED(check_not_interrupted(call_.is_stopped(), "nothing was imported"));
      TERN_CHECKED(check_row(*row));
      each_name(*row, [&](sync::RecordKind kind, const std::string& name) {
        made->names.try_emplace({kind, name}, RecordId{});
      });
      const auto [at, first] = numbers.try_emplace(row->incident, static_cast<std::uint32_t>(incidents.size()));
      if (first) incidents.push_back(row->incident);
      rows.push_back({at->second, static_cast<std::uint32_t>(row->line), log_.place().offset});
      if (rows.size() > rows_of_log_max || incidents.size() > incidents_max || names.size() > names_of_log_max)
        return error_at(row->line, ErrorCode::too_large,
                        "more rows, incidents or names than one import takes; split the file.");
    }
    if (rows.empty()) return fail(ErrorCode::invalid, "The incident log has no rows.", "", "file");
    std::ranges::sort(rows, {}, [](const IncidentIndex::Place& row) { return std::pair(row.incident, row.offset); });
    index_ = std::move(made);
    return {};
  }

  Result<std::optional<ImportItem>> next() override {
    const auto& rows = index_->rows;
    if (at_ == rows.size()) return std::optional<ImportItem>();
    from_ = at_;
    while (at_ < rows.size() && rows[at_].incident == rows[from_].incident) ++at_;
    const std::string& incident = index_->incidents[rows[from_].incident];
    return std::optional(ImportItem{rows[from_].line, incident,
                                    imported_id(call_.tenant().id(), incident_type, incident),
                                    std::string(incident_type)});
  }

  Result<std::vector<ServerChange>> changes(const RecordLookup& lookup) override {
    TERN_TRY(const auto rows, read_rows());
    IncidentState state;
    state.ticket = imported_id(call_.tenant().id(), incident_type, rows.front().incident);
    std::vector<ServerChange> out;
    for (const LogRow& row : rows)
      for (sync::Change& change : changes_of_row(row, state, lookup)) {
        change.wall_ms = change.asserted_ms = row.played_ms;
        change.seen_now = true;
        change.principal_kind = sync::PrincipalKind::operator_;
        change.principal_id = Bytes(lookup(sync::RecordKind::operator_, row.author).view());
        ServerChange one;
        one.change = std::move(change);
        out.push_back(std::move(one));
      }
    return out;
  }

  [[nodiscard]] std::string place() const override { return std::to_string(at_); }
  Result<void> go_to(const std::string& place) override {
    std::size_t at = 0;
    const auto read = std::from_chars(place.data(), place.data() + place.size(), at);
    const auto& rows = index_->rows;
    const bool begins =
        at == rows.size() || at == 0 || (at < rows.size() && rows[at].incident != rows[at - 1].incident);
    if (read.ec != std::errc() || read.ptr != place.data() + place.size() || !begins)
      return fail(ErrorCode::invalid, "\"" + place + "\" is no token of a page of this file.",
                  "Take it from the page before.", "after");
    at_ = at;
    return {};
  }
  [[nodiscard]] bool is_judged() const override { return true; }
  void add_records(WantedRecords& wanted) const override {
    wanted.insert(index_->names.begin(), index_->names.end());
    for (const std::string_view column : custom_columns)
      if (std::ranges::find(log_.columns(), column) != log_.columns().end())
        wanted.try_emplace({sync::RecordKind::custom_field, std::string(column)}, RecordId{});
  }
  [[nodiscard]] std::shared_ptr<const IncidentIndex> index() const override { return index_; }

private:
  /// The rows of the incident that came last, in file order.
  Result<std::vector<LogRow>> read_rows() {
    const std::string& incident = index_->incidents[index_->rows[from_].incident];
    std::vector<LogRow> rows;
    std::size_t bytes = 0;
    for (const IncidentIndex::Place& place : std::span(index_->rows).subspan(from_, at_ - from_)) {
      log_.go_to({place.offset, place.line});
      TERN_TRY(auto row, log_.next());
      if (!row || row->incident != incident)
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

  const AdminCall& call_;
  IncidentLogReader& log_;
  std::shared_ptr<const IncidentIndex> index_;
  std::size_t from_ = 0, at_ = 0;
};

}  // namespace

Result<Json> import_incidents(AdminCall& call) {
  TERN_TRY(const auto log, IncidentLogReader::open(call.text("file")));
  auto known = known_of_import(call);
  const bool read = known && known->index;
  IncidentSource source(call, *log, read ? known->index : nullptr);
  if (!read) TERN_CHECKED(source.read_index());
  return run_import(call, source, std::move(known));
}

}  // namespace tern::server::admin
