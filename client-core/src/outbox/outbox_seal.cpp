// From drafts to signed sets.
#include <algorithm>
#include <utility>

#include "outbox/outbox_impl.hpp"
#include "tern/protocol/crash_point.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sqlite/transaction.hpp"
#include "tern/v1/change.pb.h"

namespace tern::client {

using protocol::ChangeSet;
using protocol::ChangeSetHeader;
using protocol::SealedChange;
using sqlite::Blob;
using sqlite::Transaction;

namespace {

struct Draft {
  std::int64_t position = 0;
  std::int64_t saved_boot_ms = 0;
  BootId saved_boot;
  SealedChange content;
};

/// The clocks of one sealing.
struct SealTime {
  std::int64_t wall_ms = 0, boot_ms = 0;
  BootId boot;
};

bool same_boot(const BootId& a, const BootId& b) {
  return !a.is_zero() && a == b;
}

/// How long before the sealing the change was made; told only where one clock ran through.
Result<Bytes> with_age(ByteView skeleton, std::uint64_t before_ms) {
  v1::Skeleton parsed;
  if (!parsed.ParseFromArray(skeleton.data(), static_cast<int>(skeleton.size()))) {
    return fail(ErrorCode::corrupt, "the outbox of this device holds a draft that cannot be read", hint_salvage,
                "outbox");
  }
  parsed.set_before_ms(before_ms);
  return parsed.SerializeAsString();
}

/// Drafts of one boot that fit into one set, from the front. The changes of a set are found by its first position: it
/// ends where one is missing.
std::size_t fitting(const std::vector<Draft>& drafts, std::size_t from) {
  std::size_t bytes = protocol::change_set_overhead_bytes;
  std::size_t at = from;
  while (at < drafts.size() && at - from < limits::changes_per_set_max &&
         drafts[at].saved_boot == drafts[from].saved_boot &&
         drafts[at].position - drafts[from].position == static_cast<std::int64_t>(at - from)) {
    bytes += protocol::encoded_size(drafts[at].content);
    if (bytes > limits::change_set_bytes_max && at > from) break;
    ++at;
  }
  return at - from;
}

Result<std::vector<Draft>> read_drafts(sqlite::Database& database, const SealTime& now) {
  TERN_TRY(auto rows, database.query("SELECT position, skeleton, body, saved_boot_ms, saved_boot, salt, "
                                     "erased_commitment FROM change WHERE set_id IS NULL ORDER BY position"));
  std::vector<Draft> drafts;
  for (;;) {
    TERN_TRY(const bool row, rows.step());
    if (!row) return drafts;
    Draft draft;
    draft.position = rows.int64(0);
    draft.saved_boot_ms = rows.int64(3);
    draft.saved_boot = rows.id<BootId>(4);
    const bool known = same_boot(draft.saved_boot, now.boot);
    const std::int64_t age_ms = known ? std::max<std::int64_t>(0, now.boot_ms - draft.saved_boot_ms) : 0;
    TERN_TRY(draft.content.skeleton, with_age(rows.blob(1), static_cast<std::uint64_t>(age_ms)));
    if (!rows.is_null(6)) {  // erased already, where another copy of this home had sent it
      draft.content.erased_commitment = rows.id<Hash>(6);
    } else {
      draft.content.body = Bytes(rows.blob(2));
      draft.content.salt = rows.id<Salt>(5);
    }
    drafts.push_back(std::move(draft));
  }
}

/// Time since the request went out that brought the anchor, where one clock ran through both.
std::uint64_t since_anchor(const AnchorHeld& anchor, const BootId& boot, const SealTime& now) {
  if (anchor.hash.is_zero() || !same_boot(anchor.boot, now.boot) || !same_boot(boot, now.boot)) {
    return protocol::mono_unknown;
  }
  if (now.boot_ms < anchor.request_boot_ms) return protocol::mono_unknown;
  return static_cast<std::uint64_t>(now.boot_ms - anchor.request_boot_ms);
}

ChangeSetHeader make_header(const SealContext& context, const Outbox::Head& head, const BootId& boot,
                            const SealTime& now) {
  ChangeSetHeader header;
  header.tenant = context.tenant;
  header.device = context.device;
  header.author = context.author;
  header.key = context.key;
  header.device_epoch = head.device_epoch;
  header.chain_seq = head.chain_seq + 1;
  header.prev_hash = head.hash.is_zero() ? protocol::genesis_prev_hash(context.certificate) : head.hash;
  header.wall_ms = now.wall_ms;
  header.mono_ms = since_anchor(context.anchor, boot, now);
  header.boot = boot;
  header.anchor_hash = context.anchor.hash;
  header.seen_seq = context.seen_seq;
  return header;
}

Result<std::int64_t> insert_set(sqlite::Database& database, const ChangeSet& set, const ChangeSetHeader& header,
                                std::int64_t first_position, std::int64_t wall_ms) {
  TERN_CHECKED(database.run(
      "INSERT INTO change_set (device_epoch, chain_seq, origin_epoch, origin_seq, state, hash, header, signature, "
      "first_position, change_count, size_bytes, sealed_wall_ms, commit_seq, commit_ms) VALUES ($1, $2, $1, $2, $3, "
      "$4, "
      "$5, $6, $7, $8, $9, $10, 0, 0)",
      header.device_epoch, header.chain_seq, SetState::sealed, set.hash(), Blob{set.header}, set.signature,
      first_position, set.changes.size(), protocol::encoded_size(set), wall_ms));
  return database.last_insert_rowid();
}

Result<void> file_changes(sqlite::Database& database, std::int64_t set_id, const std::vector<Draft>& drafts,
                          std::size_t from, const std::vector<SealedChange>& sealed) {
  TERN_TRY(auto update,
           database.statement("UPDATE change SET set_id = $1, skeleton = $2, salt = $3 WHERE position = $4"));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    const auto salt = sealed[i].erased() ? std::nullopt : std::optional(sealed[i].salt);
    update.bind_all(set_id, Blob{sealed[i].skeleton}, salt, drafts[from + i].position);
    TERN_CHECKED(update.run());
  }
  return {};
}

}  // namespace

