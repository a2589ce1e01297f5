// From rows of an incident log to the intents its authors must have had.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "incident_log.hpp"
#include "tern/protocol/bytes.hpp"
#include "tern/sync/change.hpp"
#include "tern/sync/lifecycle.hpp"
#include "tern/sync/record.hpp"

namespace tern::fleet {

/// Columns that become custom fields of the same name.
inline constexpr std::string_view custom_columns[] = {"subcategory", "u_symptom", "location", "cmdb_ci", "impact", "urgency", "problem_id",
                                                      "rfc", "vendor", "caused_by", "closed_code", "contact_type"};

/// Columns whose names are reference records.
struct ReferenceColumn {
  std::string_view column;
  sync::RecordKind kind;
};
inline constexpr ReferenceColumn reference_columns[] = {{"category", sync::RecordKind::category},
                                                        {"caller_id", sync::RecordKind::contact},
                                                        {"assignment_group", sync::RecordKind::queue},
                                                        {"assigned_to", sync::RecordKind::operator_}};

/// The record of that kind with exactly that name.
using RecordLookup = std::function<RecordId(sync::RecordKind, const std::string&)>;

/// New -> new, Active -> in_progress, Awaiting User Info -> waiting, Awaiting ... -> on_hold, Resolved, Closed. Nothing for another word.
std::optional<sync::Status> status_of_state(std::string_view incident_state);
/// 1 - Critical -> 4 (urgent) ... 4 - Low -> 1. Nothing for another word.
std::optional<std::uint8_t> rank_of_priority(std::string_view priority);

/// What the replay remembers of an incident between its rows: the state its log says, never a device's view.
struct IncidentState {
  TicketId ticket;               // of the create
  sync::Status status = sync::Status::new_;
  sync::Status before_hold = sync::Status::new_;
  std::optional<LogRow> previous;
};

/// The changes of one row, in one set: what differs from the row before it. Empty when nothing differs. Moves `state` on.
std::vector<sync::Change> changes_of_row(const LogRow& row, IncidentState& state, const RecordLookup& lookup);

}  // namespace tern::fleet
