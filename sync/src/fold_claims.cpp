// Claims: a compare-and-set decided at commit against what is committed; folded in as decided, never altered.
#include "fold_parts.hpp"
#include "tern/protocol/mutant.hpp"

namespace tern::sync {
namespace {

constexpr std::string_view deleted_value = "1";

struct Verdict {
  bool applies = true;
  Rule rule = Rule::sequential;
  const Stamp* stands = nullptr;
};
Verdict lost(Rule rule, const Stamp& stands) {
  return {false, rule, &stands};
}
Verdict already_so() {
  return {true, Rule::no_effect, nullptr};
}

/// The claim that stands on a thing, the value wanted, and whether the author had seen it. An unseen claim of the same
/// value stands in the way too: it may be changed by somebody who saw it and not this one, and this author must be
/// told.
Verdict compare_and_set(const std::optional<Claim>& standing, ByteView wanted, const Stamp& stamp) {
  if (!standing || mutant(Mutant::claim_last_write)) return {};
  if (!knows(stamp, standing->stamp)) return lost(Rule::claim_stands, standing->stamp);
  return standing->value == wanted ? already_so() : Verdict{};
}

Verdict judge_take(const TicketState& state, const Stamp& stamp) {
  const std::optional<OperatorId> assignee = assignee_of(state);
  if (!assignee) return {};
  return *assignee == stamp.author ? already_so() : lost(Rule::taken, state.assignee->stamp);
}

/// Nobody deletes what a customer wrote and they have not read.
Verdict judge_delete(const TicketState& state, const Stamp& stamp) {
  if (is_deleted(state)) return already_so();
  const Verdict verdict = compare_and_set(state.deletion, deleted_value, stamp);
  if (!verdict.applies || verdict.rule == Rule::no_effect) return verdict;
  for (const Move& move : state.moves)
    if (move.intent == Intent::message && !knows(stamp, move.stamp)) return lost(Rule::unseen_customer, move.stamp);
  return verdict;
}

Verdict judge_restore(const TicketState& state, const Stamp& stamp) {
  if (!is_deleted(state)) return already_so();
  return compare_and_set(state.deletion, {}, stamp);
}

const EstimateDecision* find_decision(const TicketState& state, const ChangeRef& estimate) {
  const auto found = std::ranges::find(state.estimate_decisions, estimate, &EstimateDecision::estimate);
  return found == state.estimate_decisions.end() ? nullptr : &*found;
}

Verdict judge_estimate(const TicketState& state, const Change& change, const Stamp& stamp) {
  if (change.targets.empty()) return already_so();
  const EstimateDecision* decision = find_decision(state, change.targets.front());
  if (decision == nullptr) return {};
  if (decision->approved == (change.intent == Intent::approve_estimate)) return already_so();
  return knows(stamp, decision->stamp) ? Verdict{} : lost(Rule::estimate_claim, decision->stamp);
}

/// A resolution is rated once.
Verdict judge_rating(const TicketState& state, const Change& change) {
  if (change.targets.empty()) return already_so();
  const Rating* rating = rating_of(state, change.targets.front());
  if (rating == nullptr) return {};
  return rating->score == change.number ? already_so() : lost(Rule::claim_stands, rating->stamp);
}

/// A message belongs to one ticket: the first split that names it stands, whoever saw it.
Verdict judge_split(const TicketState& state, const Change& change) {
  for (const Split& split : state.splits)
    for (const ChangeRef& message : change.targets)
      if (std::ranges::find(split.messages, message) != split.messages.end())
        return lost(Rule::claim_stands, split.stamp);
  return {};
}

/// Who had not seen that a merge was taken back may mean the one that was.
Verdict judge_merge(const TicketState& state, const Stamp& stamp) {
  if (state.undone_merges.empty()) return {};
  const Stamp& undo = state.undone_merges.back().undo;
  return knows(stamp, undo) ? Verdict{} : lost(Rule::claim_stands, undo);
}

/// Takes back the merge that its author saw. Of two that take back the same one, the second finds it done.
Verdict judge_unmerge(const TicketState& state, const Change& change, const Stamp& stamp) {
  if (!state.merged_into) return already_so();
  const bool seen = knows(stamp, state.merged_into->stamp) && state.merged_into->value == change.target;
  return seen ? Verdict{} : lost(Rule::claim_stands, state.merged_into->stamp);
}

Verdict judge(const TicketState& state, const Change& change, const Stamp& stamp) {
  if (state.merged_into && change.intent != Intent::unmerge) return lost(Rule::merged_ticket, state.merged_into->stamp);
  const bool of_deletion = change.intent == Intent::delete_ticket || change.intent == Intent::restore;
  if (!of_deletion && is_deleted(state) && !knows(stamp, state.deletion->stamp))
    return lost(Rule::deleted_ticket, state.deletion->stamp);
  switch (change.intent) {
    case Intent::take:
      return judge_take(state, stamp);
    case Intent::assign:
      return compare_and_set(state.assignee, change.target, stamp);
    case Intent::move_queue:
      return compare_and_set(state.queue, change.target, stamp);
    case Intent::delete_ticket:
      return judge_delete(state, stamp);
    case Intent::restore:
      return judge_restore(state, stamp);
    case Intent::approve_estimate:
    case Intent::reject_estimate:
      return judge_estimate(state, change, stamp);
    case Intent::rate:
      return judge_rating(state, change);
    case Intent::split:
      return judge_split(state, change);
    case Intent::merge:
      return judge_merge(state, stamp);
    case Intent::unmerge:
      return judge_unmerge(state, change, stamp);
    default:
      return {};
  }
}

Bytes new_assignee(const Change& change, const Stamp& stamp) {
  return change.intent == Intent::take ? Bytes(stamp.author.view()) : change.target;
}

// ---- what applied claims do ----

/// One mark for each operator: since the first time the ticket was taken from them, until they have synced past the
/// last.
void mark_custody(TicketState& state, const OperatorId& operator_id, const Stamp& stamp) {
  const auto found = std::ranges::find(state.custody, operator_id, &Custody::operator_id);
  if (found != state.custody.end())
    found->commit_seq = stamp.commit_seq;
  else
    state.custody.push_back({operator_id, stamp.order_ms, stamp.commit_seq});
}

void end_custody(TicketState& state, const OperatorId& operator_id) {
  std::erase_if(state.custody, [&](const Custody& mark) { return mark.operator_id == operator_id; });
}

void set_assignee(TicketState& state, const PlacedChange& placed) {
  const Bytes assignee = new_assignee(placed.change, placed.stamp);
  if (const OperatorId& before = placed.admission.custody_of; !before.is_zero())
    mark_custody(state, before, placed.stamp);
  if (!assignee.empty()) end_custody(state, OperatorId::or_zero(assignee));
  state.assignee = Claim{placed.stamp, assignee};
}

void decide_estimate(TicketState& state, const PlacedChange& placed) {
  if (placed.change.targets.empty()) return;
  const ChangeRef& estimate = placed.change.targets.front();
  const EstimateDecision decision{estimate, placed.change.intent == Intent::approve_estimate, placed.stamp};
  const auto found = std::ranges::find(state.estimate_decisions, estimate, &EstimateDecision::estimate);
  if (found != state.estimate_decisions.end())
    *found = decision;
  else
    state.estimate_decisions.push_back(decision);
}

void add_rating(TicketState& state, const PlacedChange& placed) {
  if (placed.change.targets.empty()) return;
  state.ratings.push_back({placed.stamp, placed.change.targets.front(), static_cast<std::uint8_t>(placed.change.number),
                           placed.change.text, placed.change.body_erased});
}

void apply_claim(TicketState& state, const PlacedChange& placed) {
  const Change& change = placed.change;
  switch (change.intent) {
    case Intent::take:
    case Intent::assign:
      set_assignee(state, placed);
      break;
    case Intent::move_queue:
      state.queue = Claim{placed.stamp, change.target};
      break;
    case Intent::merge:
      state.merged_into = Claim{placed.stamp, change.target};
      break;
    case Intent::unmerge:
      if (!state.merged_into) break;  // after a restore: the merge did not come back
      state.undone_merges.push_back({std::move(*state.merged_into), placed.stamp});
      state.merged_into.reset();
      break;
    case Intent::delete_ticket:
      state.deletion = Claim{placed.stamp, Bytes(deleted_value)};
      break;
    case Intent::restore:
      state.deletion = Claim{placed.stamp, {}};
      break;
    case Intent::approve_estimate:
    case Intent::reject_estimate:
      decide_estimate(state, placed);
      break;
    case Intent::rate:
      add_rating(state, placed);
      break;
    case Intent::split:
      insert_in_order(state.splits, Split{placed.stamp, change.targets});
      break;
    default:
      break;
  }
}

/// Who saw what stands and claims it again holds it from now on: a later claim must have seen this one, not only the
/// first. Else a claim that saw only the first would undo what two people decided, and neither would be told.
bool reaffirms(const TicketState& state, const PlacedChange& placed) {
  switch (placed.change.intent) {
    case Intent::take:
    case Intent::assign:
      return state.assignee && knows(placed.stamp, state.assignee->stamp);
    case Intent::move_queue:
      return state.queue && knows(placed.stamp, state.queue->stamp);
    default:
      return false;
  }
}

Bytes operator_watcher(const OperatorId& id) {
  return "o" + Bytes(id.view());
}

}  // namespace

void judge_claim(const TicketState& state, const Change& change, const Stamp& stamp, bool previous_may_be_dark,
                 Admission& admission) {
  const IntentSpec* spec = find_intent(change.intent);
  if (spec == nullptr || !is_claim(*spec)) return;
  const Verdict verdict = judge(state, change, stamp);
  admission.claim_applies = verdict.applies;
  admission.claim_rule = verdict.rule;
  admission.claim_stands = verdict.stands == nullptr ? ChangeRef{} : verdict.stands->ref();
  admission.claim_stands_author = verdict.stands == nullptr ? OperatorId{} : verdict.stands->author;
  admission.custody_of = {};
  const std::optional<OperatorId> previous = assignee_of(state);
  const bool changes_assignee = spec->unit == Unit::assignee && verdict.applies && verdict.rule != Rule::no_effect;
  if (changes_assignee && previous && previous_may_be_dark && previous->view() != new_assignee(change, stamp))
    admission.custody_of = *previous;
}

void judge_claim_again(const TicketState& state, const Change& change, const Stamp& stamp, const Standing& then,
                       const std::function<bool(const ChangeRef&)>& came_back, bool previous_may_be_dark,
                       Admission& admission) {
  const IntentSpec* spec = find_intent(change.intent);
  if (spec == nullptr || !is_claim(*spec)) return;
  judge_claim(state, change, stamp, previous_may_be_dark, admission);
  if (then.outcome == Outcome::overtaken) {
    admission.claim_applies = false;
    admission.claim_rule = then.rule;
    admission.claim_stands = then.stands;
    admission.claim_stands_author = then.stands_author;
    admission.custody_of = {};
    return;
  }
  if (admission.claim_applies) return;
  const Stamp* stands = judge(state, change, stamp).stands;
  const bool later = stands != nullptr && before(stamp, *stands);
  if (later && !came_back(stands->ref())) return;  // made since: it has its receipt, and stands
  admission.claim_applies = true;
  admission.claim_rule = later ? Rule::no_effect : Rule::sequential;
  admission.claim_stands = {};
  admission.claim_stands_author = {};
}

void fold_claim(TicketState& state, const PlacedChange& placed, FoldEffect& effect) {
  const Admission& admission = placed.admission;
  if (!admission.claim_applies) {
    effect.standing = {Outcome::overtaken, admission.claim_rule, admission.claim_stands, admission.claim_stands_author};
    const bool lost_take = placed.change.intent == Intent::take && admission.claim_rule == Rule::taken;
    if (lost_take)
      add_element(state, FieldId::watchers, operator_watcher(placed.stamp.author), placed.stamp, effect.altered);
    return;
  }
  effect.standing = applied(admission.claim_rule);
  if (admission.claim_rule != Rule::no_effect || reaffirms(state, placed)) apply_claim(state, placed);
}

void fold_server_mark(TicketState& state, const PlacedChange& placed, FoldEffect& effect) {
  const Change& change = placed.change;
  effect.standing = applied();
  switch (change.intent) {
    case Intent::merged_from:
      insert_in_order(state.merged_from, Claim{placed.stamp, change.target});
      break;
    case Intent::unmerged_from:
      std::erase_if(state.merged_from, [&](const Claim& merged) { return merged.value == change.target; });
      break;
    case Intent::split_from:
      insert_in_order(state.split_from, Claim{placed.stamp, change.target});
      for (const ChangeRef& message : change.targets)
        if (std::ranges::find(state.split_messages, message) == state.split_messages.end())
          state.split_messages.push_back(message);
      break;
    case Intent::custody_end:
      end_custody(state, OperatorId::or_zero(change.target));
      break;
    case Intent::release:
      effect.standing = applied(Rule::release);
      break;
    default:  // an erasure acts on the bodies it names, not here
      break;
  }
}

}  // namespace tern::sync
