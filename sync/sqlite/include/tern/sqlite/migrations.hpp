// Numbered schema changes, forward only.
#pragma once

#include <span>
#include <string_view>

#include "tern/protocol/error.hpp"

namespace tern::sqlite {

class Database;

/// One step of a schema. `number` is 1 for the first and has no gaps. Once released a text is never altered.
struct Migration {
  int number;
  std::string_view name;
  std::string_view sql;
};

/// Number of the last migration the database has seen; 0 for a new file.
Result<int> schema_number(Database& database);

/// Applies what is missing, each migration in a transaction of its own, so that a crash leaves the database at a whole
/// number. Gives how many were applied. `upgrade_required` when the database is newer than the program; nothing is
/// changed then.
Result<int> migrate(Database& database, std::span<const Migration> migrations);

}  // namespace tern::sqlite
