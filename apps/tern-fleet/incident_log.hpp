// The incident log as the server's import reads it: one reader for both.
#pragma once

#include "tern/server/incident_log.hpp"

namespace tern::fleet {

using server::IncidentLog;
using server::LogRow;
using server::parse_csv;
using server::parse_log_time;
using server::read_incident_log;

}  // namespace tern::fleet
