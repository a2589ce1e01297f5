// Whose view of a tenant a page shows.
#pragma once

#include <cstdint>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/record.hpp"

namespace tern::sync {
struct Actor;
}

namespace tern::server {

class Tenant;
struct DeviceInfo;

struct ReaderScope {
  std::int64_t tenant = 0;  // number
  OperatorId operator_id;
  bool all = false;                  // a device made with --scope all
  bool restricted_notes = false;     // may read them
  std::uint64_t rights_version = 0;  // version of the operator's record
  bool clocks = false;               // the device shows SLA clocks
};

/// Whether what was committed since `after` is less to look through than what the reader holds.
constexpr bool is_few_commits_behind(std::uint64_t after, std::uint64_t now) {
  return now <= after + 500;
}

/// Of an operator as memory knows them, on a device.
ReaderScope scope_of(const Tenant& tenant, const sync::Actor& reader, const DeviceInfo& device);
/// The rights become those of `db`'s snapshot: what is shown and what may be shown are of one commit.
Result<void> read_rights(sqlite::Database& db, ReaderScope& scope);
/// The newest commit that `db`'s snapshot sees; 0: there is none.
Result<std::uint64_t> newest_commit(sqlite::Database& db, const Tenant& tenant);

/// Whether an operator of this record sees restricted notes of others.
bool reads_restricted(const sync::Record& reader);

/// Tickets in the scope now; for progress of the first replica.
Result<std::uint64_t> tickets_in_scope(sqlite::Database& db, const ReaderScope& scope);

/// The tickets in the scope above `after` up to `through`, by id: (ticket_id, state, version).
Result<sqlite::Statement> tickets_between(sqlite::Database& db, const ReaderScope& scope, const TicketId& after,
                                          const TicketId& through);

/// The tickets that the reader held at commit `after` and holds now, at `now`, and that changed in between:
/// (ticket_id, version), in any order.
Result<sqlite::Statement> changed_tickets(sqlite::Database& db, const ReaderScope& scope, std::uint64_t after,
                                          std::uint64_t now);

}  // namespace tern::server
