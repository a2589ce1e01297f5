#include "outbox/recovery.hpp"

#include "tern/sqlite/transaction.hpp"
#include "tern/v1/change.pb.h"

namespace tern::client {
namespace {

using protocol::ChangeSet;
using protocol::ChangeSetHeader;
using protocol::SealedChange;
using sqlite::Blob;
using sqlite::Transaction;

Result<void> adopt_change(sqlite::Database& database, std::int64_t set_id, std::int64_t position,
                          const SealedChange& change, std::int64_t wall_ms, const BootId& boot) {
  v1::Skeleton skeleton;
  if (!skeleton.ParseFromString(change.skeleton)) {
    return fail(ErrorCode::malformed, "own work came back from the server in a form this version cannot read");
  }
  TERN_CHECKED(database.run("DELETE FROM change WHERE change_id = $1 AND set_id IS NULL", Blob{skeleton.id()}));
  TERN_TRY(auto insert, database.statement("INSERT INTO change (position, set_id, ticket_id, change_id, skeleton, "
                                           "salt, body, erased_commitment, saved_wall_ms, "
                                           "saved_boot_ms, saved_boot, attention, dismissed) VALUES ($1, $2, $3, $4, "
                                           "$5, $6, $7, $8, $9, 0, $10, 0, 0)"));
  insert.bind(1, position);
  insert.bind(2, set_id);
  insert.bind(3, Blob{skeleton.ticket_id()});
  insert.bind(4, Blob{skeleton.id()});
  insert.bind(5, Blob{change.skeleton});
  if (change.erased()) {
    insert.bind(6, std::nullopt);
    insert.bind(7, std::nullopt);
  } else {
    insert.bind(6, change.salt);
    insert.bind(7, Blob{change.body});
  }
  insert.bind(8, change.erased_commitment);
  insert.bind(9, wall_ms);
  insert.bind(10, boot);
  return insert.run();
}

Result<Hash> adopt_set(sqlite::Database& database, ByteView wire) {
  TERN_TRY(const ChangeSet set, protocol::decode_change_set(wire));
  TERN_TRY(const ChangeSetHeader header, protocol::decode_header(set.header));
  ChangeSetHeader first = header;
  if (set.original) {
    TERN_TRY(first, protocol::decode_header(set.original->header));
  }
  TERN_TRY(const auto last, database.int64_of("SELECT max(position) FROM change"));
  const std::int64_t first_position = last.value_or(0) + 1;
  const std::optional<Blob> original_header = set.original ? std::optional(Blob{set.original->header}) : std::nullopt;
  const std::optional<Signature> original_signature =
      set.original ? std::optional(set.original->signature) : std::nullopt;
  TERN_CHECKED(database.run(
      "INSERT INTO change_set (device_epoch, chain_seq, origin_epoch, origin_seq, state, hash, header, signature, "
      "original_header, original_signature, first_position, change_count, size_bytes, sealed_wall_ms, commit_seq, "
      "commit_ms) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, 0)",
      header.device_epoch, header.chain_seq, first.device_epoch, first.chain_seq, SetState::sent, set.hash(),
      Blob{set.header}, set.signature, original_header, original_signature, first_position, set.changes.size(),
      wire.size(), header.wall_ms));
  const std::int64_t set_id = database.last_insert_rowid();
  for (std::size_t i = 0; i < set.changes.size(); ++i) {
    const std::int64_t position = first_position + static_cast<std::int64_t>(i);
    TERN_CHECKED(adopt_change(database, set_id, position, set.changes[i], header.wall_ms, header.boot));
  }
  TERN_CHECKED(database.run("UPDATE chain SET device_epoch = $1, chain_seq = $2, hash = $3", header.device_epoch,
                            header.chain_seq, set.hash()));
  return set.hash();
}

}  // namespace

Result<void> adopt_own_sets(Outbox& outbox, const std::vector<Bytes>& sets) {
  if (sets.empty()) return {};
  sqlite::Database& database = outbox.database();
  TERN_TRY(auto transaction, Transaction::begin_write(database));
  for (const Bytes& wire : sets) TERN_CHECKED(adopt_set(database, wire));
  outbox.count_anew();
  return transaction.commit();
}

Result<std::size_t> return_to_sealed(Outbox& outbox, std::uint64_t kept_commit_seq) {
  sqlite::Database& database = outbox.database();
  TERN_TRY(auto transaction, Transaction::begin_write(database));
  TERN_TRY(const Outbox::Head head, outbox.head());
  TERN_CHECKED(database.run(
      "UPDATE change_set SET state = $1, commit_seq = 0, commit_ms = 0, outcomes = NULL WHERE commit_seq > $2",
      SetState::sealed, kept_commit_seq));
  const std::int64_t returned = database.changes();
  outbox.count_anew();
  TERN_CHECKED(database.run(
      "UPDATE chain SET acked_seq = coalesce((SELECT min(chain_seq) - 1 FROM change_set WHERE device_epoch = $1 AND "
      "commit_seq = 0), chain_seq)",
      head.device_epoch));
  TERN_CHECKED(transaction.commit());
  return static_cast<std::size_t>(returned);
}

Result<std::uint64_t> newest_receipted(Outbox& outbox, std::uint64_t device_epoch, std::uint64_t commit_seq_max) {
  TERN_TRY(const auto newest, outbox.database().int64_of(
                                  "SELECT max(chain_seq) FROM change_set WHERE device_epoch = $1 AND commit_seq > 0 "
                                  "AND commit_seq <= $2",
                                  device_epoch, commit_seq_max));
  return static_cast<std::uint64_t>(newest.value_or(0));
}

}  // namespace tern::client
