#include "tern/sync/fold.hpp"
#include "tern/protocol/mutant.hpp"

#include <map>
#include <tuple>
#include <utility>

#include "fold_parts.hpp"
#include "stamp_kind.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sync/trusted_time.hpp"

namespace tern::sync {
namespace {

Rule rule_of(const Admission& admission) {
  switch (admission.reason) {
    case ReasonCode::not_permitted:
      return Rule::rights;
    case ReasonCode::parent_missing:
    case ReasonCode::parent_held:
      return Rule::dependency;
    case ReasonCode::duplicate_content:
      return Rule::duplicate;
    default:
      return Rule::admission;
  }
}

Standing not_folded(const Admission& admission) {
  const bool held = admission.verdict == Admission::Verdict::held;
  return {held ? Outcome::held : Outcome::rejected, rule_of(admission), {}, {}};
}

/// A private pin and the server's own bookkeeping make no ticket look newly touched.
bool shows_as_update(Intent intent) {
  return intent != Intent::pin && intent != Intent::unpin && intent != Intent::custody_end;
}

void touch(TicketState& state, const PlacedChange& placed) {
  if (state.id.is_zero()) state.id = placed.change.ticket;
  if (placed.stamp.commit_seq != pending_commit_seq) state.version = std::max(state.version, placed.stamp.commit_seq);
  if (!shows_as_update(placed.change.intent)) return;
  // A claim is ordered by its commit; one that was imported was made when its source says.
  const bool asserted = (placed.admission.time_flags & time_flag_asserted) != 0;
  state.updated_ms = std::max(state.updated_ms, asserted ? placed.admission.effective_ms : placed.stamp.order_ms);
}

void fold_fact(TicketState& state, const PlacedChange& placed, Unit unit, FoldEffect& effect) {
  switch (unit) {
    case Unit::create:
      return fold_create(state, placed, effect);
    case Unit::field:
      return fold_setting(state, placed, effect);
    case Unit::description:
      return fold_describe(state, placed, effect);
    case Unit::message:
      return fold_message(state, placed, effect);
    case Unit::message_edit:
      effect.edits_message = true;
      effect.standing = applied();
      return;
    case Unit::set:
      return fold_element(state, placed, effect);
    case Unit::status:
      return fold_move(state, placed, effect);
    default:
      if (placed.change.intent == Intent::log_time) return fold_time_entry(state, placed, effect);
      return fold_server_mark(state, placed, effect);
  }
}

// ---- from zero ----

/// Commit order: first by commit, within one by place in the chain. Pending work comes last.
bool committed_before(const PlacedChange& a, const PlacedChange& b) {
  return std::tie(a.stamp.commit_seq, a.stamp.origin, a.stamp.change) <
         std::tie(b.stamp.commit_seq, b.stamp.origin, b.stamp.change);
}

class ZeroFold {
public:
  explicit ZeroFold(std::span<const PlacedChange> changes) : changes_(changes) {
    result_.standings.resize(changes.size());
  }

  FoldResult run() {
    for (const std::size_t index : in_commit_order()) fold(index);
    fold_all_edits_of_description();
    std::ranges::sort(result_.messages, [](const Message& a, const Message& b) { return before(a.stamp, b.stamp); });
    copy_standings_to_duplicates();
    return std::move(result_);
  }

private:
  std::vector<std::size_t> in_commit_order() const {
    std::vector<std::size_t> order(changes_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
      if (committed_before(changes_[a], changes_[b])) return true;
      return !committed_before(changes_[b], changes_[a]) && a < b;  // duplicates: the first given counts
    });
    return order;
  }

  void fold(std::size_t index) {
    const PlacedChange& placed = changes_[index];
    if (placed.admission.verdict != Admission::Verdict::admitted) {
      result_.standings[index] = not_folded(placed.admission);
      return;
    }
    const auto [first, fresh] = index_of_.emplace(placed.stamp.ref(), index);
    if (!fresh) {
      duplicates_.emplace_back(index, first->second);
      return;
    }
    FoldEffect effect = fold_in(result_.state, placed);
    if (effect.edits_message) effect = fold_edit(placed);
    if (effect.description_changed) edits_.push_back(index);
    if (placed.change.intent == Intent::create) edits_.push_back(index);
    if (effect.message) {
      message_at_.emplace(effect.message->stamp.ref(), result_.messages.size());
      result_.messages.push_back(std::move(*effect.message));
    }
    result_.standings[index] = effect.standing;
    for (const StandingChange& change : effect.altered) set_standing(change.change, change.after);
  }

  FoldEffect fold_edit(const PlacedChange& placed) {
    FoldEffect nothing;
    nothing.standing = applied(Rule::no_effect);
    if (placed.change.targets.empty()) return nothing;
    const auto found = message_at_.find(placed.change.targets.front());
    return found == message_at_.end() ? nothing : fold_message_edit(result_.messages[found->second], placed);
  }

  void fold_all_edits_of_description() {
    std::vector<const PlacedChange*> edits;
    edits.reserve(edits_.size());
    for (const std::size_t index : edits_) edits.push_back(&changes_[index]);
    if (edits.empty()) return;
    DescriptionFold fold = fold_description(edits, result_.state);
    for (std::size_t i = 0; i < edits_.size(); ++i) result_.standings[edits_[i]] = fold.standings[i];
    result_.state.description = std::move(fold.text);
    result_.state.description_erased = fold.erased;
  }

  void set_standing(const ChangeRef& ref, const Standing& standing) {
    if (const auto found = index_of_.find(ref); found != index_of_.end()) result_.standings[found->second] = standing;
  }

