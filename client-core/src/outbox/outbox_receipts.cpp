// What became of sealed sets: receipts, amendments, erasure, pruning.
#include <algorithm>
#include <set>
#include <utility>

#include "outbox/outbox_impl.hpp"
#include "tern/protocol/mutant.hpp"
#include "tern/protocol/statements.hpp"
#include "tern/sqlite/transaction.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::client {

using sqlite::Blob;
using sqlite::Transaction;

namespace {

bool has_to_be_shown(const v1::ChangeOutcome& outcome) {
  return sync::needs_attention(static_cast<sync::Outcome>(outcome.outcome()), static_cast<sync::Rule>(outcome.rule()));
}

}  // namespace

Result<void> Outbox::store_receipts(const std::vector<StoredReceipt>& receipts, const SignedReceipts& signed_list) {
  if (receipts.empty()) return {};
  TERN_TRY(auto transaction, Transaction::begin_write(*impl_->database));
  auto open_changes = std::exchange(impl_->open_changes, std::nullopt);
  std::vector<std::int64_t> sets;
  for (const StoredReceipt& receipt : receipts) {
    TERN_TRY(const auto set, impl_->store_receipt(receipt));
    if (!set) continue;
    sets.push_back(set->id);
    if (open_changes) *open_changes -= set->changes;
  }
  TERN_CHECKED(impl_->keep_proof(sets, signed_list));
  TERN_CHECKED(impl_->raise_acked());
  TERN_CHECKED(transaction.commit());
  impl_->open_changes = open_changes;
  return {};
}

Result<void> Outbox::Impl::keep_proof(const std::vector<std::int64_t>& sets, const SignedReceipts& signed_list) {
  if (sets.empty() || signed_list.wire.empty()) return {};
  TERN_CHECKED(database->run("INSERT INTO receipt_list (epoch, wire) VALUES ($1, $2)", signed_list.epoch,
                             Blob{signed_list.wire}));
  const std::int64_t list = database->last_insert_rowid();
  for (const std::int64_t set : sets)
    TERN_CHECKED(database->run("INSERT INTO receipt_proof (set_id, list_id) VALUES ($1, $2)", set, list));
  return {};
}

Result<Outbox::OldReceipts> Outbox::old_receipts(std::uint64_t first_seq, std::uint64_t last_seq,
                                                 std::size_t bytes_max) {
  TERN_TRY(const Head newest, head());
  OldReceipts old{last_seq, {}};
  std::vector<std::int64_t> lists;
  {
    TERN_TRY(auto rows, impl_->database->query(
                            "SELECT s.chain_seq, l.id, length(l.wire) FROM change_set s JOIN receipt_proof p ON "
                            "p.set_id = s.id JOIN receipt_list l ON l.id = p.list_id WHERE s.device_epoch = $1 AND "
                            "s.chain_seq BETWEEN $2 AND $3 AND s.commit_seq = 0 ORDER BY s.chain_seq, l.id",
                            newest.device_epoch, first_seq, last_seq));
    std::size_t total = 0;
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) break;
      if (std::find(lists.begin(), lists.end(), rows.int64(1)) != lists.end()) continue;
      total += static_cast<std::size_t>(rows.uint64(2));
      const bool full = total > bytes_max || lists.size() >= limits::sets_per_exchange_max;
      if (full && rows.uint64(0) == first_seq && !lists.empty()) continue;
      if (full) {
        old.last_seq = std::max(first_seq, rows.uint64(0) - 1);
        break;
      }
      lists.push_back(rows.int64(1));
    }
  }
  std::sort(lists.begin(), lists.end());
  for (const std::int64_t id : lists) {
    TERN_TRY(auto row, impl_->database->query("SELECT wire FROM receipt_list WHERE id = $1", id));
    TERN_TRY(const bool found, row.step());
    if (found) old.lists.emplace_back(row.blob(0));
  }
  return old;
}

Result<std::optional<Outbox::Impl::AnsweredSet>> Outbox::Impl::store_receipt(const StoredReceipt& receipt) {
  TERN_TRY(auto rows, database->query("SELECT id, hash, change_count, first_position, commit_seq FROM change_set WHERE "
                                      "device_epoch = $1 AND chain_seq = $2",
                                      receipt.device_epoch, receipt.chain_seq));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::optional<AnsweredSet>{};  // pruned, or of an epoch that is over
  if (rows.id<Hash>(1) != receipt.set_hash) {
    return fail(ErrorCode::verification_failed,
                "a receipt of the server is for another change set than this device sealed as number " +
                    std::to_string(receipt.chain_seq),
                {}, "set_hash");
  }
  if (rows.int64(4) != 0) return std::optional<AnsweredSet>{};
  const std::int64_t id = rows.int64(0);
  const std::int64_t first_position = rows.int64(3);
  v1::SetOutcomes outcomes;
  if (!outcomes.ParseFromString(receipt.outcomes) || outcomes.outcomes_size() != rows.int64(2)) {
    return fail(ErrorCode::verification_failed, "a receipt of the server does not answer every change of its set", {},
                "outcomes");
  }
  rows.reset();
  TERN_CHECKED(
      database->run("UPDATE change_set SET state = $1, commit_seq = $2, commit_ms = $3, outcomes = $4 WHERE id = $5",
                    SetState::acked, receipt.commit_seq, receipt.time_ms, Blob{receipt.outcomes}, id));
  fresh_receipts.push_back({id, receipt.commit_seq});
  if (outcomes_set == id) last_outcomes.reset();
  TERN_CHECKED(flag_unhappy(first_position, outcomes));
  return AnsweredSet{id, static_cast<std::uint64_t>(outcomes.outcomes_size())};
}

