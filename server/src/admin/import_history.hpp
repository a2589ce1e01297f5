// From what an export says of a ticket to the changes that make it again, at the times it tells.
#pragma once

#include "admin/import_run.hpp"

namespace tern::server::admin {

/// A ticket as a line of JSON, or a row of CSV made one: docs/import-export.md, "What comes in". With its `history` it
/// is made step by step; without it as it stands, by the shortest way that leads there. `sealing`: the device that will
/// seal it. `now_ms`: of what says no time. `invalid` with what is wrong.
Result<std::vector<ServerChange>> changes_of_ticket(const Json& ticket, const TicketId& id, const DeviceId& sealing,
                                                    const RecordLookup& lookup, std::int64_t now_ms);

}  // namespace tern::server::admin
