// One change of a set: what its receipt says of it, when it happened, what became of it.
#include <algorithm>

#include "ledger.hpp"
#include "tern/sync/draft_content.hpp"
#include "tern/sync/trusted_time.hpp"
#include "tern/v1/change.pb.h"

namespace tern::verify {
namespace {

using sync::Intent;
using sync::Outcome;
using sync::ReasonCode;
using sync::Rule;
using Verdict = sync::Admission::Verdict;

constexpr std::int64_t receipt_time_max =
    2 * limits::instant_ms_max;  // what raises a time may pass the end of a window

bool is_fact(const sync::Change& change) {
  const sync::IntentSpec* spec = sync::find_intent(change.intent);
  return spec != nullptr && spec->ruling == sync::Ruling::fact;
}

/// Names of a change whose values broke a rule when it came: it was rejected, and says nothing else.
std::optional<sync::Change> names_of(const protocol::SealedChange& sealed, const DeviceId& device) {
  v1::Skeleton skeleton;
  if (!skeleton.ParseFromArray(sealed.skeleton.data(), static_cast<int>(sealed.skeleton.size()))) return std::nullopt;
  sync::Change change;
  change.ref = {device, ChangeId::or_zero(skeleton.id())};
  change.ticket = TicketId::or_zero(skeleton.ticket_id());
  change.wall_ms = skeleton.wall_ms();
  change.before_ms = skeleton.before_ms();
  change.body_erased = sealed.erased();
  return change;
}

/// What a change says, whenever it was sealed.
Hash content_of(const protocol::SealedChange& sealed) {
  return protocol::change_commitment(sealed.body_commitment(), sync::skeleton_as_saved(sealed.skeleton));
}

sync::Standing standing_said(const v1::ChangeOutcome& said) {
  return {static_cast<Outcome>(said.outcome()),
          static_cast<Rule>(said.rule()),
          {DeviceId::or_zero(said.stands_device()), ChangeId::or_zero(said.stands_change())},
          OperatorId::or_zero(said.stands_author())};
}

std::string words(const sync::Standing& standing) {
  return fmt::format("{} ({})", sync::to_string(standing.outcome), sync::to_string(standing.rule));
}

/// A receipt names the author of what stands only together with what stands.
bool agree(const sync::Standing& said, sync::Standing due) {
  if (due.stands.none()) due.stands_author = {};
  return said == due;
}

}  // namespace

// ---- one change ----

Result<Ledger::Entry> Ledger::read_change(const Work& work, std::size_t index, TicketId& ticket_said) const {
  const protocol::SealedChange& sealed = work.set.set.changes[index];
  const DeviceId& device = work.set.header.device;
  Entry entry;
  entry.said = &work.outcomes.outcomes(static_cast<int>(index));
  const v1::ChangeOutcome& said = *entry.said;
  if (said.outcome() < 1 || said.outcome() > static_cast<std::uint32_t>(Outcome::rejected) ||
      said.rule() > static_cast<std::uint32_t>(Rule::release) ||
      said.reason() > static_cast<std::uint32_t>(ReasonCode::ticket_full))
    return wrong("its receipt says what this version does not know");
  const bool rejected = said.outcome() == static_cast<std::uint32_t>(Outcome::rejected);
  if (!sealed.erased() && trust_.is_erased(device, work.set.commitments[index]))
    return wrong("it is erased, but its content is there");
  const std::optional<ByteView> body = sealed.erased() ? std::nullopt : std::optional<ByteView>(sealed.body);
  auto change = sync::parse_change(sealed.skeleton, body, device);
  if (!change) {
    auto named = names_of(sealed, device);
    if (!rejected || !named) return wrong_in("it cannot be read", change.error());
    change = std::move(*named);
    entry.readable = false;
  }
  // A content that broke a rule is gone with its erasure: what is left may look whole.
  if (rejected && sealed.erased()) entry.readable = false;
  entry.placed.change = std::move(*change);
  if (ChangeId::or_zero(said.change_id()) != entry.placed.change.ref.id)
    return wrong("the receipt is of another change");
  if (!said.ticket_id().empty()) ticket_said = TicketId::or_zero(said.ticket_id());
  if (ticket_said != entry.placed.change.ticket) return wrong("the receipt names another ticket");
  entry.then = then_of(work, index);
  if (const auto note = work.notes.find(static_cast<std::uint32_t>(index)); note != work.notes.end())
    entry.note = note->second;
  return entry;
}

/// A change whose id was there already has no effect. True: this is one.
Result<bool> Ledger::judge_again(Work& work, const Entry& entry, std::size_t index) {
  const sync::ChangeRef& ref = entry.placed.change.ref;
  const auto known = known_.find(ref);
  if (known == known_.end()) return false;
  const bool same = known->second.content == content_of(work.set.set.changes[index]);
  const auto mine = work.mine.find(ref.id);
  const Outcome first = mine == work.mine.end() ? known->second.outcome : work.due[mine->second].outcome;
  sync::Standing due = standing_said(*entry.said);
  due.outcome = same ? first : Outcome::held;
  due.rule = Rule::duplicate;
  work.due.push_back(due);
  work.judged.push_back(true);
  return true;
}

Result<void> Ledger::read_admission(const Work& work, Entry& entry) const {
  const v1::ChangeOutcome& said = *entry.said;
  const sync::Change& change = entry.placed.change;
  sync::Admission& admission = entry.placed.admission;
  const auto outcome = static_cast<Outcome>(said.outcome());
  admission.verdict = outcome == Outcome::held       ? Verdict::held
                      : outcome == Outcome::rejected ? Verdict::rejected
                                                     : Verdict::admitted;
  admission.reason = static_cast<ReasonCode>(said.reason());
  if ((admission.verdict == Verdict::admitted) != (admission.reason == ReasonCode::none))
    return wrong("the receipt gives {} reason", admission.reason == ReasonCode::none ? "no" : "a");
  // Servers of before withheld nothing, and said so.
  admission.unseen_customer = said.rule() != static_cast<std::uint32_t>(Rule::append);
  admission.seen_seq = said.seen_seq();
  admission.effective_ms = said.effective_ms();
  admission.lo_ms = said.lo_ms();
  admission.hi_ms = said.hi_ms();
  admission.time_flags = said.time_flags();
  // A claim that only waited then met nobody: it is one of now.
  const sync::IntentSpec* spec = sync::find_intent(change.intent);
  const bool claims_now = entry.then && !entry.then->admitted() && admission.verdict == Verdict::admitted &&
                          spec != nullptr && spec->ruling == sync::Ruling::claim;
  admission.commit_ms = entry.then && !claims_now ? entry.then->time_ms : work.time_ms;
  admission.author_has_device = entry.note.dark;
  admission.reopen_window_ms = entry.note.reopen_ms;
  admission.integer_id = said.integer_id();
  admission.number = said.number();
  const protocol::ChangeSetHeader& judged = work.set.judged();
  OperatorId author = judged.author;
  sync::PrincipalKind kind = sync::PrincipalKind::operator_;
  if (work.sealed) {
    author = OperatorId::or_zero(change.principal_id);
    kind = change.principal_kind;
    if (kind == sync::PrincipalKind::unspecified) kind = sync::PrincipalKind::server;
  } else if (sync::server_only(change) && admission.verdict == Verdict::admitted) {
    return wrong("a device says what only the server may");
  }
  const auto index = static_cast<std::uint32_t>(work.due.size());
  entry.placed.stamp = sync::make_stamp(change, {judged.device, judged.device_epoch, judged.chain_seq, index},
                                        work.commit, admission, author, kind);
  return {};
}

// ---- when it happened ----

Result<void> Ledger::check_time(const Work& work, const Entry& entry) const {
  const sync::Admission& admission = entry.placed.admission;
  const std::uint64_t seen_max = work.sealed ? work.commit : work.commit - 1;
  if (admission.seen_seq > seen_max) return wrong("it is said to have seen commit {}", admission.seen_seq);
  for (const std::int64_t ms : {admission.effective_ms, admission.lo_ms, admission.hi_ms})
    if (ms < 0 || ms > receipt_time_max) return wrong("the receipt tells no time");
  if (!entry.readable) return {};
  return work.sealed ? check_server_time(work, entry) : check_device_time(work, entry);
}

Result<void> Ledger::check_device_time(const Work& work, const Entry& entry) const {
  const sync::Admission& admission = entry.placed.admission;
  const sync::Change& change = entry.placed.change;
  const protocol::ChangeSetHeader& judged = work.set.judged();
  const auto anchor = anchors_.find(judged.anchor_hash);
  const EpochId anchor_epoch = anchor == anchors_.end() ? EpochId{} : anchor->second.epoch;
  const EpochId& seen_epoch = change.seen_epoch.is_zero() ? anchor_epoch : change.seen_epoch;
  // What was seen in an epoch that is over has other numbers now.
  const bool same_numbers = seen_epoch == trust_.epoch() || trust_.epoch_ends().empty();
  if (same_numbers && admission.seen_seq > change.seen_seq)
    return wrong("it is said to have seen more than its author says");
  if (entry.then) {
    const v1::ChangeOutcome& then = *entry.then->said;
    const bool same = then.change_id() == entry.said->change_id() && then.effective_ms() == admission.effective_ms &&
                      then.lo_ms() == admission.lo_ms && then.hi_ms() == admission.hi_ms;
    if (!same) return wrong("the receipt tells another time than the one it had before the restore");
    return {};
  }
  sync::SetEvidence set;
  if (anchor != anchors_.end()) {
    const bool unknown = (admission.time_flags & sync::time_flag_anchor_unknown) != 0;
    if (!anchor->second.withdrawn || !unknown) set.anchor_ms = anchor->second.time_ms;
  }
  // Exchanges are not in the ledger: what they prove is in the bound that was written with the set.
  set.last_exchange_ms = work.lo_ms;
  set.previous_lo_ms = work.chain->lo_ms;
  set.received_ms = work.time_ms;
  set.mono_ms = judged.mono_ms;
  sync::ChangeEvidence evidence;
  evidence.wall_ms = change.wall_ms;
  evidence.before_ms = change.before_ms;
  evidence.previous_effective_ms = work.chain->effective_ms;
  evidence.seen_commit_ms = commit_times_[admission.seen_seq];
  if (entry.ticket != nullptr)
    evidence.latest_seen_fact_ms =
        entry.ticket->latest_at(admission.seen_seq).of_others({judged.device, judged.device_epoch});
  const sync::TrustedTime due = sync::trusted_time(set, evidence);
  const std::uint32_t told = sync::time_flag_doubtful_clock | sync::time_flag_seen_cut;
  const bool same = due.effective_ms == admission.effective_ms && due.lo_ms == admission.lo_ms &&
                    due.hi_ms == admission.hi_ms && due.flags == (admission.time_flags & ~told);
  if (!same) return wrong("the receipt tells another time than follows from what is known");
  return {};
}

Result<void> Ledger::check_server_time(const Work& work, const Entry& entry) const {
  const sync::Admission& admission = entry.placed.admission;
  const sync::Change& change = entry.placed.change;
  const bool asserted = change.asserted_ms != 0;
  std::int64_t effective_ms = asserted ? change.asserted_ms : work.time_ms;
  const std::int64_t lo_ms = effective_ms;
  if (!asserted && entry.ticket != nullptr) {
    const protocol::ChangeSetHeader& judged = work.set.judged();
    const std::int64_t seen =
        entry.ticket->latest_at(admission.seen_seq).of_others({judged.device, judged.device_epoch});
    if (seen >= effective_ms) effective_ms = seen + 1;
  }
  const std::int64_t hi_ms = asserted ? std::max(work.time_ms, lo_ms) : work.time_ms;
  if (effective_ms != admission.effective_ms || lo_ms != admission.lo_ms || hi_ms != admission.hi_ms ||
      asserted != ((admission.time_flags & sync::time_flag_asserted) != 0))
    return wrong("the receipt tells another time than the server's");
  return {};
}

// ---- what became of it ----

Result<void> Ledger::fold_record(const Work& work, const Entry& entry) {
  const sync::Change& change = entry.placed.change;
  if (!work.sealed) return wrong("a device writes a record");
  if (change.body_erased) return {};  // a later entry says what stands: nobody erases the record as it is
  TERN_TRY(sync::Record record, sync::decode_record(change.record));
  record.version = work.commit;
  record.integer_id = entry.placed.admission.integer_id;
  records_[{static_cast<std::uint8_t>(record.kind), record.id}] = sync::encode_record(record);
  return {};
}

Result<TicketFold::Step> Ledger::fold_release(const Work& work, Entry& entry) {
  TicketFold::Step all;
  all.standing = {Outcome::applied, Rule::release, {}, {}};
  if (entry.note.released == nullptr || entry.note.released->size() == 0) return wrong("it releases nothing");
  auto& ticket = tickets_[entry.placed.change.ticket];
  if (!ticket) ticket = std::make_unique<TicketFold>();
  for (const Json& one : entry.note.released->items()) {
    TERN_TRY(const DeviceId device, id_of<DeviceId>(one, "device"));
    TERN_TRY(const ChangeId id, id_of<ChangeId>(one, "change"));
    const std::int64_t integer_id = one["integer_id"].as_integer();
    const bool was_made = ticket->made();
    auto step = ticket->release({device, id}, work.commit, work.time_ms, static_cast<std::uint64_t>(integer_id),
                                one["number"].as_string(), came_back());
    if (!step) return wrong("it releases change {}, which is not held", to_hex(id));
    if (!was_made && !integer_ids_.insert(static_cast<std::uint64_t>(integer_id)).second)
      return wrong("the id {} was given before", integer_id);
    all.altered.insert(all.altered.end(), step->altered.begin(), step->altered.end());
  }
  entry.ticket = ticket->made() ? ticket.get() : nullptr;
  return all;
}

Result<TicketFold::Step> Ledger::fold(Work& work, Entry& entry) {
  const sync::Change& change = entry.placed.change;
  const sync::Standing applied{Outcome::applied, Rule::sequential, {}, {}};
  if (change.intent == Intent::erase)
    for (const sync::ChangeRef& target : change.targets)
      if (!trust_.is_erased(protocol::ChangeName{target.device, target.id}))
        return wrong("it erases change {}, but no erasure of it was signed", to_hex(target.id));
  if (change.intent == Intent::record) {
    TERN_CHECKED(fold_record(work, entry));
    return TicketFold::Step{applied, {}};
  }
  if (change.intent == Intent::erase && entry.ticket == nullptr) return TicketFold::Step{applied, {}};
  if (change.ticket.is_zero()) return wrong("it names no ticket");
  if (change.intent == Intent::release) return fold_release(work, entry);
  if (change.intent == Intent::create) {
    if (entry.ticket != nullptr) return wrong("it makes a ticket that is there already");
    if (!integer_ids_.insert(entry.placed.admission.integer_id).second)
      return wrong("the id {} was given before", entry.placed.admission.integer_id);
    auto& ticket = tickets_[change.ticket];
    if (!ticket) ticket = std::make_unique<TicketFold>();
    entry.ticket = ticket.get();
  } else if (entry.ticket == nullptr) {
    return wrong("it took effect on a ticket that was never made");
  }
  if (entry.ticket->changes >= limits::changes_per_ticket_max + limits::changes_per_set_max)
    return wrong("its ticket has more changes than a ticket holds");
  if (!entry.then) return entry.ticket->fold(entry.placed, entry.note.dark);
  return entry.ticket->fold_again(entry.placed, entry.note.dark, entry.then->standing(), came_back());
}

sync::Standing Ledger::Then::standing() const {
  return standing_said(*said);
}
bool Ledger::Then::admitted() const {
  return said->outcome() != static_cast<std::uint32_t>(Outcome::held) &&
         said->outcome() != static_cast<std::uint32_t>(Outcome::rejected);
}

/// By the first of the receipts of before a restore that admitted it, else by the first.
std::optional<Ledger::Then> Ledger::then_of(const Work& work, std::size_t index) {
  std::optional<Then> first;
  for (const Proven& proven : work.proven) {
    const Then then{proven.time_ms, &proven.outcomes.outcomes(static_cast<int>(index))};
    if (then.admitted()) return then;
    if (!first) first = then;
  }
  return first;
}

TicketFold::CameBack Ledger::came_back() const {
  return [this](const sync::ChangeRef& ref) {
    const auto found = known_.find(ref);
    return found != known_.end() && found->second.came_back;
  };
}

/// Of this set: what the fold says at its end is the outcome. Of earlier ones: an amendment is due.
void Ledger::note_altered(Work& work, const std::vector<sync::StandingChange>& altered) {
  for (const sync::StandingChange& one : altered) {
    const auto mine = work.mine.find(one.change.id);
    if (mine != work.mine.end() && one.change.device == work.set.header.device) {
      work.due[mine->second] = one.after;
      continue;
    }
    const auto known = known_.find(one.change);
    const Outcome before = known == known_.end() ? one.before.outcome : known->second.standing;
    altered_.try_emplace(one.change, before, one.after.outcome).first->second.second = one.after.outcome;
  }
}

void Ledger::count(const Work& work, const Entry& entry) {
  const sync::PlacedChange& placed = entry.placed;
  const sync::Stamp& stamp = placed.stamp;
  const std::pair author{stamp.author_kind, stamp.author};
  const bool is_person = !stamp.author.is_zero();
  if (is_person) authors_.insert(author);
  if (placed.change.body_erased) ++erased_;
  if (placed.change.ticket.is_zero()) return;
  auto& ticket = tickets_[placed.change.ticket];
  if (!ticket) ticket = std::make_unique<TicketFold>();
  ++ticket->changes;
  if (placed.change.body_erased) ++ticket->erased;
  if (is_person) ticket->authors.insert(author);
  if (!work.sealed) ticket->devices.insert(placed.change.ref.device);
}

Result<void> Ledger::check_change(Work& work, std::size_t index, TicketId& ticket_said) {
  TERN_TRY(Entry entry, read_change(work, index, ticket_said));
  TERN_TRY(const bool again, judge_again(work, entry, index));
  if (again) return {};
  const sync::Change& change = entry.placed.change;
  if (const auto found = tickets_.find(change.ticket); found != tickets_.end() && found->second->made())
    entry.ticket = found->second.get();
  TERN_CHECKED(read_admission(work, entry));
  TERN_CHECKED(check_time(work, entry));
  const sync::Admission& admission = entry.placed.admission;
  TicketFold::Step step;
  step.standing = standing_said(*entry.said);
  if (admission.verdict == Verdict::admitted) {
    TERN_TRY(step, fold(work, entry));
  } else if (admission.verdict == Verdict::held && !change.ticket.is_zero()) {
    auto& ticket = tickets_[change.ticket];
    if (!ticket) ticket = std::make_unique<TicketFold>();
    ticket->hold(entry.placed, entry.then ? std::optional(entry.then->standing()) : std::nullopt);
  }
  const bool untellable = entry.ticket != nullptr && entry.ticket->description_erased();
  alterations_untellable_ = alterations_untellable_ || untellable;
  note_altered(work, step.altered);
  known_[change.ref].content = content_of(work.set.set.changes[index]);
  known_[change.ref].came_back = entry.then && entry.then->admitted();
  work.mine.emplace(change.ref.id, work.due.size());
  work.due.push_back(step.standing);
  work.judged.push_back(!untellable || (change.intent != Intent::create && change.intent != Intent::describe));
  if (change.asserted_ms == 0) work.chain->effective_ms = std::max(work.chain->effective_ms, admission.effective_ms);
  count(work, entry);
  if (entry.ticket == nullptr) return {};
  const bool counts = admission.verdict == Verdict::admitted && change.intent != Intent::release && is_fact(change);
  const sync::Origin& origin = entry.placed.stamp.origin;
  if (counts) entry.ticket->latest.add({origin.device, origin.device_epoch}, admission.effective_ms);
  entry.ticket->note(work.commit, entry.ticket->latest);
  return {};
}

Result<void> Ledger::check_receipts(const Work& work) {
  for (std::size_t i = 0; i < work.due.size(); ++i) {
    const sync::Standing said = standing_said(work.outcomes.outcomes(static_cast<int>(i)));
    const auto mine = work.mine.find(ChangeId::or_zero(work.outcomes.outcomes(static_cast<int>(i)).change_id()));
    if (work.judged[i] && !agree(said, work.due[i]))
      return wrong("change {}: the receipt says {}, folding says {}", i, words(said), words(work.due[i]));
    if (mine == work.mine.end() || mine->second != i) continue;
    KnownChange& known = known_[{work.set.header.device, mine->first}];
    known.outcome = known.standing = said.outcome;
  }
  return {};
}

}  // namespace tern::verify
