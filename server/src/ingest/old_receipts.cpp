// What sets had been in a history that a restore gave up, proved by the receipts of then: protocol.md "A server that
// comes back older than its devices". A proof that does not hold proves nothing, and costs its set nothing.
#include <algorithm>
#include <set>
#include <utility>

#include "batch.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::server {
namespace {

using sync::Outcome;
using sync::ReasonCode;

/// The list, when a log key of this server signed it for this device and all of it agrees.
Result<protocol::VerifiedReceipts> open_list(const Tenant& tenant, const DeviceId& device,
                                             const protocol::ReceiptList& list) {
  TERN_TRY(const KeyId signer, protocol::signer_of(protocol::ReceiptListHead::tag, list.head));
  const TenantKeys& keys = tenant.keys();
  const protocol::ServerKey* key = keys.list.find(signer, protocol::ServerKeyPurpose::log);
  TERN_TRY(auto verified,
           protocol::verify_receipts(list, device, key == nullptr ? keys.log.public_key() : key->public_key));
  if (key != nullptr && !key->counts_at(verified.head.tree_size))
    return fail(ErrorCode::key_revoked, "the key that signed these receipts was revoked before", {}, "old_receipts");
  return verified;
}

ProvenChange read_change(const v1::ChangeOutcome& said, std::int64_t commit_ms) {
  ProvenChange change;
  change.commit_ms = commit_ms;
  change.standing = {static_cast<Outcome>(said.outcome()),
                     static_cast<sync::Rule>(said.rule()),
                     {DeviceId::or_zero(said.stands_device()), ChangeId::or_zero(said.stands_change())},
                     OperatorId::or_zero(said.stands_author())};
  change.reason = static_cast<ReasonCode>(said.reason());
  change.effective_ms = said.effective_ms();
  change.lo_ms = said.lo_ms();
  change.hi_ms = said.hi_ms();
  change.time_flags = said.time_flags();
  change.integer_id = said.integer_id();
  change.number = said.number();
  change.message_id = said.message_id();
  return change;
}

/// A change that was held under one epoch may have been admitted under the next, and held again where that was given
/// up: it counted once, and is confirmed.
void prefer(ProvenChange& first, ProvenChange later) {
  if (!was_admitted(&first) && was_admitted(&later)) first = std::move(later);
}

/// Nothing when the outcomes are not those of this set's changes.
std::optional<std::vector<ProvenChange>> read_changes(const ProvenCommit& commit,
                                                      std::span<const sync::Change> changes) {
  v1::SetOutcomes said;
  if (!said.ParseFromString(commit.outcomes) || static_cast<std::size_t>(said.outcomes_size()) != changes.size())
    return std::nullopt;
  std::vector<ProvenChange> out;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const v1::ChangeOutcome& one = said.outcomes(static_cast<int>(i));
    if (ChangeId::or_zero(one.change_id()) != changes[i].ref.id) return std::nullopt;
    out.push_back(read_change(one, commit.commit_ms));
  }
  return out;
}

/// How far the log of that epoch had come when this device was shown it, as far as it has proved: no `seen` in that
/// epoch counts beyond.
Result<std::uint64_t> shown_size(Batch& batch, const SetWork& work, const EpochId& epoch) {
  std::uint64_t shown = 0;
  if (work.proofs != nullptr)
    for (const auto& [hash, commit] : *work.proofs)
      if (commit.epoch == epoch) shown = std::max(shown, commit.log_size);
  TERN_TRY(const auto stored,
           batch.db().int64_of("SELECT max(o.shown_size) FROM old_receipt o JOIN change_set s ON s.tenant_id = "
                               "o.tenant_id AND s.commit_seq = o.commit_seq WHERE o.tenant_id = $1 AND o.epoch = $2 "
                               "AND s.device_id = $3",
                               batch.number, epoch, work.header.device));
  return std::max(shown, static_cast<std::uint64_t>(stored.value_or(0)));
}

