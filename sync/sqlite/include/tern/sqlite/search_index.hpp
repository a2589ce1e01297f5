// What has to be minded of FTS5.
#pragma once

#include "tern/protocol/error.hpp"

namespace tern::sqlite {

class Database;

/// Between taking rows out of a search index and adding some, within a transaction. A row that is taken out and added
/// again in one go makes FTS5 (3.42 to 3.53 at least, with secure-delete and detail=none) forget the rows behind it
/// that share a word with it.
Result<void> settle_search_index(Database& database);

}  // namespace tern::sqlite
