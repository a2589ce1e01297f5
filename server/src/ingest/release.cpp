// A supervisor lets something held take effect, at the time it was made. What was held because of it comes along.
#include <algorithm>

#include "batch.hpp"

namespace tern::server {
namespace {

using sync::ReasonCode;
using sync::Rule;
using Verdict = sync::Admission::Verdict;

bool names(const sync::Change& change, const ChangeId& id) {
  return std::find(change.after.begin(), change.after.end(), id) != change.after.end();
}

/// What the set has released already: the rows of the ledger say so only when the set is written.
bool released_before(const SetWork& work, const sync::ChangeRef& ref) {
  return std::any_of(work.entries.begin(), work.entries.end(), [&](const Entry& entry) {
    return std::any_of(entry.released.begin(), entry.released.end(),
                       [&](const ReleasedChange& released) { return released.ref == ref; });
  });
}

/// The held changes that wait for `first`, with it in front, in commit order.
std::vector<const LedgerChange*> with_dependents(const SetWork& work, const std::vector<LedgerChange>& ledger,
                                                 const sync::ChangeRef& first) {
  std::vector<const LedgerChange*> released;
  for (const LedgerChange& change : ledger) {
    if (change.standing != sync::Outcome::held || released_before(work, change.placed.change.ref)) continue;
    const sync::ChangeRef& ref = change.placed.change.ref;
    const bool waits =
        ref.device == first.device && std::any_of(released.begin(), released.end(), [&](const LedgerChange* parent) {
          return names(change.placed.change, parent->placed.change.ref.id);
        });
    // Whatever named a ticket that was not there is released with the create that makes it.
    const bool orphan = !released.empty() && released.front()->placed.change.intent == sync::Intent::create &&
                        change.placed.admission.reason == ReasonCode::parent_missing && ref.device == first.device;
    if (ref == first || waits || orphan) released.push_back(&change);
  }
  return released;
}

/// At its own place and time, but committed now: what is proven to have been admitted in a history that was given up
/// keeps the time of that commit, too.
sync::PlacedChange place_again(const Batch& batch, const SetWork& work, const LedgerChange& held, bool admitted_then) {
  sync::PlacedChange placed = held.placed;
  placed.admission.verdict = Verdict::admitted;
  placed.admission.reason = ReasonCode::none;
  if (!admitted_then) placed.admission.commit_ms = batch.commit_ms;
  const sync::Stamp& stamp = held.placed.stamp;
  placed.stamp =
      sync::make_stamp(placed.change, stamp.origin, work.commit_seq, placed.admission, stamp.author, stamp.author_kind);
  return placed;
}

/// Everything but rights that admission asks, as things are now: a change may have been held before most of it was
/// looked at.
Result<ReasonCode> judge_again(Batch& batch, const sync::PlacedChange& placed, WorkingTicket* ticket) {
  const sync::Change& change = placed.change;
  for (const sync::ChangeRef& target : change.targets)
    if (sync::is_about_message(change.intent)) {
      TERN_TRY(const auto message, find_message(batch, target));
      if (!message || message->ticket != change.ticket) return ReasonCode::parent_missing;
      if (message->message.kind == sync::MessageKind::on_site) return ReasonCode::invalid;
    }
  const ReasonCode against = judge_contents(batch, change, placed.stamp.author, placed.stamp.author_kind, ticket);
  if (against != ReasonCode::none) return against;
  return judge_other_ticket(batch, change);
}

Result<void> release_one(Batch& batch, SetWork& work, Entry& entry, const LedgerChange& held, ReasonCode& against) {
  TERN_TRY(const auto then, proven_in_ledger(batch, held.commit_seq, held.index));
  const ProvenChange* proven = then ? &*then : nullptr;
  sync::PlacedChange placed = place_again(batch, work, held, was_admitted(proven));
  const bool creates = placed.change.intent == sync::Intent::create;
  if (creates == (entry.ticket != nullptr)) return {};  // already there, or still nothing to act on
  TERN_TRY(const ReasonCode now, judge_again(batch, placed, entry.ticket));
  if (now != ReasonCode::none) {  // it stays held
    if (against == ReasonCode::none) against = now;
    return {};
  }
  TERN_CHECKED(give_message_id(batch, placed.change, proven, placed.admission));
  if (creates) {
    TERN_CHECKED(name_ticket(batch, placed.change, placed.admission, proven));
    entry.ticket = &batch.new_ticket(placed.change.ticket);
    entry.ticket->message_id = placed.admission.message_id;
  }
  const sync::IntentSpec* spec = sync::find_intent(placed.change.intent);
  if (spec != nullptr && spec->ruling == sync::Ruling::claim)
    TERN_CHECKED(
        settle_claim(batch, entry.ticket->state, placed.change, placed.stamp, proven, false, placed.admission));
  sync::judge_append(entry.ticket->state, placed.change, placed.stamp, placed.admission);
  TERN_TRY(const sync::Standing standing, fold_placed(batch, work, *entry.ticket, placed));
  const sync::Origin& origin = placed.stamp.origin;
  if (spec != nullptr && spec->ruling == sync::Ruling::fact)
    entry.ticket->ledger.latest.add({origin.device, origin.device_epoch}, placed.admission.effective_ms);
  note_altered(work, placed.change.ticket, {placed.change.ref, {held.standing, held.standing_rule, {}, {}}, standing},
               entry.change->ref);
  TERN_CHECKED(follow_claim(batch, work, placed));
  entry.released.push_back({placed.change.ref, std::move(placed.admission)});
  return {};
}

}  // namespace

Result<void> fold_release(Batch& batch, SetWork& work, Entry& entry) {
  const sync::ChangeRef& target = entry.change->targets.front();
  TERN_TRY(const std::vector<LedgerChange> ledger, read_ticket(batch.db(), batch.number, entry.change->ticket));
  const auto held = with_dependents(work, ledger, target);
  if (held.empty()) {
    const bool there = std::any_of(ledger.begin(), ledger.end(),
                                   [&](const LedgerChange& change) { return change.placed.change.ref == target; });
    if (there) {
      refuse(entry, Verdict::rejected, ReasonCode::exists, Rule::release);
    } else {
      refuse(entry, Verdict::held, ReasonCode::parent_missing, Rule::dependency);
    }
    return {};
  }
  ReasonCode against = ReasonCode::none;
  for (const LedgerChange* change : held) TERN_CHECKED(release_one(batch, work, entry, *change, against));
  if (entry.released.empty()) {
    const bool waits = against == ReasonCode::none || against == ReasonCode::parent_missing ||
                       against == ReasonCode::ticket_unknown || against == ReasonCode::cycle;
    if (waits) {
      refuse(entry, Verdict::held, ReasonCode::parent_missing, Rule::dependency);
    } else {
      refuse(entry, Verdict::rejected, against, Rule::admission);
    }
  } else {
    entry.standing = {sync::Outcome::applied, Rule::release, {}, {}};
  }
  return {};
}

}  // namespace tern::server
