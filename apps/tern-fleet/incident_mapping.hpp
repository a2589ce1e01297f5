// The mapping from rows to intents as the server's import does it: one mapping for both.
#pragma once

#include "incident_log.hpp"
#include "tern/server/incident_mapping.hpp"

namespace tern::fleet {

using server::changes_of_row;
using server::custom_columns;
using server::IncidentState;
using server::rank_of_priority;
using server::RecordLookup;
using server::reference_columns;
using server::ReferenceColumn;
using server::status_of_state;

}  // namespace tern::fleet
