#include "ledger.hpp"

#include <algorithm>
#include <unordered_map>

namespace tern::server {
namespace {

tl::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::corrupt, "the ledger is damaged: " + std::string(what), "restore the tenant from a backup");
}

// ---- sets ----

#define TERN_SET_COLUMNS                                                                                       \
  "SELECT commit_seq, device_epoch, chain_seq, set_hash, header, signature, original, commit_ms, leaf_index, " \
  "outcomes, lo_ms FROM change_set WHERE tenant_id = $1 "

constexpr std::string_view set_by_commit = TERN_SET_COLUMNS "AND commit_seq = $2";
constexpr std::string_view set_by_chain =
    TERN_SET_COLUMNS "AND device_id = $2 AND device_epoch = $3 AND chain_seq = $4";
#undef TERN_SET_COLUMNS

// A change whose id was there already stands in a table of its own; a set travels with both.
constexpr std::string_view changes_of_set =
    "SELECT idx, skeleton, salt, body, body_commitment FROM change WHERE tenant_id = $1 AND commit_seq = $2 UNION ALL "
    "SELECT idx, skeleton, salt, body, body_commitment FROM change_again WHERE tenant_id = $1 AND commit_seq = $2 "
    "ORDER BY 1";

protocol::SealedChange sealed_of(const sqlite::Statement& row, int first) {
  protocol::SealedChange sealed;
  sealed.skeleton = Bytes(row.blob(first));
  if (!row.is_null(first + 3)) {
    sealed.erased_commitment = row.id<Hash>(first + 3);
  } else {
    sealed.salt = row.id<Salt>(first + 1);
    sealed.body = Bytes(row.blob(first + 2));
  }
  return sealed;
}

protocol::Receipt receipt_of(const sqlite::Statement& row) {
  return protocol::make_receipt(row.uint64(1), row.uint64(2), row.uint64(8), row.id<Hash>(3), row.uint64(0),
                                row.int64(7), Bytes(row.blob(9)));
}

Result<std::optional<StoredSet>> set_of(sqlite::Database& db, std::int64_t tenant, sqlite::Statement& rows) {
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::optional<StoredSet>{};
  StoredSet stored;
  stored.commit_seq = rows.uint64(0);
  stored.lo_ms = rows.int64(10);
  stored.receipt = receipt_of(rows);
  stored.set.header = Bytes(rows.blob(4));
  stored.set.signature = rows.id<Signature>(5);
  constexpr std::size_t original_bytes = protocol::change_set_header_bytes + Signature::size_bytes;
  if (const ByteView original = rows.blob(6); original.size() == original_bytes) {
    stored.set.original =
        protocol::OriginalHeader{Bytes(original.substr(0, protocol::change_set_header_bytes)),
                                 Signature::or_zero(original.substr(protocol::change_set_header_bytes))};
  }
  TERN_TRY(stored.header, protocol::decode_header(stored.set.header));
  TERN_TRY(auto changes, db.query(changes_of_set, tenant, stored.commit_seq));
  for (;;) {
    TERN_TRY(const bool more, changes.step());
    if (!more) break;
    stored.set.changes.push_back(sealed_of(changes, 1));
  }
  return std::optional(std::move(stored));
}

// ---- changes ----

#define TERN_CHANGE_COLUMNS                                                                                       \
  "SELECT c.commit_seq, c.idx, c.device_id, c.skeleton, c.body, c.body_commitment, c.admission, c.author, "       \
  "c.author_kind, c.outcome, c.standing, c.standing_rule, s.device_epoch, s.chain_seq, s.original, c.change_id, " \
  "c.ticket_id, c.intent FROM change c JOIN change_set s ON s.tenant_id = c.tenant_id AND s.commit_seq = "        \
  "c.commit_seq "

constexpr std::string_view changes_of_ticket = TERN_CHANGE_COLUMNS
    "WHERE c.tenant_id = $1 AND c.ticket_id = $2 AND c.commit_seq <= $3 ORDER BY c.commit_seq, c.idx";
constexpr std::string_view changes_of_commit =
    TERN_CHANGE_COLUMNS "WHERE c.tenant_id = $1 AND c.commit_seq = $2 ORDER BY c.idx";
