#include "ledger_fold.hpp"

namespace tern::server {
namespace {

using sync::Intent;
using Verdict = sync::Admission::Verdict;

sync::Standing not_admitted(const sync::Admission& admission) {
  const bool held = admission.verdict == Verdict::held;
  return {held ? sync::Outcome::held : sync::Outcome::rejected, sync::Rule::unspecified, {}, {}};
}

}  // namespace

LedgerFold::Step LedgerFold::fold_description(Ticket& ticket, const sync::PlacedChange& placed) {
  ticket.edits.push_back(placed);
  ticket.edit_standings.emplace_back();
  std::vector<const sync::PlacedChange*> edits;
  edits.reserve(ticket.edits.size());
  for (const sync::PlacedChange& edit : ticket.edits) edits.push_back(&edit);
  sync::DescriptionFold fold = sync::fold_description(edits, ticket.state);
  Step step;
  for (std::size_t i = 0; i + 1 < edits.size(); ++i)
    if (ticket.edit_standings[i] != fold.standings[i])
      step.altered.push_back({edits[i]->change.ref, ticket.edit_standings[i], fold.standings[i]});
  step.standing = fold.standings.back();
  ticket.edit_standings = std::move(fold.standings);
  ticket.state.description = std::move(fold.text);
  ticket.state.description_erased = fold.erased;
  return step;
}

LedgerFold::Step LedgerFold::fold_placed(Ticket& ticket, const sync::PlacedChange& placed) {
  const Intent intent = placed.change.intent;
  if ((intent == Intent::create || intent == Intent::describe) && placed.change.body_erased) ticket.erased = true;
  sync::FoldEffect effect = sync::fold_in(ticket.state, placed);
  if (effect.message) ticket.messages[placed.change.ref] = std::move(*effect.message);
  if (effect.edits_message) {
    const auto message = ticket.messages.find(placed.change.targets.front());
    if (message == ticket.messages.end()) return {{sync::Outcome::applied, sync::Rule::no_effect, {}, {}}, {}};
    effect = sync::fold_message_edit(message->second, placed);
  }
  if (intent == Intent::create) {
    ticket.edits.push_back(placed);
    ticket.edit_standings.push_back(effect.standing);
  }
  if (effect.description_changed) return fold_description(ticket, placed);
  return {effect.standing, std::move(effect.altered)};
}

LedgerFold::Step LedgerFold::fold_release(Ticket& ticket, const LedgerChange& release) {
  Step step;
  step.standing = {sync::Outcome::applied, sync::Rule::release, {}, {}};
  for (const ReleasedChange& released : release.released) {
    const auto held = ticket.held.find(released.ref);
    if (held == ticket.held.end()) continue;
    sync::PlacedChange placed = held->second;
    const sync::Standing before = not_admitted(placed.admission);
    const sync::Stamp stamp = placed.stamp;
    placed.admission = released.admission;
    placed.stamp = sync::make_stamp(placed.change, stamp.origin, release.commit_seq, placed.admission, stamp.author,
                                    stamp.author_kind);
    Step one = fold_placed(ticket, placed);
    step.altered.push_back({released.ref, before, one.standing});
    step.altered.insert(step.altered.end(), one.altered.begin(), one.altered.end());
  }
  return step;
}

LedgerFold::Step LedgerFold::fold(const LedgerChange& change) {
  const sync::PlacedChange& placed = change.placed;
  if (placed.change.ticket.is_zero()) {
    if (placed.admission.verdict != Verdict::admitted) return {not_admitted(placed.admission), {}};
    return {{sync::Outcome::applied, sync::Rule::sequential, {}, {}}, {}};
  }
  Ticket& ticket = tickets_[placed.change.ticket];
  if (placed.admission.verdict != Verdict::admitted) {
    if (placed.admission.verdict == Verdict::held) ticket.held.emplace(placed.change.ref, placed);
    return {not_admitted(placed.admission), {}};
  }
  if (placed.change.intent == Intent::release) return fold_release(ticket, change);
  return fold_placed(ticket, placed);
}

bool LedgerFold::description_erased(const TicketId& id) const {
  const auto ticket = tickets_.find(id);
  return ticket != tickets_.end() && ticket->second.erased;
}

bool LedgerFold::is_made(const TicketId& id) const {
  const auto ticket = tickets_.find(id);
  return ticket != tickets_.end() && ticket->second.state.created.has_value();
}

}  // namespace tern::server
