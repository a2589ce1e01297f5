// The export that proves itself: the ledger as it travelled, with what was signed about it. docs/protocol.md, "Ledger
// export"; read by tern-verify.
#pragma once

#include "admin/admin.hpp"

namespace tern::server::admin {

/// Writes `to` line by line, in one snapshot. `corrupt` when the ledger cannot be read: nothing is left behind then.
Result<Json> export_ledger(const AdminCall& call);

}  // namespace tern::server::admin
