// The replay's dump of one ticket, and the comparison of all of them with the log.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "incident_log.hpp"
#include "replay.hpp"
#include "tern/protocol/json.hpp"

namespace tern::fleet {

/// Why a device's author knows that a value of theirs does not stand: its receipt or an amendment says so.
struct Explanation {
  std::string incident;
  std::string field;       // priority, queue, assignee
  std::size_t line = 0;    // the row that set the value
  bool explained = false;  // its newest word is not `applied` or `merged`
};

/// From one line of the server's export to the dump's object. `category` and the like become names, null for none.
/// Error `invalid` when the export is not of that form.
Result<Json> dump_ticket(const Json& exported);

/// Compares dumps (by incident) with the log; adds to summary.differences, unexplained, failures, and both digests.
/// `exact`: the run must equal the last row in every field (offline 0 in time order).
void compare_with_log(const std::map<std::string, Json>& dumps, const IncidentLog& log,
                      const std::vector<Explanation>& explanations, bool exact, ReplaySummary& summary);

}  // namespace tern::fleet