/// The end of the ticket's commits above `base` that are this device's own or are known to have been, in that epoch,
/// not above `seen`: by their receipts, or because they were read out of a copy of then.
Result<std::uint64_t> unbroken_run(Batch& batch, const DeviceId& own, const TicketId& ticket, const EpochId& epoch,
                                   std::uint64_t base, std::uint64_t seen) {
  TERN_TRY(auto rows, batch.db().query(
                          "SELECT c.commit_seq, c.device_id, o.old_commit_seq, (SELECT max(h.old_seq) FROM handed_back "
                          "h WHERE h.tenant_id = c.tenant_id AND h.said_seq = c.commit_seq AND h.epoch = $3) FROM "
                          "change c LEFT JOIN old_receipt o ON "
                          "o.tenant_id = c.tenant_id AND o.commit_seq = c.commit_seq AND o.epoch = $3 "
                          "WHERE c.tenant_id = $1 AND c.ticket_id = $2 AND c.commit_seq > $4 ORDER BY c.commit_seq",
                          batch.number, ticket, epoch, base));
  std::uint64_t here = base;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return here;
    const bool proven = !rows.is_null(2) && rows.uint64(2) <= seen, said = !rows.is_null(3) && rows.uint64(3) <= seen;
    if (rows.id<DeviceId>(1) != own && !proven && !said) return here;
    here = rows.uint64(0);
  }
}

/// Of an epoch that is over, and given up: above what was kept of it. Where the record of its end is not here, because
/// this server was restored from a backup older than that epoch, the log key's word is all there is: what was kept is
/// in the ledger, and needs no proof.
bool is_lawful(const Batch& batch, const ProvenCommit& proof) {
  const auto kept = batch.kept_of(proof.epoch);
  if (!kept || proof.commit_ms > batch.commit_ms) return false;
  return proof.commit_seq > *kept || !batch.knows_past(proof.epoch);
}

// ---- what waited for what had not come back yet ----

struct Waiting {
  sync::ChangeRef ref;
  sync::Origin origin;
  std::int64_t then_ms = 0;  // of the commit that admitted it
  std::vector<sync::ChangeRef> parents;
};

struct WaitingHere {
  std::vector<Waiting> admitted_then;  // in their order of then
  std::set<sync::ChangeRef> named;     // by what is held: whoever is named is released with others
};

Result<std::optional<Outcome>> standing_of(Batch& batch, const sync::ChangeRef& ref) {
  TERN_TRY(const auto standing, batch.db().int64_of("SELECT standing FROM change WHERE tenant_id = $1 AND device_id = "
                                                    "$2 AND change_id = $3",
                                                    batch.number, ref.device, ref.id));
  return standing ? std::optional(static_cast<Outcome>(*standing)) : std::nullopt;
}

Result<bool> all_stand(Batch& batch, const std::vector<sync::ChangeRef>& parents) {
  for (const sync::ChangeRef& parent : parents) {
    TERN_TRY(const auto standing, standing_of(batch, parent));
    if (!standing || *standing == Outcome::held || *standing == Outcome::rejected) return false;
  }
  return true;
}

/// It was sent again with proof that it had been admitted: what had only waited then had no turn.
Result<bool> has_come_back(Batch& batch, const sync::ChangeRef& ref) {
  TERN_TRY(auto rows, batch.db().query("SELECT commit_seq, idx FROM change WHERE tenant_id = $1 AND device_id = $2 AND "
                                       "change_id = $3",
                                       batch.number, ref.device, ref.id));
  TERN_TRY(const bool found, rows.step());
  if (!found) return false;
  TERN_TRY(const auto then, proven_in_ledger(batch, rows.uint64(0), static_cast<std::uint32_t>(rows.int64(1))));
  return then && was_admitted(&*then);
}