constexpr std::string_view change_by_ref =
    TERN_CHANGE_COLUMNS "WHERE c.tenant_id = $1 AND c.device_id = $2 AND c.change_id = $3";
#undef TERN_CHANGE_COLUMNS

/// A set that was signed again keeps the place of the original signature.
Result<sync::Origin> origin_of(const sqlite::Statement& row) {
  sync::Origin origin{row.id<DeviceId>(2), row.uint64(12), row.uint64(13), static_cast<std::uint32_t>(row.int64(1))};
  const ByteView original = row.blob(14);
  if (original.empty()) return origin;
  if (original.size() < protocol::change_set_header_bytes) return damaged("an original header is cut");
  TERN_TRY(const auto header, protocol::decode_header(original.substr(0, protocol::change_set_header_bytes)));
  origin.device_epoch = header.device_epoch;
  origin.chain_seq = header.chain_seq;
  return origin;
}

/// What can be said of a change that was rejected because it could not be read.
sync::Change unread(const sqlite::Statement& row) {
  sync::Change change;
  change.ref = {row.id<DeviceId>(2), row.id<ChangeId>(15)};
  change.ticket = row.id<TicketId>(16);
  return change;
}

Result<LedgerChange> change_of(const sqlite::Statement& row) {
  LedgerChange out;
  out.commit_seq = row.uint64(0);
  out.index = static_cast<std::uint32_t>(row.int64(1));
  out.outcome = static_cast<sync::Outcome>(row.int64(9));
  out.standing = static_cast<sync::Outcome>(row.int64(10));
  out.standing_rule = static_cast<sync::Rule>(row.int64(11));
  TERN_TRY(StoredAdmission stored, decode_admission(row.blob(6)));
  out.placed.admission = std::move(stored.admission);
  out.released = std::move(stored.released);
  const std::optional<ByteView> body = row.is_null(5) ? std::optional<ByteView>(row.blob(4)) : std::nullopt;
  auto change = sync::parse_change(row.blob(3), body, row.id<DeviceId>(2));
  const bool folded = out.placed.admission.verdict != sync::Admission::Verdict::rejected;
  if (!change && folded) return damaged("change " + to_hex(row.blob(15)) + " cannot be read");
  out.placed.change = change ? std::move(*change) : unread(row);
  TERN_TRY(const sync::Origin origin, origin_of(row));
  out.placed.stamp = sync::make_stamp(out.placed.change, origin, out.commit_seq, out.placed.admission,
                                      row.id<OperatorId>(7), static_cast<sync::PrincipalKind>(row.int64(8)));
  return out;
}

}  // namespace

Result<std::optional<StoredSet>> read_set(sqlite::Database& db, std::int64_t tenant, std::uint64_t commit_seq) {
  TERN_TRY(auto rows, db.query(set_by_commit, tenant, commit_seq));
  return set_of(db, tenant, rows);
}

Result<std::optional<StoredSet>> read_set(sqlite::Database& db, std::int64_t tenant, const DeviceId& device,
                                          std::uint64_t device_epoch, std::uint64_t chain_seq) {
  TERN_TRY(auto rows, db.query(set_by_chain, tenant, device, device_epoch, chain_seq));
  return set_of(db, tenant, rows);
}

Result<std::optional<StoredReceipt>> read_receipt(sqlite::Database& db, std::int64_t tenant, const DeviceId& device,
                                                  std::uint64_t device_epoch, std::uint64_t chain_seq) {
  TERN_TRY(auto rows, db.query(set_by_chain, tenant, device, device_epoch, chain_seq));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::optional<StoredReceipt>{};
  return std::optional(StoredReceipt{rows.id<Hash>(3), rows.uint64(0), protocol::encode(receipt_of(rows))});
}

Result<std::vector<LedgerChange>> read_ticket(sqlite::Database& db, std::int64_t tenant, const TicketId& ticket,
                                              std::uint64_t up_to) {
  const std::uint64_t most = std::min<std::uint64_t>(up_to, INT64_MAX);
  TERN_TRY(auto rows, db.query(changes_of_ticket, tenant, ticket, most));
  std::vector<LedgerChange> changes;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return changes;
    TERN_TRY(LedgerChange change, change_of(rows));
    changes.push_back(std::move(change));
  }
}

