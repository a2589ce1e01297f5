#include "ticket_fold.hpp"

#include <algorithm>

namespace tern::verify {
namespace {

bool was_admitted(const sync::Standing& then) {
  return then.outcome != sync::Outcome::held && then.outcome != sync::Outcome::rejected;
}

}  // namespace

using sync::Intent;
using sync::Outcome;
using sync::Rule;

void LatestFacts::add(const Chain& chain, std::int64_t effective_ms) {
  if (chain == top) {
    top_ms = std::max(top_ms, effective_ms);
  } else if (effective_ms > top_ms) {
    second_ms = top_ms;
    top_ms = effective_ms;
    top = chain;
  } else {
    second_ms = std::max(second_ms, effective_ms);
  }
}

TicketFold::Step TicketFold::fold_description(const sync::PlacedChange& placed) {
  edits_.push_back(placed);
  edit_standings_.emplace_back();
  std::vector<const sync::PlacedChange*> edits;
  for (const sync::PlacedChange& edit : edits_) edits.push_back(&edit);
  sync::DescriptionFold fold = sync::fold_description(edits, state_);
  Step step;
  for (std::size_t i = 0; i + 1 < edits.size(); ++i)
    if (edit_standings_[i] != fold.standings[i])
      step.altered.push_back({edits[i]->change.ref, edit_standings_[i], fold.standings[i]});
  step.standing = fold.standings.back();
  edit_standings_ = std::move(fold.standings);
  state_.description = std::move(fold.text);
  state_.description_erased = fold.erased;
  return step;
}

TicketFold::Step TicketFold::fold_placed(const sync::PlacedChange& placed) {
  const Intent intent = placed.change.intent;
  if ((intent == Intent::create || intent == Intent::describe) && placed.change.body_erased) description_erased_ = true;
  sync::FoldEffect effect = sync::fold_in(state_, placed);
  if (effect.message) messages_[placed.change.ref] = std::move(*effect.message);
  if (effect.edits_message) {
    const auto message =
        placed.change.targets.empty() ? messages_.end() : messages_.find(placed.change.targets.front());
    if (message == messages_.end()) return {{Outcome::applied, Rule::no_effect, {}, {}}, {}};
    effect = sync::fold_message_edit(message->second, placed);
  }
  if (intent == Intent::create) {
    edits_.push_back(placed);
    edit_standings_.push_back(effect.standing);
  }
  if (effect.description_changed) return fold_description(placed);
  return {effect.standing, std::move(effect.altered)};
}

TicketFold::Step TicketFold::fold(sync::PlacedChange placed, bool previous_may_be_dark) {
  const sync::IntentSpec* spec = sync::find_intent(placed.change.intent);
  if (spec != nullptr && spec->ruling == sync::Ruling::claim)
    sync::judge_claim(state_, placed.change, placed.stamp, previous_may_be_dark, placed.admission);
  return fold_judged(std::move(placed));
}

TicketFold::Step TicketFold::fold_again(sync::PlacedChange placed, bool previous_may_be_dark,
                                        const sync::Standing& then, const CameBack& came_back) {
  if (!was_admitted(then)) return fold(std::move(placed), previous_may_be_dark);
  sync::judge_claim_again(state_, placed.change, placed.stamp, then, came_back, previous_may_be_dark, placed.admission);
  return fold_judged(std::move(placed));
}

TicketFold::Step TicketFold::fold_judged(sync::PlacedChange placed) {
  const bool may_be_withheld = placed.admission.unseen_customer;
  sync::judge_append(state_, placed.change, placed.stamp, placed.admission);
  placed.admission.unseen_customer &= may_be_withheld;
  return fold_placed(placed);
}

std::optional<TicketFold::Step> TicketFold::release(const sync::ChangeRef& ref, std::uint64_t commit_seq,
                                                    std::int64_t commit_ms, std::uint64_t integer_id,
                                                    const std::string& number, const CameBack& came_back) {
  const auto held = held_.find(ref);
  if (held == held_.end()) return std::nullopt;
  auto [placed, then] = std::move(held->second);
  held_.erase(held);
  const bool creates = placed.change.intent == Intent::create;
  if (creates == made()) return std::nullopt;
  const sync::Stamp stamp = placed.stamp;
  placed.admission.verdict = sync::Admission::Verdict::admitted;
  placed.admission.reason = sync::ReasonCode::none;
  // What is proven to have been admitted before a restore keeps the time of that commit.
  if (!then || !was_admitted(*then)) placed.admission.commit_ms = commit_ms;
  if (creates) {
    placed.admission.integer_id = integer_id;
    placed.admission.number = number;
  }
  placed.stamp =
      sync::make_stamp(placed.change, stamp.origin, commit_seq, placed.admission, stamp.author, stamp.author_kind);
  const sync::IntentSpec* spec = sync::find_intent(placed.change.intent);
  const bool is_fact = spec != nullptr && spec->ruling == sync::Ruling::fact;
  const std::int64_t effective_ms = placed.admission.effective_ms;
  const Chain chain{stamp.origin.device, stamp.origin.device_epoch};
  Step step = then ? fold_again(std::move(placed), false, *then, came_back) : fold(std::move(placed), false);
  if (is_fact) latest.add(chain, effective_ms);
  step.altered.insert(step.altered.begin(), {ref, {Outcome::held, Rule::unspecified, {}, {}}, step.standing});
  return step;
}

void TicketFold::note(std::uint64_t commit_seq, const LatestFacts& facts) {
  if (!history_.empty() && history_.back().first == commit_seq)
    history_.back().second = facts;
  else
    history_.emplace_back(commit_seq, facts);
}

LatestFacts TicketFold::latest_at(std::uint64_t seen_seq) const {
  if (history_.empty() || seen_seq >= history_.back().first) return latest;
  const auto above = std::upper_bound(history_.begin(), history_.end(), seen_seq,
                                      [](std::uint64_t seq, const auto& entry) { return seq < entry.first; });
  return above == history_.begin() ? LatestFacts{} : std::prev(above)->second;
}

}  // namespace tern::verify