Result<WaitingHere> waiting_on(Batch& batch, const TicketId& ticket, std::uint64_t kept_seq) {
  std::vector<std::uint64_t> commits;
  TERN_TRY(auto rows, batch.db().query("SELECT DISTINCT commit_seq FROM change WHERE tenant_id = $1 AND ticket_id = $2 "
                                       "AND standing = $3 AND commit_seq > $4 ORDER BY commit_seq",
                                       batch.number, ticket, Outcome::held, kept_seq));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    commits.push_back(rows.uint64(0));
  }
  WaitingHere waiting;
  for (const std::uint64_t commit : commits) {
    TERN_TRY(const auto changes, read_commit(batch.db(), batch.number, commit));
    for (const LedgerChange& held : changes) {
      const sync::Change& change = held.placed.change;
      const ReasonCode why = held.placed.admission.reason;
      const bool waits = change.ticket == ticket && held.standing == Outcome::held &&
                         (why == ReasonCode::parent_missing || why == ReasonCode::parent_held);
      if (!waits) continue;
      Waiting one{change.ref, held.placed.stamp.origin, 0, change.targets};
      for (const ChangeId& id : change.after) one.parents.push_back({change.ref.device, id});
      waiting.named.insert(one.parents.begin(), one.parents.end());
      if (change.intent == sync::Intent::create) waiting.named.insert(one.ref);  // its device's all come with it
      TERN_TRY(const auto then, proven_in_ledger(batch, commit, held.index));
      if (!then || !was_admitted(&*then)) continue;
      one.then_ms = then->commit_ms;
      waiting.admitted_then.push_back(std::move(one));
    }
  }
  std::ranges::stable_sort(waiting.admitted_then, {}, &Waiting::then_ms);
  return waiting;
}

/// Releases, in as few commits as their order allows: the changes of one commit fold in the order of their chains,
/// whatever the order of its releases.
class Releases {
public:
  explicit Releases(Batch& batch) : batch_(batch) {}

  Result<void> add(const TicketId& ticket, const WaitingHere& waiting) {
    newest_.reset();
    for (const Waiting& one : waiting.admitted_then) {
      const bool in_order = !newest_ || *newest_ < one.origin;
      const bool waits_for_these =
          std::ranges::any_of(one.parents, [&](const sync::ChangeRef& parent) { return pending_.contains(parent); });
      if (!in_order || waits_for_these) TERN_CHECKED(commit());
      TERN_TRY(const bool ready, all_stand(batch_, one.parents));
      TERN_TRY(const auto standing, standing_of(batch_, one.ref));
      if (!ready || standing != Outcome::held) continue;  // it waits on, or came along with what it waited for
      ServerChange release;
      release.change.intent = sync::Intent::release;
      release.change.ticket = ticket;
      release.change.targets = {one.ref};
      changes_.push_back(std::move(release));
      pending_.insert(one.ref);
      newest_ = one.origin;
      if (waiting.named.contains(one.ref)) TERN_CHECKED(commit());  // others come along, of later places in its chain
    }
    return {};
  }

  Result<void> commit() {
    newest_.reset();
    pending_.clear();
    if (changes_.empty()) return {};
    return server_set(batch_, std::exchange(changes_, {})).map([](const ServerCommit&) {});
  }

private:
  Batch& batch_;
  std::vector<ServerChange> changes_;
  std::set<sync::ChangeRef> pending_;   // what they release
  std::optional<sync::Origin> newest_;  // of those of the ticket in hand
};

/// What one old list says of a change: a row of (list, commit time then, hash of the set here, its first header).
Result<std::optional<ProvenChange>> change_in(const sqlite::Statement& row, std::uint32_t index) {
  TERN_TRY(const protocol::ReceiptList list, protocol::decode_receipt_list(row.blob(0)));
  const Hash hash = row.id<Hash>(2);
  const Hash first =
      row.is_null(3) ? hash : protocol::set_hash(row.blob(3).substr(0, protocol::change_set_header_bytes));
  for (const Bytes& wire : list.receipts) {
    TERN_TRY(const protocol::Receipt receipt, protocol::decode_receipt(wire));
    v1::SetOutcomes said;
    const bool mine = receipt.leaf.set_hash == hash || receipt.leaf.set_hash == first;
    if (!mine || !said.ParseFromString(receipt.outcomes) || index >= static_cast<std::uint32_t>(said.outcomes_size()))
      continue;
    return std::optional(read_change(said.outcomes(static_cast<int>(index)), row.int64(1)));
  }
  return std::optional<ProvenChange>{};
}

}  // namespace

