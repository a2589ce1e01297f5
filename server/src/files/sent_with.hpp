// What a file came beside.
#pragma once

#include <cstdint>
#include <optional>

#include "tern/protocol/error.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/change.hpp"

namespace tern::server {

/// The message that a file was sent with, as its change in the ledger says; nothing: it came alone, or is not there. It
/// may be a message that is not there either. Errors: those of sqlite::Database.
Result<std::optional<sync::ChangeRef>> sent_with(sqlite::Database& db, std::int64_t tenant,
                                                 const sync::ChangeRef& file);

}  // namespace tern::server
