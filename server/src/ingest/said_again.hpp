// What the server says again for somebody else: which names it uses, and whether they are there already.
#pragma once

#include "batch.hpp"

namespace tern::server {

/// Of a change that is quoted: the same one said again gets the same id, so that it counts once.
ChangeId quoting_id(const sync::ChangeRef& original);

Result<bool> in_ledger(sqlite::Database& db, std::int64_t tenant, const sync::ChangeRef& ref);

/// What a change named: in the ledger as it was, else as it is said again.
Result<sync::ChangeRef> named_now(const Batch& batch, const sync::ChangeRef& named);

}  // namespace tern::server