void verify_old_receipts(const Tenant& tenant, VerifiedPush& push) {
  for (const Bytes& wire : push.push.old_receipts) {
    const auto list = protocol::decode_receipt_list(wire);
    if (!list) continue;
    const auto verified = open_list(tenant, push.push.device, *list);
    if (!verified) continue;
    const protocol::ReceiptListHead& head = verified->head;
    for (const protocol::Receipt& receipt : verified->receipts) {
      const protocol::LogLeaf& leaf = receipt.leaf;
      if (leaf.commit_seq != receipt.leaf_index + 1) continue;
      push.proven.emplace(leaf.set_hash, ProvenCommit{head.epoch, leaf.commit_seq, leaf.time_ms, receipt.outcomes,
                                                      push.old_lists.size(), head.tree_size});
    }
    push.old_lists.push_back({head.list_hash, wire});
  }
}

void take_proof(const Batch& batch, const VerifiedPush& push, const protocol::VerifiedSet& set, SetWork& work) {
  work.proofs = &push.proven;
  work.old_lists = &push.old_lists;
  const Hash first = set.set.original ? protocol::set_hash(set.set.original->header) : set.hash;
  for (const Hash& hash : std::set<Hash>{first, set.hash}) {
    const auto [begin, end] = push.proven.equal_range(hash);
    for (auto proof = begin; proof != end; ++proof) {
      const bool known = std::any_of(work.proven.begin(), work.proven.end(),
                                     [&](const ProvenCommit& other) { return other.epoch == proof->second.epoch; });
      if (!known && is_lawful(batch, proof->second) && read_changes(proof->second, work.changes))
        work.proven.push_back(proof->second);
    }
  }
  if (work.proven.empty()) return;
  std::sort(work.proven.begin(), work.proven.end(), [](const ProvenCommit& a, const ProvenCommit& b) {
    return std::tie(a.commit_ms, a.commit_seq) < std::tie(b.commit_ms, b.commit_seq);
  });
  for (const ProvenCommit& commit : work.proven) {
    auto said = std::move(*read_changes(commit, work.changes));
    if (work.proven_changes.empty()) {
      work.proven_changes = std::move(said);
      continue;
    }
    for (std::size_t i = 0; i < said.size(); ++i) prefer(work.proven_changes[i], std::move(said[i]));
  }
}

const ProvenChange* proven_of(const SetWork& work, const Entry& entry) {
  const auto index = static_cast<std::size_t>(&entry - work.entries.data());
  return index < work.proven_changes.size() ? &work.proven_changes[index] : nullptr;
}

bool was_admitted(const ProvenChange* proven) {
  return proven != nullptr && proven->standing.outcome != Outcome::held &&
         proven->standing.outcome != Outcome::rejected;
}

Result<std::optional<ProvenChange>> proven_in_ledger(Batch& batch, std::uint64_t commit_seq, std::uint32_t index) {
  std::optional<ProvenChange> proven;
  if (batch.in.past_epochs.empty()) return proven;
  TERN_TRY(auto rows,
           batch.db().query("SELECT l.wire, o.old_commit_ms, s.set_hash, s.original FROM old_receipt o JOIN "
                            "old_receipt_list l ON l.tenant_id = o.tenant_id AND l.list_hash = o.list_hash JOIN "
                            "change_set s ON s.tenant_id = o.tenant_id AND s.commit_seq = o.commit_seq WHERE "
                            "o.tenant_id = $1 AND o.commit_seq = $2 ORDER BY o.old_commit_ms, o.old_commit_seq",
                            batch.number, commit_seq));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return proven;
    TERN_TRY(auto then, change_in(rows, index));
    if (!then) continue;
    if (proven) {
      prefer(*proven, std::move(*then));
    } else {
      proven = std::move(then);
    }
  }
}

