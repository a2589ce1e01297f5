// Rows of what went out, as commands show them.
#pragma once

#include "admin/admin.hpp"
#include "desk/outgoing.hpp"

namespace tern::server::admin {

/// {"n","delivery","event","ticket","state","attempts","at","due","done","said"}
Result<Json> outgoing_json(AdminCall& call, sqlite::Database& db, const Outgoing& one);
/// The newest of these ways and, unless it is zero, of that target, as --limit and --before say.
Result<Json> outgoing_log(AdminCall& call, OutgoingWay first, OutgoingWay last, const RecordId& target);

}  // namespace tern::server::admin
