#include "tern/server/incident_mapping.hpp"

#include "tern/protocol/error.hpp"
#include "tern/sync/ticket_fields.hpp"

namespace tern::server {
namespace {

using sync::Change;
using sync::FieldId;
using sync::Intent;

struct StateWord {
  std::string_view word;
  sync::Status status;
};
constexpr StateWord state_words[] = {
    {"New", sync::Status::new_},
    {"Active", sync::Status::in_progress},
    {"Awaiting User Info", sync::Status::waiting},
    {"Awaiting Problem", sync::Status::on_hold},
    {"Awaiting Vendor", sync::Status::on_hold},
    {"Awaiting Evidence", sync::Status::on_hold},
    {"Resolved", sync::Status::resolved},
    {"Closed", sync::Status::closed},
};

std::optional<std::string> cell_before(const IncidentState& state, std::string_view column) {
  return state.previous ? state.previous->cell(column) : std::nullopt;
}

Change make(const IncidentState& state, Intent intent) {
  Change change;
  change.ticket = state.ticket;
  change.intent = intent;
  return change;
}

std::optional<Bytes> reference(const RecordLookup& lookup, sync::RecordKind kind,
                               const std::optional<std::string>& name) {
  if (!name) return std::nullopt;
  return Bytes(lookup(kind, *name).view());
}

std::optional<Bytes> priority_value(const std::optional<std::string>& cell) {
  const auto rank = cell ? rank_of_priority(*cell) : std::nullopt;
  if (!rank) return std::nullopt;
  return std::string(1, static_cast<char>('0' + *rank));
}

/// The fact fields whose value differs from the row before; on the first row, those that have one.
std::vector<sync::FieldSetting> differing_fields(const LogRow& row, const IncidentState& state,
                                                 const RecordLookup& lookup) {
  std::vector<sync::FieldSetting> out;
  const auto differs = [&](std::string_view column) { return row.cell(column) != cell_before(state, column); };
  const auto add = [&](FieldId field, std::string key, std::optional<Bytes> value) {
    out.push_back({field, std::move(key), std::move(value), false});
  };
  if (differs("priority")) add(FieldId::priority, "", priority_value(row.cell("priority")));
  if (differs("category"))
    add(FieldId::category, "", reference(lookup, sync::RecordKind::category, row.cell("category")));
  if (differs("caller_id"))
    add(FieldId::contact, "", reference(lookup, sync::RecordKind::contact, row.cell("caller_id")));
  for (const std::string_view column : custom_columns)
    if (differs(column)) add(FieldId::custom, std::string(column), row.cell(column));
  return out;
}

void add_claims(const LogRow& row, const IncidentState& state, const RecordLookup& lookup, std::vector<Change>& out) {
  const auto claim = [&](std::string_view column, Intent intent, sync::RecordKind kind) {
    const auto name = row.cell(column);
    if (name == cell_before(state, column)) return;
    Change change = make(state, intent);
    if (name) change.target = Bytes(lookup(kind, *name).view());
    if (intent == Intent::assign) change.reason = "as logged";
    out.push_back(std::move(change));
  };
  claim("assignment_group", Intent::move_queue, sync::RecordKind::queue);
  claim("assigned_to", Intent::assign, sync::RecordKind::operator_);
}

void add_moves(const LogRow& row, IncidentState& state, std::vector<Change>& out) {
  const auto word = row.cell("incident_state");
  const auto wanted = word ? status_of_state(*word) : std::nullopt;
  if (!wanted || word == cell_before(state, "incident_state")) return;
  std::vector<Intent> moves =
      sync::shortest_moves(state.status, *wanted, state.before_hold).value_or(std::vector<Intent>{});
  // on hold for another reason: a hold that moves nothing
  if (moves.empty() && *wanted == sync::Status::on_hold) moves.push_back(Intent::hold);
  for (const Intent intent : moves) {
    Change change = make(state, intent);
    if (intent == Intent::hold) change.text = *word;
    out.push_back(std::move(change));
    const auto next = sync::next_status(state.status, intent, state.before_hold);
    check(next.has_value(), "a path leads along the table");
    if (*next == sync::Status::on_hold && state.status != sync::Status::on_hold) state.before_hold = state.status;
    state.status = *next;
  }
}

}  // namespace

std::optional<sync::Status> status_of_state(std::string_view incident_state) {
  for (const auto& [word, status] : state_words)
    if (word == incident_state) return status;
  return std::nullopt;
}

std::optional<std::uint8_t> rank_of_priority(std::string_view priority) {
  if (priority == "1 - Critical") return 4;
  if (priority == "2 - High") return 3;
  if (priority == "3 - Moderate") return 2;
  if (priority == "4 - Low") return 1;
  return std::nullopt;
}

std::vector<Change> changes_of_row(const LogRow& row, IncidentState& state, const RecordLookup& lookup) {
  std::vector<Change> out;
  auto fields = differing_fields(row, state, lookup);
  if (row.first) {
    Change create = make(state, Intent::create);
    create.fields.push_back({FieldId::subject, "", "Incident " + row.incident, false});
    create.fields.push_back({FieldId::external_ref, "incident", row.incident, false});
    for (auto& field : fields)
      if (field.value) create.fields.push_back(std::move(field));
    out.push_back(std::move(create));
  } else {
    for (auto& field : fields) {
      Change set = make(state, Intent::set);
      set.fields.push_back(std::move(field));
      out.push_back(std::move(set));
    }
  }
  add_claims(row, state, lookup, out);
  add_moves(row, state, out);
  state.previous = row;
  return out;
}

}  // namespace tern::server