Result<void> settle_claim(Batch& batch, const sync::TicketState& state, const sync::Change& change,
                          const sync::Stamp& stamp, const ProvenChange* proven, bool previous_may_be_dark,
                          sync::Admission& admission) {
  if (!was_admitted(proven)) {
    sync::judge_claim(state, change, stamp, previous_may_be_dark, admission);
    return {};
  }
  bool storage_failed = false;
  const auto came_back = [&](const sync::ChangeRef& ref) {
    const auto found = has_come_back(batch, ref);
    storage_failed = storage_failed || !found;
    return found.value_or(false);
  };
  sync::judge_claim_again(state, change, stamp, proven->standing, came_back, previous_may_be_dark, admission);
  if (storage_failed) return fail(ErrorCode::storage_failed, "the ledger cannot be read");
  return {};
}

Result<std::uint64_t> seen_then(Batch& batch, const SetWork& work, const TicketId& ticket, const EpochId& epoch,
                                std::uint64_t seq) {
  const std::uint64_t base = batch.normalise_seen(epoch, seq);
  const auto kept = batch.kept_of(epoch);
  if (!kept || seq <= *kept || ticket.is_zero()) return base;
  TERN_TRY(const std::uint64_t shown, shown_size(batch, work, epoch));
  const std::uint64_t seen = std::min(seq, shown);
  if (seen <= *kept) return base;
  return unbroken_run(batch, work.header.device, ticket, epoch, base, seen);
}

Result<std::uint64_t> seen_in_given_up(Batch& batch, const TicketId& ticket, const EpochId& epoch, std::uint64_t seq) {
  return unbroken_run(batch, DeviceId{}, ticket, epoch, batch.normalise_seen(epoch, seq), seq);
}

Result<void> write_proof(Batch& batch, const SetWork& work) {
  for (const ProvenCommit& commit : work.proven) {
    const OldList& list = (*work.old_lists)[commit.list];
    TERN_CHECKED(
        batch.db().run("INSERT INTO old_receipt_list (tenant_id, list_hash, wire) VALUES ($1, $2, $3) "
                       "ON CONFLICT (tenant_id, list_hash) DO NOTHING",
                       batch.number, list.hash, sqlite::Blob{list.wire}));
    TERN_CHECKED(batch.db().run(
        "INSERT INTO old_receipt (tenant_id, commit_seq, epoch, old_commit_seq, old_commit_ms, "
        "shown_size, list_hash) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        batch.number, work.commit_seq, commit.epoch, commit.commit_seq, commit.commit_ms, commit.log_size, list.hash));
  }
  return {};
}

Result<void> release_what_waited(Batch& batch, const SetWork& work) {
  std::set<TicketId> tickets;
  for (const Entry& entry : work.entries)
    if (entry.ticket != nullptr && !entry.again) tickets.insert(entry.change->ticket);
  return release_what_waited(batch, tickets);
}

Result<void> release_what_waited(Batch& batch, const std::set<TicketId>& tickets) {
  if (batch.in.past_epochs.empty()) return {};
  // Of the first restore: what it left waiting may wait still when another one comes.
  std::uint64_t kept = UINT64_MAX;
  for (const auto& [epoch, size] : batch.in.past_epochs) kept = std::min(kept, size);
  TERN_TRY(const auto held, newest_held_above(batch.db(), batch.number, kept));
  if (!held) return {};
  Releases releases(batch);
  for (const TicketId& ticket : tickets) {
    TERN_TRY(const WaitingHere waiting, waiting_on(batch, ticket, kept));
    TERN_CHECKED(releases.add(ticket, waiting));
  }
  return releases.commit();
}

}  // namespace tern::server