Result<std::vector<LedgerChange>> read_commit(sqlite::Database& db, std::int64_t tenant, std::uint64_t commit_seq) {
  std::optional<Error> first;
  TERN_TRY(auto changes,
           read_commit(db, tenant, commit_seq, [&first](std::uint32_t, const TicketId&, const Error& error) {
             if (!first) first = error;
           }));
  if (first) return tl::unexpected(std::move(*first));
  return changes;
}

Result<std::vector<LedgerChange>> read_commit(sqlite::Database& db, std::int64_t tenant, std::uint64_t commit_seq,
                                              const DamagedChange& damaged) {
  TERN_TRY(auto rows, db.query(changes_of_commit, tenant, commit_seq));
  std::vector<LedgerChange> changes;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return changes;
    auto change = change_of(rows);
    if (change) {
      changes.push_back(std::move(*change));
    } else {
      damaged(static_cast<std::uint32_t>(rows.int64(1)), rows.id<TicketId>(16), change.error());
    }
  }
}

Result<std::optional<LedgerChange>> read_change(sqlite::Database& db, std::int64_t tenant, const sync::ChangeRef& ref) {
  TERN_TRY(auto rows, db.query(change_by_ref, tenant, ref.device, ref.id));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::optional<LedgerChange>{};
  TERN_TRY(LedgerChange change, change_of(rows));
  return std::optional(std::move(change));
}

std::vector<sync::PlacedChange> folded_changes(const std::vector<LedgerChange>& ledger) {
  std::vector<sync::PlacedChange> placed;
  for (const LedgerChange& entry : ledger) {
    if (entry.placed.admission.verdict != sync::Admission::Verdict::admitted) continue;
    if (entry.placed.change.intent != sync::Intent::release) {
      placed.push_back(entry.placed);
      continue;
    }
    for (const ReleasedChange& released : entry.released) {
      const auto quoted = std::find_if(ledger.begin(), ledger.end(), [&](const LedgerChange& change) {
        return change.placed.change.ref == released.ref;
      });
      if (quoted == ledger.end()) continue;
      const sync::Stamp& held = quoted->placed.stamp;
      placed.push_back({quoted->placed.change,
                        sync::make_stamp(quoted->placed.change, held.origin, entry.commit_seq, released.admission,
                                         held.author, held.author_kind),
                        released.admission});
    }
  }
  return placed;
}

Result<Refolded> refold_from_zero(sqlite::Database& db, std::int64_t tenant, const TicketId& ticket,
                                  std::uint64_t up_to) {
  TERN_TRY(const std::vector<LedgerChange> ledger, read_ticket(db, tenant, ticket, up_to));
  Refolded refolded;
  refolded.changes = folded_changes(ledger);
  refolded.fold = sync::fold_from_zero(refolded.changes);
  return refolded;
}

Result<std::optional<std::uint64_t>> newest_held_above(sqlite::Database& db, std::int64_t tenant,
                                                       std::uint64_t commit_seq) {
  // 6 is sync::Outcome::held, spelled so that the partial index serves.
  static_assert(static_cast<int>(sync::Outcome::held) == 6);
  TERN_TRY(const auto newest,
           db.int64_of("SELECT max(commit_seq) FROM change WHERE tenant_id = $1 AND standing = 6 AND commit_seq > $2",
                       tenant, commit_seq));
  return newest ? std::optional(static_cast<std::uint64_t>(*newest)) : std::nullopt;
}

protocol::MerkleLookup log_nodes(sqlite::Database& db, std::int64_t tenant) {
  return [&db, tenant](unsigned level, std::uint64_t index) -> std::optional<Hash> {
    auto rows =
        db.query("SELECT hash FROM log_node WHERE tenant_id = $1 AND level = $2 AND idx = $3", tenant, level, index);
    if (!rows) return std::nullopt;
    const auto found = rows->step();
    if (!found || !*found) return std::nullopt;
    return Hash::from(rows->blob(0));
  };
}

}  // namespace tern::server