Result<void> Outbox::Impl::flag_unhappy(std::int64_t first_position, const v1::SetOutcomes& outcomes) {
  for (int i = 0; i < outcomes.outcomes_size(); ++i) {
    if (!has_to_be_shown(outcomes.outcomes(i))) continue;
    TERN_CHECKED(database->run("UPDATE change SET attention = 1 WHERE position = $1", first_position + i));
  }
  return {};
}

/// The chain is acknowledged up to the first set that has no receipt.
Result<void> Outbox::Impl::raise_acked() {
  TERN_TRY(Head newest, head());
  TERN_TRY(const auto first_open,
           database->int64_of("SELECT min(chain_seq) FROM change_set WHERE device_epoch = $1 AND "
                              "commit_seq = 0",
                              newest.device_epoch));
  newest.acked_seq = first_open ? static_cast<std::uint64_t>(*first_open) - 1 : newest.chain_seq;
  return set_chain(newest);
}

Result<void> Outbox::store_amendment(const sync::ChangeRef& change, ByteView statement) {
  if (change.device != impl_->owner.device) return {};
  return impl_->database->run(
      "UPDATE change SET amendment = $1, attention = 1, dismissed = 0 WHERE change_id = $2 AND (amendment IS NULL OR "
      "amendment <> $1)",
      Blob{statement}, change.id);
}

Result<void> Outbox::Impl::erase_subjects(const sync::ChangeRef& given_by, std::vector<TicketId>& tickets) {
  TERN_TRY(auto rows,
           database->query("SELECT ticket_id FROM ticket_label WHERE subject_change = $1 AND subject_device = "
                           "$2",
                           given_by.id, given_by.device));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    tickets.push_back(rows.id<TicketId>(0));
  }
  rows.reset();
  return database->run("UPDATE ticket_label SET subject = '' WHERE subject_change = $1 AND subject_device = $2",
                       given_by.id, given_by.device);
}

Result<std::vector<TicketId>> Outbox::erase(const std::vector<sync::ChangeRef>& changes) {
  std::vector<TicketId> unnamed;
  if (mutant(Mutant::device_keeps_erased)) return unnamed;
  TERN_TRY(auto transaction, Transaction::begin_write(*impl_->database));
  for (const sync::ChangeRef& ref : changes) {
    TERN_CHECKED(impl_->erase_subjects(ref, unnamed));
    if (ref.device != impl_->owner.device) continue;
    TERN_TRY(auto rows, impl_->database->query("SELECT position, salt, body FROM change WHERE change_id = $1 AND salt "
                                               "IS NOT NULL AND erased_commitment IS NULL",
                                               ref.id));
    TERN_TRY(const bool found, rows.step());
    if (!found) continue;
    const std::int64_t position = rows.int64(0);
    const Hash commitment = protocol::body_commitment(rows.id<Salt>(1), rows.blob(2));
    rows.reset();
    TERN_CHECKED(
        impl_->database->run("UPDATE change SET salt = NULL, body = NULL, erased_commitment = $1 WHERE position = $2",
                             commitment, position));
  }
  TERN_CHECKED(transaction.commit());
  return unnamed;
}

/// All that prune would remove, but for the sets of `kept`.
Result<std::size_t> Outbox::Impl::remove_sets(std::int64_t kept_from_ms, const std::vector<sync::ChangeRef>& kept) {
  std::set<std::int64_t> stay;
  for (const sync::ChangeRef& change : kept) {
    if (change.device != owner.device) continue;
    TERN_TRY(const auto set,
             database->int64_of("SELECT set_id FROM change WHERE change_id = $1 AND set_id IS NOT NULL", change.id));
    if (set) stay.insert(*set);
  }
  std::vector<std::int64_t> go;
  TERN_TRY(auto rows, database->query("SELECT id FROM change_set WHERE state = $1 AND sealed_wall_ms <= $2 AND "
                                      "commit_ms <= $2 AND NOT EXISTS (SELECT 1 FROM change WHERE set_id = "
                                      "change_set.id AND attention = 1 AND dismissed = 0)",
                                      SetState::stable, kept_from_ms));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    if (!stay.contains(rows.int64(0))) go.push_back(rows.int64(0));
  }
  rows.reset();
  for (const std::int64_t set : go) TERN_CHECKED(database->run("DELETE FROM change_set WHERE id = $1", set));
  return go.size();
}

Result<std::size_t> Outbox::prune(std::uint64_t backup_stable_seq, std::int64_t now_ms, std::int64_t retention_ms,
                                  const std::vector<sync::ChangeRef>& kept) {
  TERN_TRY(auto transaction, Transaction::begin_write(*impl_->database));
  TERN_CHECKED(
      impl_->database->run("UPDATE change_set SET state = $1 WHERE state = $2 AND commit_seq > 0 AND commit_seq "
                           "<= $3",
                           SetState::stable, SetState::acked, backup_stable_seq));
  const std::int64_t kept_from_ms =
      mutant(Mutant::prune_on_ack) ? INT64_MAX : now_ms - std::max(retention_ms, limits::retention_ms_min);
  TERN_TRY(const std::size_t removed, impl_->remove_sets(kept_from_ms, kept));
  TERN_CHECKED(impl_->database->run(
      "DELETE FROM receipt_list WHERE NOT EXISTS (SELECT 1 FROM receipt_proof WHERE list_id = receipt_list.id)"));
  TERN_CHECKED(impl_->database->run(
      "DELETE FROM ticket_label WHERE NOT EXISTS (SELECT 1 FROM change WHERE ticket_id = ticket_label.ticket_id)"));
  TERN_CHECKED(transaction.commit());
  return removed;
}

}  // namespace tern::client
