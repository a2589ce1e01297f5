// When a change happened and what its author had seen, fixed once: fold.md "Trusted time".
#include <algorithm>

#include "batch.hpp"
#include "tern/protocol/mutant.hpp"

namespace tern::server {
namespace {

using sync::TimeFlag;

bool seen_is_of_this_epoch(const Batch& batch, const EpochId& epoch) {
  return epoch.is_zero() || epoch == batch.in.epoch;
}

EpochId epoch_of(const sync::Change& change, const SetWork& work) {
  return change.seen_epoch.is_zero() ? work.anchor_epoch : change.seen_epoch;
}

/// Above what the server holds: it is the server that is behind, and nothing can be judged. The first change that says
/// so; 0 also when the header does.
std::optional<std::size_t> ahead(const Batch& batch, const SetWork& work) {
  if (seen_is_of_this_epoch(batch, work.anchor_epoch) && work.judged.seen_seq > batch.committed_seq) return 0;
  const auto first = std::find_if(work.changes.begin(), work.changes.end(), [&](const sync::Change& change) {
    return seen_is_of_this_epoch(batch, epoch_of(change, work)) && change.seen_seq > batch.committed_seq;
  });
  if (first == work.changes.end()) return std::nullopt;
  return static_cast<std::size_t>(first - work.changes.begin());
}

EpochId newest_past_epoch(const Batch& batch) {
  const auto newest = std::max_element(batch.in.past_epochs.begin(), batch.in.past_epochs.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return newest == batch.in.past_epochs.end() ? EpochId{} : newest->first;
}

std::int64_t last_exchange_before(const DeviceNotes& notes, std::uint64_t chain_seq, const Hash& hash) {
  if (notes.declared_seq < chain_seq) return notes.declared_ms;
  // A head with a name that its set does not bear when it comes was not sealed yet when it was declared.
  const bool invented =
      notes.declared_seq == chain_seq && !notes.declared_hash.is_zero() && notes.declared_hash != hash;
  if (invented) return notes.declared_ms;
  if (notes.previous_declared_seq < chain_seq) return notes.previous_declared_ms;
  return 0;
}

/// The latest fact of its ticket, of another chain, that the author had seen.
Result<std::int64_t> latest_seen_fact(Batch& batch, const SetWork& work, const Entry& entry) {
  if (entry.ticket == nullptr) return 0;
  const Chain own{work.judged.device, work.judged.device_epoch};
  const std::uint64_t seen = entry.admission.seen_seq;
  if (seen >= entry.ticket->ledger.last_commit) return entry.ticket->ledger.latest.of_others(own);
  if (seen == 0) return 0;
  TERN_TRY(auto rows,
           batch.db().query(
               "SELECT top_ms, top_device, top_epoch, second_ms FROM change WHERE tenant_id = $1 AND ticket_id = $2 "
               "AND commit_seq <= $3 ORDER BY commit_seq DESC, idx DESC LIMIT 1",
               batch.number, entry.change->ticket, seen));
  TERN_TRY(const bool found, rows.step());
  if (!found) return 0;
  const LatestFacts latest{rows.int64(0), {rows.id<DeviceId>(1), rows.uint64(2)}, rows.int64(3)};
  return latest.of_others(own);
}

Result<void> judge_seen(Batch& batch, const SetWork& work, Entry& entry) {
  const sync::Change& change = *entry.change;
  const EpochId epoch = epoch_of(change, work);
  std::uint64_t seen = batch.normalise_seen(epoch, change.seen_seq);
  if (work.from_server) {
    // What is there now may be of this very set.
    seen = !change.seen_now          ? std::min(seen, batch.commit_seq)
           : entry.ticket != nullptr ? entry.ticket->state.version
                                     : batch.commit_seq;
  } else {
    seen = mutant(Mutant::seen_is_newest) ? batch.commit_seq : std::min(seen, work.sent_seq);
    if (!seen_is_of_this_epoch(batch, epoch)) {
      TERN_TRY(const std::uint64_t then, seen_then(batch, work, change.ticket, epoch, change.seen_seq));
      seen = std::max(seen, then);
    }
    if (seen != change.seen_seq) entry.admission.time_flags |= sync::time_flag_seen_cut;
  }
  entry.admission.seen_seq = seen;
  return {};
}

/// The server's own word: it acts now, or repeats what a source asserted.
Result<void> server_time(Batch& batch, const SetWork& work, Entry& entry) {
  sync::Admission& admission = entry.admission;
  admission.hi_ms = batch.commit_ms;
  if (entry.change->asserted_ms != 0) {
    admission.effective_ms = admission.lo_ms = entry.change->asserted_ms;
    admission.hi_ms = std::max(admission.hi_ms, admission.lo_ms);
    admission.time_flags |= sync::time_flag_asserted;
    return {};
  }
  TERN_TRY(const std::int64_t seen_fact, latest_seen_fact(batch, work, entry));
  admission.lo_ms = admission.effective_ms = batch.commit_ms;
  if (seen_fact >= admission.effective_ms) {
    admission.effective_ms = seen_fact + 1;
    admission.time_flags |= sync::time_flag_raised_seen;
  }
  return {};
}

}  // namespace

Result<std::optional<PushFault>> judge_set_time(Batch& batch, SetWork& work, const DeviceRow& device,
                                                const DeviceNotes& notes) {
  TERN_TRY(const auto anchor, batch.find_anchor(work.judged.anchor_hash));
  work.anchor_epoch = anchor ? anchor->epoch : EpochId{};
  // An anchor that a restore took away: what was seen under it is of the history that was given up.
  if (!anchor && !work.judged.anchor_hash.is_zero())
    work.anchor_epoch = work.proven.empty() ? newest_past_epoch(batch) : work.proven.front().epoch;
  if (const auto change = ahead(batch, work)) {
    return std::optional(PushFault{{ErrorCode::server_behind, "the device has seen more than this server holds",
                                    "the server was set back; nothing is lost, try again later", "seen"},
                                   0,
                                   0,
                                   {},
                                   *change});
  }
  work.sent_seq = std::min(notes.sent_seq, batch.committed_seq);
  const std::uint64_t seen = batch.normalise_seen(work.anchor_epoch, work.judged.seen_seq);
  work.cursor_seen = std::min(seen, work.sent_seq);
  sync::SetEvidence& evidence = work.evidence;
  if (anchor) evidence.anchor_ms = anchor->time_ms;
  TERN_TRY(evidence.seen_commit_ms, batch.commit_time(work.cursor_seen));
  // A set that was signed again stands in a new chain, whose declared heads say nothing of when it was first signed.
  evidence.last_exchange_ms = work.set->original ? 0 : last_exchange_before(notes, work.header.chain_seq, work.hash);
  evidence.previous_lo_ms = device.last_lo_ms;
  evidence.received_ms = batch.commit_ms;
  evidence.mono_ms = work.judged.mono_ms;
  return std::optional<PushFault>{};
}

Result<void> judge_time(Batch& batch, SetWork& work, Entry& entry, std::int64_t previous_effective_ms) {
  TERN_CHECKED(judge_seen(batch, work, entry));
  sync::Admission& admission = entry.admission;
  admission.commit_ms = batch.commit_ms;
  if (const ProvenChange* proven = proven_of(work, entry)) {  // it was fixed once, and stays what it was
    admission.commit_ms = proven->commit_ms;
    admission.effective_ms = proven->effective_ms;
    admission.lo_ms = proven->lo_ms;
    admission.hi_ms = proven->hi_ms;
    admission.time_flags |= proven->time_flags;
    return {};
  }
  if (batch.doubtful) admission.time_flags |= sync::time_flag_doubtful_clock;
  if (work.from_server) return server_time(batch, work, entry);

  sync::ChangeEvidence evidence;
  evidence.wall_ms = entry.change->wall_ms;
  evidence.before_ms = entry.change->before_ms;
  evidence.previous_effective_ms = previous_effective_ms;
  TERN_TRY(evidence.seen_commit_ms, batch.commit_time(admission.seen_seq));
  TERN_TRY(evidence.latest_seen_fact_ms, latest_seen_fact(batch, work, entry));
  const sync::TrustedTime time = sync::trusted_time(work.evidence, evidence);
  admission.effective_ms = time.effective_ms;
  admission.lo_ms = time.lo_ms;
  admission.hi_ms = time.hi_ms;
  admission.time_flags |= time.flags;
  return {};
}

}  // namespace tern::server