Result<bool> Outbox::seal_due(std::int64_t boot_ms, const BootId& boot) {
  TERN_TRY(auto rows, impl_->database->query("SELECT count(*), coalesce(sum(length(skeleton) + length(body) + 28), 0), "
                                             "max(position) FROM change WHERE set_id IS NULL"));
  TERN_TRY(const bool found, rows.step());
  if (!found || rows.int64(0) == 0) return false;
  if (rows.uint64(0) >= limits::changes_per_set_max) return true;
  if (rows.uint64(1) + protocol::change_set_overhead_bytes >= limits::change_set_bytes_max) return true;
  const std::int64_t newest = rows.int64(2);
  TERN_TRY(auto last,
           impl_->database->query("SELECT saved_boot_ms, saved_boot FROM change WHERE position = $1", newest));
  TERN_TRY(const bool there, last.step());
  if (!there) return false;
  const std::int64_t idle_ms = boot_ms - last.int64(0);
  return last.id<BootId>(1) != boot || idle_ms < 0 || idle_ms >= limits::seal_after_idle_ms;
}

Result<std::size_t> Outbox::seal(const protocol::SigningKey& key, const SealContext& context,
                                 Environment& environment) {
  TERN_CHECKED(give_salts(environment));
  const SealTime now{environment.wall_ms(), environment.boot_ms(), environment.boot_id()};
  TERN_TRY(auto transaction, Transaction::begin_write(*impl_->database));
  TERN_TRY(auto drafts, read_drafts(*impl_->database, now));
  if (drafts.empty()) return 0;
  TERN_TRY(Head head, impl_->head());
  impl_->open_changes.reset();
  std::size_t sets = 0;
  for (std::size_t from = 0; from < drafts.size();) {
    const std::size_t count = fitting(drafts, from);
    std::vector<SealedChange> changes;
    for (std::size_t i = from; i < from + count; ++i) changes.push_back(std::move(drafts[i].content));
    const ChangeSetHeader header = make_header(context, head, drafts[from].saved_boot, now);
    TERN_TRY(const ChangeSet set, protocol::seal(header, std::move(changes), key));
    TERN_TRY(const std::int64_t id, insert_set(*impl_->database, set, header, drafts[from].position, now.wall_ms));
    TERN_CHECKED(file_changes(*impl_->database, id, drafts, from, set.changes));
    head.chain_seq = header.chain_seq;
    head.hash = set.hash();
    from += count;
    ++sets;
  }
  TERN_CHECKED(impl_->set_chain(head));
  crash_point("before_seal_commit");
  TERN_CHECKED(transaction.commit());
  crash_point("after_seal");
  return sets;
}

Result<std::size_t> Outbox::reseal(std::uint64_t new_epoch, ByteView certificate, const protocol::SigningKey& key,
                                   const SealContext& context) {
  TERN_TRY(auto transaction, Transaction::begin_write(*impl_->database));
  TERN_TRY(Head head, impl_->head());
  if (new_epoch <= head.device_epoch)
    return fail(ErrorCode::invalid, "a device epoch only goes forward", {}, "device_epoch");
  std::vector<std::int64_t> ids;
  {
    TERN_TRY(auto rows, impl_->database->query("SELECT id FROM change_set WHERE commit_seq = 0 ORDER BY id"));
    for (;;) {
      TERN_TRY(const bool row, rows.step());
      if (!row) break;
      ids.push_back(rows.int64(0));
    }
  }
  head = Head{new_epoch, 0, Hash{}, 0};
  for (const std::int64_t id : ids) {
    TERN_TRY(const ChangeSet old, impl_->stored_set(id));
    TERN_TRY(ChangeSetHeader header, protocol::decode_header(old.header));
    header.device_epoch = new_epoch;
    header.chain_seq = ++head.chain_seq;
    header.prev_hash = head.hash.is_zero() ? protocol::genesis_prev_hash(certificate) : head.hash;
    header.key = context.key;
    TERN_TRY(const ChangeSet set, protocol::seal_again(old, header, key));
    head.hash = set.hash();
    TERN_CHECKED(impl_->database->run(
        "UPDATE change_set SET device_epoch = $1, chain_seq = $2, state = $3, hash = $4, header = $5, signature = $6, "
        "original_header = $7, original_signature = $8, size_bytes = $9 WHERE id = $10",
        new_epoch, header.chain_seq, SetState::sealed, head.hash, Blob{set.header}, set.signature,
        Blob{set.original->header}, set.original->signature, protocol::encoded_size(set), id));
  }
  TERN_CHECKED(impl_->set_chain(head));
  TERN_CHECKED(transaction.commit());
  return ids.size();
}

