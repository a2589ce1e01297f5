// Reading the ledger: sets as they travelled, changes of a ticket as the fold consumes them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "admission_codec.hpp"
#include "tern/protocol/change_set.hpp"
#include "tern/protocol/receipt.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/fold.hpp"

namespace tern::server {

/// One row of `change_set` with everything that travelled: encode(set) is the wire form (own_sets of an exchange).
struct StoredSet {
  std::uint64_t commit_seq = 0;
  protocol::ChangeSet set;
  protocol::ChangeSetHeader header;
  protocol::Receipt receipt;
  std::int64_t lo_ms = 0;
};
Result<std::optional<StoredSet>> read_set(sqlite::Database& db, std::int64_t tenant, std::uint64_t commit_seq);
Result<std::optional<StoredSet>> read_set(sqlite::Database& db, std::int64_t tenant, const DeviceId& device,
                                          std::uint64_t device_epoch, std::uint64_t chain_seq);
/// The stored receipt alone, encoded, byte for byte the one of its commit; with the hash of its set.
struct StoredReceipt {
  Hash set_hash;
  std::uint64_t commit_seq = 0;
  Bytes wire;
};
Result<std::optional<StoredReceipt>> read_receipt(sqlite::Database& db, std::int64_t tenant, const DeviceId& device,
                                                  std::uint64_t device_epoch, std::uint64_t chain_seq);

/// One row of `change` as the ledger holds it.
struct LedgerChange {
  std::uint64_t commit_seq = 0;
  std::uint32_t index = 0;
  sync::PlacedChange placed;             // its own place and admission
  std::vector<ReleasedChange> released;  // of a release: what it lets in, with their admissions
  sync::Outcome outcome = sync::Outcome::unspecified;
  sync::Outcome standing = sync::Outcome::unspecified;
  sync::Rule standing_rule = sync::Rule::unspecified;
};
/// All changes of a ticket with commit_seq <= up_to, by commit.
Result<std::vector<LedgerChange>> read_ticket(sqlite::Database& db, std::int64_t tenant, const TicketId& ticket,
                                              std::uint64_t up_to = UINT64_MAX);
/// Those of one set, by index; without those whose id was there already.
Result<std::vector<LedgerChange>> read_commit(sqlite::Database& db, std::int64_t tenant, std::uint64_t commit_seq);
/// The same of a ledger that may be damaged: a change that cannot be read is told and left out. For verify.
using DamagedChange = std::function<void(std::uint32_t index, const TicketId& ticket, const Error& error)>;
Result<std::vector<LedgerChange>> read_commit(sqlite::Database& db, std::int64_t tenant, std::uint64_t commit_seq,
                                              const DamagedChange& damaged);
Result<std::optional<LedgerChange>> read_change(sqlite::Database& db, std::int64_t tenant, const sync::ChangeRef& ref);

/// What of a ticket's ledger is folded: admitted changes, and released ones at their release's place. By commit.
std::vector<sync::PlacedChange> folded_changes(const std::vector<LedgerChange>& ledger);

/// fold_from_zero over the ledger: the state that `ticket.state` must equal. `standings[i]` belongs to `changes[i]`.
struct Refolded {
  std::vector<sync::PlacedChange> changes;
  sync::FoldResult fold;
};
Result<Refolded> refold_from_zero(sqlite::Database& db, std::int64_t tenant, const TicketId& ticket,
                                  std::uint64_t up_to = UINT64_MAX);

/// The commit above `commit_seq` with the newest change that is held; nothing: none is. One look, however many are.
Result<std::optional<std::uint64_t>> newest_held_above(sqlite::Database& db, std::int64_t tenant,
                                                       std::uint64_t commit_seq);

/// Looks into the stored nodes of the Merkle log.
protocol::MerkleLookup log_nodes(sqlite::Database& db, std::int64_t tenant);

}  // namespace tern::server
