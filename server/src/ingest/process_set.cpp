// One set through the write path: again or new, seen and time, admission, fold, rows.
#include <algorithm>

#include "batch.hpp"
#include "tern/protocol/mutant.hpp"
#include "tern/sync/draft_content.hpp"

namespace tern::server {
namespace {

/// What the ledger holds of a change id already.
struct First {
  sync::Admission admission;
  sync::Standing outcome;
  OperatorId author;
  sync::PrincipalKind author_kind = sync::PrincipalKind::operator_;
};

Hash commitment_of_row(const sqlite::Statement& row) {
  if (!row.is_null(2)) return Hash::or_zero(row.blob(2));
  return protocol::body_commitment(row.id<Salt>(1), row.blob(3));
}

/// Of one draft, however often it was sealed.
bool says_the_same(ByteView skeleton, const Hash& body_commitment, const protocol::SealedChange& other) {
  return body_commitment == other.body_commitment() &&
         sync::skeleton_as_saved(skeleton) == sync::skeleton_as_saved(other.skeleton);
}

void take_first(Entry& entry, const First& first) {
  entry.admission = first.admission;
  entry.author = first.author;
  entry.author_kind = first.author_kind;
  entry.standing = {first.outcome.outcome, sync::Rule::duplicate, entry.change->ref, first.author};
}

void hold_other_content(Entry& entry) {
  refuse(entry, sync::Admission::Verdict::held, sync::ReasonCode::duplicate_content, sync::Rule::duplicate);
}

/// An id that stands twice in one set.
void judge_twice_in_set(Entry& entry, const Entry& earlier) {
  entry.again = true;
  entry.same_content = says_the_same(earlier.sealed->skeleton, earlier.sealed->body_commitment(), *entry.sealed);
  if (!entry.same_content) return hold_other_content(entry);
  take_first(entry, {earlier.admission, earlier.standing, earlier.author, earlier.author_kind});
}

/// A change whose id the ledger holds has no effect: with the same content it gets the outcome of the first, with other
/// content it is held.
Result<void> judge_again(Batch& batch, SetWork& work, Entry& entry) {
  const sync::ChangeRef& ref = entry.change->ref;
  if (const auto twice = work.by_id.find(ref.id); twice != work.by_id.end()) {
    judge_twice_in_set(entry, work.entries[twice->second]);
    return {};
  }
  TERN_TRY(auto rows,
           batch.db().query(
               "SELECT skeleton, salt, body_commitment, body, admission, outcome, author, author_kind FROM change "
               "WHERE tenant_id = $1 AND device_id = $2 AND change_id = $3",
               batch.number, ref.device, ref.id));
  TERN_TRY(const bool found, rows.step());
  if (!found || mutant(Mutant::duplicate_applied_again)) return {};
  entry.again = true;
  entry.same_content = says_the_same(rows.blob(0), commitment_of_row(rows), *entry.sealed);
  if (!entry.same_content) {
    hold_other_content(entry);
    return {};
  }
  TERN_TRY(StoredAdmission stored, decode_admission(rows.blob(4)));
  take_first(entry, {std::move(stored.admission),
                     {static_cast<sync::Outcome>(rows.int64(5)), {}, {}, {}},
                     rows.id<OperatorId>(6),
                     static_cast<sync::PrincipalKind>(rows.int64(7))});
  return {};
}

/// Who speaks: the operator of the key, or whom the server sealed it for.
void name_author(const SetWork& work, std::size_t index, Entry& entry) {
  entry.author = work.judged.author;
  entry.acting = work.judged.author;
  if (!work.from_server) return;
  const sync::Change& change = *entry.change;
  entry.acting = index < work.acting.size() ? work.acting[index] : OperatorId{};
  entry.author = OperatorId::or_zero(change.principal_id);
  entry.author_kind = change.principal_kind;
  if (entry.author_kind == sync::PrincipalKind::unspecified) entry.author_kind = sync::PrincipalKind::server;
}

void place(const SetWork& work, std::size_t index, Entry& entry) {
  const sync::Origin origin{work.judged.device, work.judged.device_epoch, work.judged.chain_seq,
                            static_cast<std::uint32_t>(index)};
  entry.stamp =
      sync::make_stamp(*entry.change, origin, work.commit_seq, entry.admission, entry.author, entry.author_kind);
}

bool folds_as_fact(const sync::Change& change) {
  const sync::IntentSpec* spec = sync::find_intent(change.intent);
  return spec != nullptr && spec->ruling == sync::Ruling::fact;
}

bool sets_priority(const sync::Change& change) {
  return change.intent == sync::Intent::set && change.fields.size() == 1 &&
         change.fields.front().field == sync::FieldId::priority;
}

/// A copy may show it: of a history that a restore gave up, in which it took effect. Its holders get the ticket whole.
Result<void> show_refused(Batch& batch, const SetWork& work, const Entry& entry) {
  const bool refused = entry.admission.verdict == sync::Admission::Verdict::rejected;
  if (!refused || entry.ticket == nullptr || batch.in.past_epochs.empty()) return {};
  return note_ticket_again(batch, entry.change->ticket, work.commit_seq);
}

Result<void> process_change(Batch& batch, SetWork& work, std::size_t index, DeviceRow& device) {
  Entry& entry = work.entries[index];
  entry.change = &work.changes[index];
  entry.sealed = &work.set->changes[index];
  name_author(work, index, entry);
  TERN_CHECKED(judge_again(batch, work, entry));
  if (entry.again) return {};
  work.by_id.emplace(entry.change->ref.id, index);
  if (!entry.change->ticket.is_zero()) {
    TERN_TRY(entry.ticket, batch.ticket(entry.change->ticket));
  }
  if (entry.ticket != nullptr && sets_priority(*entry.change))
    entry.priority_before = sync::priority_of(entry.ticket->state);
  TERN_CHECKED(judge_time(batch, work, entry, device.last_effective_ms));
  if (entry.change->asserted_ms == 0)
    device.last_effective_ms = std::max(device.last_effective_ms, entry.admission.effective_ms);
  TERN_CHECKED(admit(batch, work, entry));
  place(work, index, entry);
  if (entry.admission.verdict == sync::Admission::Verdict::admitted) {
    if (entry.ticket != nullptr) sync::judge_append(entry.ticket->state, *entry.change, entry.stamp, entry.admission);
    TERN_CHECKED(fold_entry(batch, work, entry));
  }

  if (entry.ticket == nullptr) return {};
  TERN_CHECKED(show_refused(batch, work, entry));
  WorkingTicket& ticket = *entry.ticket;
  ++ticket.ledger.change_count;
  ticket.ledger.last_commit = work.commit_seq;
  ticket.dirty = true;
  const bool folded =
      entry.admission.verdict == sync::Admission::Verdict::admitted && entry.change->intent != sync::Intent::release;
  if (folded && folds_as_fact(*entry.change))
    ticket.ledger.latest.add({work.judged.device, work.judged.device_epoch}, entry.admission.effective_ms);
  entry.latest = ticket.ledger.latest;
  return {};
}

}  // namespace

Result<std::optional<PushFault>> process_set(Batch& batch, SetWork& work, DeviceRow& device) {
  work.commit_seq = batch.commit_seq + 1;
  work.entries.resize(work.changes.size());
  work.by_id.reserve(work.changes.size());
  batch.wrote = true;
  for (std::size_t i = 0; i < work.changes.size(); ++i) TERN_CHECKED(process_change(batch, work, i, device));
  batch.commit_seq = work.commit_seq + (mutant(Mutant::commit_number_skipped) && work.commit_seq % 16 == 0 ? 1 : 0);
  device.chain = {work.header.device_epoch, work.header.chain_seq, work.hash};
  const sync::SetEvidence& evidence = work.evidence;
  device.last_lo_ms = std::max(
      {evidence.previous_lo_ms, evidence.anchor_ms.value_or(0), evidence.seen_commit_ms, evidence.last_exchange_ms});
  work.lo_ms = device.last_lo_ms;
  return std::optional<PushFault>{};
}

}  // namespace tern::server
