// What operators hold of tickets at work: rows that commits keep, so that routing counts nothing (docs/routing.md).
#pragma once

#include <cstdint>
#include <map>

#include "tern/protocol/error.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::server {

/// Or what becomes of it: then the counts are differences.
struct OperatorLoad {
  std::int64_t tickets = 0, urgent = 0;  // urgent: of these
  std::uint64_t last_seq = 0;            // commit of the newest assignment; 0: none

  void add(const OperatorLoad& change) {
    tickets += change.tickets;
    urgent += change.urgent;
    last_seq = change.last_seq > last_seq ? change.last_seq : last_seq;
  }
  bool operator==(const OperatorLoad&) const = default;
};
using OperatorLoads = std::map<OperatorId, OperatorLoad>;

/// New, open, in progress or reopened, as `listed` of a ticket's row says it.
constexpr bool is_at_work(std::int64_t listed) {
  return listed == 1 || listed == 2 || listed == 4 || listed == 9;
}

Result<OperatorLoads> read_loads(sqlite::Database& db, std::int64_t tenant);
Result<OperatorLoad> read_load(sqlite::Database& db, std::int64_t tenant, const OperatorId& who);
Result<void> change_loads(sqlite::Database& db, std::int64_t tenant, const OperatorLoads& changes);
/// The counts anew, out of the tickets' rows: where an older program had not written what is counted.
Result<void> recount_loads(sqlite::Database& db, std::int64_t tenant);

}  // namespace tern::server
