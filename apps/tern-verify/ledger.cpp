#include "ledger.hpp"

#include <algorithm>
#include <set>

#include "tern/v1/change.pb.h"

namespace tern::verify {
namespace {

using sync::Outcome;

constexpr std::int64_t time_max = limits::instant_ms_max;

bool in_time(std::int64_t ms) {
  return ms >= 0 && ms <= time_max;
}

/// Commitments of changes that were erased as another set of the same device held them.
std::set<Hash> erased_again(ByteView wire, const Trust& trust) {
  std::set<Hash> again;
  const auto set = protocol::decode_change_set(wire);
  const auto header = set ? protocol::decode_header(set->header) : tl::unexpected(set.error());
  if (!header) return again;
  for (const protocol::SealedChange& sealed : set->changes) {
    v1::Skeleton skeleton;
    if (sealed.erased() && skeleton.ParseFromArray(sealed.skeleton.data(), static_cast<int>(sealed.skeleton.size())) &&
        trust.is_erased(protocol::ChangeName{header->device, ChangeId::or_zero(skeleton.id())}))
      again.insert(sealed.commitment());
  }
  return again;
}

}  // namespace

// ---- anchors ----

Result<void> Ledger::check_epoch_end() const {
  for (const EpochEnd& end : trust_.epoch_ends())
    if (end.kept_size == log_.size() && end.kept_root != log_.root())
      return wrong("the log at commit {} is not the one that was kept when epoch {} ended", log_.size(),
                   to_hex(end.old_epoch));
  return {};
}

Result<void> Ledger::take_anchor(const Json& line) {
  TERN_CHECKED(end_commit());
  TERN_TRY(const Bytes wire, bytes_of(line, "wire"));
  const auto opened = trust_.open_logged<protocol::Anchor>(
      wire, +[](const protocol::Anchor& anchor) { return anchor.tree_size; });
  if (!opened) return wrong_in("an anchor", opened.error());
  const protocol::Anchor& anchor = *opened;
  if (anchor.tenant != trust_.tenant()) return wrong("anchor {} is of another tenant", anchor.anchor_seq);
  if (!trust_.is_epoch(anchor.epoch)) return wrong("anchor {} is of an unknown epoch", anchor.anchor_seq);
  if (anchor.tree_size > log_.size())
    return wrong("anchor {} covers {} commits, but only {} stand before it: some are missing", anchor.anchor_seq,
                 anchor.tree_size, log_.size());
  if (anchor.tree_size < log_.size()) return wrong("anchor {} stands too late", anchor.anchor_seq);
  if (anchor.root != log_.root())
    return wrong("anchor {}: the log that was signed is another one; what differs is among the commits {} to {}",
                 anchor.anchor_seq, anchored_size_ + 1, log_.size());
  if (!in_time(anchor.time_ms)) return wrong("anchor {} is of no time", anchor.anchor_seq);
  anchored_size_ = log_.size();
  const auto before = newest_anchor_.find(anchor.epoch);
  const bool first = before == newest_anchor_.end();
  if (anchor.previous != (first ? Hash{} : before->second.second))
    return wrong("anchor {}: the one before it is missing", anchor.anchor_seq);
  if (!first && !protocol::judge_anchor(before->second.first, anchor))
    return wrong("anchor {} goes back", anchor.anchor_seq);
  const Hash hash = protocol::anchor_hash(wire);
  newest_anchor_[anchor.epoch] = {anchor, hash};
  anchors_[hash] = {anchor.epoch, anchor.time_ms, trust_.is_withdrawn(anchor.epoch, anchor.anchor_seq)};
  return {};
}

// ---- sets ----

Result<void> Ledger::take_set(const Json& line) {
  TERN_CHECKED(end_commit());
  if (auto taken = take_whole_set(line); !taken) return wrong("commit {}: {}", log_.size() + 1, taken.error().message);
  return check_epoch_end();
}

Result<void> Ledger::begin(const Json& line, Work& work) const {
  work.commit = log_.size() + 1;
  TERN_TRY(const std::uint64_t commit, number_of(line, "commit"));
  if (commit != work.commit) return wrong("it stands where commit {} was due", work.commit);
  if (commit > trust_.commits()) return wrong("the export says it has {} commits", trust_.commits());
  TERN_TRY(const Bytes wire, bytes_of(line, "wire"));
  const std::set<Hash> again = erased_again(wire, trust_);
  protocol::VerifyContext context = trust_.context();
  context.is_erased = [&](const DeviceId& device, const Hash& commitment) {
    return trust_.is_erased(device, commitment) || again.contains(commitment);
  };
  TERN_TRY(work.set, protocol::verify_wire(wire, context));
  TERN_TRY(const Bytes receipt_wire, bytes_of(line, "receipt"));
  const auto receipt = protocol::decode_receipt(receipt_wire);
  if (!receipt) return wrong_in("its receipt", receipt.error());
  const protocol::ChangeSetHeader& header = work.set.header;
  if (receipt->leaf.set_hash != work.set.hash || receipt->device_epoch != header.device_epoch ||
      receipt->chain_seq != header.chain_seq || receipt->leaf.commit_seq != commit ||
      receipt->leaf_index != log_.size())
    return wrong("its receipt is of another set");
  work.leaf = protocol::leaf_hash(receipt->leaf);
  work.time_ms = receipt->leaf.time_ms;
  if (!in_time(work.time_ms) || work.time_ms < commit_times_.back()) return wrong("server time went back");
  work.lo_ms = line["lo_ms"].as_integer(-1);
  if (work.lo_ms < 0 || work.lo_ms > work.time_ms) return wrong("its time window is none");
  if (!work.outcomes.ParseFromString(receipt->outcomes) ||
      static_cast<std::size_t>(work.outcomes.outcomes_size()) != work.set.set.changes.size())
    return wrong("its receipt cannot be read");
  work.sealed = work.set.key.purpose == protocol::KeyPurpose::sealing;
  TERN_CHECKED(read_old_receipts(line, work));
  return read_notes(line, work);
}

/// Each must prove something of this set that a restore took away.
Result<void> Ledger::read_old_receipts(const Json& line, Work& work) const {
  const protocol::ChangeSet& set = work.set.set;
  const Hash first = set.original ? protocol::set_hash(set.original->header) : work.set.hash;
  for (const Json& item : line["old_receipts"].items()) {
    TERN_TRY(const Bytes wire, bytes_of(item, "wire"));
    const auto list = trust_.open_receipts(wire, work.set.header.device);
    if (!list) return wrong_in("a receipt of an epoch that is over", list.error());
    const auto end = std::find_if(trust_.epoch_ends().begin(), trust_.epoch_ends().end(),
                                  [&](const EpochEnd& one) { return one.old_epoch == list->head.epoch; });
    const auto receipt = std::find_if(list->receipts.begin(), list->receipts.end(), [&](const protocol::Receipt& one) {
      return one.leaf.set_hash == first || one.leaf.set_hash == work.set.hash;
    });
    // A server that was restored from a backup older than an epoch has no record of its end.
    const bool over = list->head.epoch != trust_.epoch() && !trust_.epoch_ends().empty();
    const bool kept = end != trust_.epoch_ends().end() && receipt != list->receipts.end() &&
                      receipt->leaf.commit_seq <= end->kept_size;
    if (!over || kept || receipt == list->receipts.end() || receipt->leaf.time_ms > work.time_ms)
      return wrong("a receipt of an epoch that is over proves nothing of it");
    Proven proven{receipt->leaf.time_ms, receipt->leaf.commit_seq, {}};
    if (!proven.outcomes.ParseFromString(receipt->outcomes) ||
        static_cast<std::size_t>(proven.outcomes.outcomes_size()) != set.changes.size())
      return wrong("a receipt of an epoch that is over cannot be read");
    work.proven.push_back(std::move(proven));
  }
  std::ranges::sort(work.proven, {}, [](const Proven& one) { return std::pair(one.time_ms, one.commit); });
  return {};
}

Result<void> Ledger::read_notes(const Json& line, Work& work) const {
  for (const Json& said : line["notes"].items()) {
    TERN_TRY(const std::uint64_t index, number_of(said, "index"));
    Note note;
    note.dark = said["dark"].as_bool();
    note.reopen_ms = said["reopen_ms"].as_integer();
    note.released = said.find("released");
    if (index >= work.set.set.changes.size() || !in_time(note.reopen_ms)) return wrong("its notes fit no change");
    if (!work.notes.emplace(static_cast<std::uint32_t>(index), note).second)
      return wrong("change {} has two notes", index);
  }
  return {};
}

Result<void> Ledger::check_chain(Work& work) {
  const protocol::ChangeSetHeader& header = work.set.header;
  const KnownDevice* device = trust_.find_device(header.device);
  if (device == nullptr) return wrong("its device is unknown");  // verify found its key
  if (device->revoked_at && log_.size() >= *device->revoked_at)
    return wrong("device {} was revoked after commit {}", to_hex(header.device), *device->revoked_at);
  ChainEnd& end = chains_[header.device];
  if (header.device_epoch < end.device_epoch) return wrong("the chain of device {} went back", to_hex(header.device));
  if (header.device_epoch > end.device_epoch) end = {header.device_epoch, 0, {}, 0, 0};
  if (header.chain_seq != end.chain_seq + 1)
    return wrong("set {} of device {} where set {} was due: a gap", header.chain_seq, to_hex(header.device),
                 end.chain_seq + 1);
  const bool begins = end.chain_seq == 0;
  const auto genesis = device->genesis_of(header.device_epoch);
  if (begins && genesis && header.prev_hash != *genesis)
    return wrong("the chain of device {} does not begin at its certificate", to_hex(header.device));
  if (!begins && header.prev_hash != end.hash)
    return wrong("the chain of device {} is broken: the set before it is another one", to_hex(header.device));
  if (header.device_epoch > device->device_epoch)
    return wrong("device {} was never certified for its epoch {}", to_hex(header.device), header.device_epoch);
  end.chain_seq = header.chain_seq;
  end.hash = work.set.hash;
  work.chain = &end;
  return {};
}

Result<void> Ledger::take_whole_set(const Json& line) {
  Work work;
  TERN_CHECKED(begin(line, work));
  TERN_CHECKED(check_chain(work));
  const protocol::ChangeSetHeader& judged = work.set.judged();
  const auto anchor = anchors_.find(judged.anchor_hash);
  const bool proven = anchor != anchors_.end() && !anchor->second.withdrawn;
  const std::int64_t least = std::max(work.chain->lo_ms, proven ? anchor->second.time_ms : 0);
  if (!work.sealed && work.lo_ms < least) return wrong("its time window begins before it can have been made");
  altered_.clear();
  alterations_untellable_ = false;
  TicketId ticket_said;
  for (std::size_t i = 0; i < work.set.set.changes.size(); ++i)
    if (auto checked = check_change(work, i, ticket_said); !checked)
      return wrong("change {}: {}", i, checked.error().message);
  TERN_CHECKED(check_receipts(work));
  work.chain->lo_ms = work.lo_ms;
  if (!work.sealed) devices_.insert(judged.device);
  changes_ += work.set.set.changes.size();
  commit_times_.push_back(work.time_ms);
  log_.append(work.leaf);
  return {};
}

// ---- amendments ----

Result<void> Ledger::take_amendment(const Json& line) {
  TERN_TRY(const Bytes wire, bytes_of(line, "wire"));
  const auto opened = trust_.open_logged<protocol::Amendment>(
      wire, +[](const protocol::Amendment& amendment) { return amendment.commit_seq; });
  if (!opened) return wrong_in("an amendment", opened.error());
  if (opened->tenant != trust_.tenant() || opened->commit_seq != log_.size())
    return wrong("commit {}: the amendment is of commit {}", log_.size(), opened->commit_seq);
  const auto ticket = tickets_.find(opened->ticket);
  const bool untellable = ticket != tickets_.end() && ticket->second->description_erased();
  alterations_untellable_ = alterations_untellable_ || untellable;
  for (const protocol::AmendedChange& change : opened->changes) {
    const sync::ChangeRef ref{change.name.device, change.name.change};
    const auto due = altered_.find(ref);
    const bool agrees = due != altered_.end() && static_cast<std::uint8_t>(due->second.first) == change.before &&
                        static_cast<std::uint8_t>(due->second.second) == change.after;
    if (!agrees && !untellable)
      return wrong("commit {}: the amendment of change {} says what folding does not", log_.size(),
                   to_hex(change.name.change));
    if (const auto known = known_.find(ref); known != known_.end() && change.after <= 7)
      known->second.standing = static_cast<Outcome>(change.after);
    if (due != altered_.end()) altered_.erase(due);
  }
  return {};
}

Result<void> Ledger::end_commit() {
  for (const auto& [ref, change] : altered_) {
    if (const auto known = known_.find(ref); known != known_.end()) known->second.standing = change.second;
    if (change.first == change.second || alterations_untellable_) continue;
    return wrong("commit {}: it altered the standing of change {} from {} to {}, and no amendment tells", log_.size(),
                 to_hex(ref.id), sync::to_string(change.first), sync::to_string(change.second));
  }
  altered_.clear();
  alterations_untellable_ = false;
  return {};
}

Result<void> Ledger::finish() {
  TERN_CHECKED(end_commit());
  if (log_.size() != trust_.commits())
    return wrong("commit {} is missing: the export says it has {}", log_.size() + 1, trust_.commits());
  for (const EpochEnd& end : trust_.epoch_ends())
    if (end.kept_size > log_.size()) return wrong("an epoch ended at commit {}, which is missing", end.kept_size);
  return {};
}

}  // namespace tern::verify