  void copy_standings_to_duplicates() {
    for (const auto& [copy, first] : duplicates_) result_.standings[copy] = result_.standings[first];
  }

  std::span<const PlacedChange> changes_;
  FoldResult result_;
  std::map<ChangeRef, std::size_t> index_of_, message_at_;
  std::vector<std::size_t> edits_;
  std::vector<std::pair<std::size_t, std::size_t>> duplicates_;
};

// ---- prediction ----

/// A fact of another chain at exactly this time, as far as the state still shows them.
bool has_foreign_fact_at(const TicketState& state, std::int64_t at_ms, const Origin& origin) {
  const auto foreign = [&](const Stamp& stamp) {
    const bool own = stamp.origin.device == origin.device && stamp.origin.device_epoch == origin.device_epoch;
    return !own && stamp.kind != claim_kind && stamp.order_ms == at_ms;
  };
  const auto any = [&](const auto& items) {
    return std::ranges::any_of(items, [&](const auto& item) { return foreign(item.stamp); });
  };
  if (state.created && foreign(*state.created)) return true;
  if (state.description_stamp && foreign(*state.description_stamp)) return true;
  for (const auto& [key, settings] : state.fields)
    if (any(settings.heads)) return true;
  for (const auto& [key, adds] : state.elements)
    if (std::ranges::any_of(adds, foreign)) return true;
  return any(state.moves) || any(state.time_entries);
}

std::int64_t just_after(std::int64_t at_ms) {
  return at_ms == INT64_MAX ? at_ms : at_ms + 1;
}

}  // namespace

bool knows(const Stamp& x, const Stamp& w) {
  if (x.kind == create_kind) return false;
  if (w.kind == create_kind) return true;
  return w.commit_seq <= x.commit_seq && saw(x, w);
}

bool ordered_after(const Stamp& fact, const Stamp& claim) {
  if (knows(fact, claim)) return true;
  if (fact.kind == create_kind || fact.commit_seq <= claim.commit_seq) return false;
  return before(claim, fact);
}

const Stamp* merge_over(const TicketState& state, const Stamp& fact) {
  if (state.merged_into && ordered_after(fact, state.merged_into->stamp)) return &state.merged_into->stamp;
  for (const UndoneMerge& undone : state.undone_merges) {
    const bool before_undo = fact.commit_seq <= undone.undo.commit_seq && !knows(fact, undone.undo);
    if (before_undo && ordered_after(fact, undone.merge.stamp)) return &undone.merge.stamp;
  }
  return nullptr;
}

Stamp make_stamp(const Change& change, const Origin& origin, std::uint64_t commit_seq, const Admission& admission,
                 const OperatorId& author, PrincipalKind author_kind) {
  const IntentSpec* spec = find_intent(change.intent);
  const bool by_commit = spec != nullptr && spec->ruling != Ruling::fact;
  Stamp stamp;
  stamp.kind = change.intent == Intent::create ? create_kind : by_commit ? claim_kind : fact_kind;
  stamp.order_ms = by_commit || mutant(Mutant::order_by_arrival) ? admission.commit_ms : admission.effective_ms;
  stamp.origin = origin;
  stamp.change = change.ref.id;
  stamp.commit_seq = commit_seq;
  stamp.seen_seq = admission.seen_seq;
  stamp.author = author;
  stamp.author_kind = author_kind;
  stamp.sealed = change.principal_kind != PrincipalKind::unspecified;  // no device may name one
  return stamp;
}

FoldEffect fold_in(TicketState& state, const PlacedChange& placed) {
  FoldEffect effect;
  const IntentSpec* spec = find_intent(placed.change.intent);
  if (placed.admission.verdict != Admission::Verdict::admitted || spec == nullptr) {
    effect.standing = not_folded(placed.admission);
    return effect;
  }
  if (placed.change.intent == Intent::erase && !state.created) {  // of what waits for the ticket: it touches none yet
    effect.standing = applied();
    return effect;
  }
  touch(state, placed);
  if (is_claim(*spec)) {
    fold_claim(state, placed, effect);
    return effect;
  }
  if (spec->ruling == Ruling::server || placed.change.intent == Intent::release) {
    fold_server_mark(state, placed, effect);
    return effect;
  }
  if (const Stamp* merge = merge_over(state, placed.stamp))
    fold_after_merge(state, placed, *merge, spec->append_only, effect);
  else
    fold_fact(state, placed, spec->unit, effect);
  return effect;
}

FoldResult fold_from_zero(std::span<const PlacedChange> changes) {
  return ZeroFold(changes).run();
}

Admission predict_admission(const TicketState& state, const Change& change, const Origin& origin,
                            std::int64_t effective_floor_ms, const OperatorId& author) {
  Admission admission;
  admission.seen_seq = change.seen_seq;
  std::int64_t at = std::max(change.wall_ms, effective_floor_ms);
  if (state.updated_ms > effective_floor_ms || has_foreign_fact_at(state, state.updated_ms, origin))
    at = std::max(at, just_after(state.updated_ms));
  admission.effective_ms = admission.commit_ms = admission.lo_ms = admission.hi_ms = at;
  admission.reopen_window_ms = limits::reopen_window_ms;
  const IntentSpec* spec = find_intent(change.intent);
  if (spec == nullptr) return admission;
  const Stamp stamp = make_stamp(change, origin, pending_commit_seq, admission, author, PrincipalKind::operator_);
  judge_append(state, change, stamp, admission);
  judge_claim(state, change, stamp, false, admission);
  return admission;
}

}  // namespace tern::sync