Result<ChangeSet> Outbox::Impl::stored_set(std::int64_t set_id) {
  ChangeSet set;
  TERN_TRY(auto head_row, database->query("SELECT header, signature, original_header, original_signature, change_count "
                                          "FROM change_set WHERE id = $1",
                                          set_id));
  TERN_TRY(const bool found, head_row.step());
  if (!found) return fail(ErrorCode::not_found, "the outbox holds no such set");
  set.header = Bytes(head_row.blob(0));
  set.signature = head_row.id<Signature>(1);
  if (!head_row.is_null(2)) set.original = protocol::OriginalHeader{Bytes(head_row.blob(2)), head_row.id<Signature>(3)};
  set.changes.reserve(head_row.uint64(4));

  TERN_TRY(auto rows, database->query("SELECT skeleton, salt, body, erased_commitment FROM change WHERE set_id = $1 "
                                      "ORDER BY position",
                                      set_id));
  for (;;) {
    TERN_TRY(const bool row, rows.step());
    if (!row) return set;
    SealedChange change;
    change.skeleton = Bytes(rows.blob(0));
    if (rows.is_null(3)) {
      change.salt = rows.id<Salt>(1);
      change.body = Bytes(rows.blob(2));
    } else {
      change.erased_commitment = rows.id<Hash>(3);
    }
    set.changes.push_back(std::move(change));
  }
}

Result<std::vector<Bytes>> Outbox::sets_from(std::uint64_t chain_seq, std::size_t sets_max, std::size_t bytes_max) {
  TERN_TRY(const Head head, impl_->head());
  struct Candidate {
    std::int64_t id;
    std::size_t size_bytes;
  };
  TERN_TRY(auto transaction, Transaction::begin_read(*impl_->database));  // no lock for each question
  std::vector<Candidate> candidates;
  {
    TERN_TRY(auto rows, impl_->database->query("SELECT id, size_bytes FROM change_set WHERE device_epoch = $1 AND "
                                               "chain_seq >= $2 AND commit_seq = 0 ORDER BY chain_seq LIMIT $3",
                                               head.device_epoch, chain_seq, sets_max));
    for (;;) {
      TERN_TRY(const bool row, rows.step());
      if (!row) break;
      candidates.push_back({rows.int64(0), static_cast<std::size_t>(rows.uint64(1))});
    }
  }
  std::vector<Bytes> out;
  std::size_t total = 0;
  for (const Candidate& candidate : candidates) {
    total += candidate.size_bytes;
    if (total > bytes_max && !out.empty()) break;
    TERN_TRY(const ChangeSet set, impl_->stored_set(candidate.id));
    out.push_back(protocol::encode(set));
  }
  return out;
}

Result<void> Outbox::mark_sent(std::uint64_t last_chain_seq) {
  TERN_TRY(const Head head, impl_->head());
  return impl_->database->run(
      "UPDATE change_set SET state = $1 WHERE device_epoch = $2 AND chain_seq <= $3 AND state = $4", SetState::sent,
      head.device_epoch, last_chain_seq, SetState::sealed);
}

// ---- the chain ----

Result<Outbox::Head> Outbox::Impl::head() {
  TERN_TRY(auto rows, database->query("SELECT device_epoch, chain_seq, hash, acked_seq FROM chain"));
  TERN_TRY(const bool found, rows.step());
  if (!found)
    return fail(ErrorCode::corrupt, "the outbox of this device has lost the end of its chain", hint_salvage, "outbox");
  return Head{rows.uint64(0), rows.uint64(1), rows.id<Hash>(2), rows.uint64(3)};
}

Result<Outbox::Head> Outbox::head() {
  return impl_->head();
}

Result<void> Outbox::Impl::set_chain(const Head& head) {
  return database->run("UPDATE chain SET device_epoch = $1, chain_seq = $2, hash = $3, acked_seq = $4",
                       head.device_epoch, head.chain_seq, head.hash, head.acked_seq);
}

}  // namespace tern::client
