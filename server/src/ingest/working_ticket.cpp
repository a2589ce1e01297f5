#include "working_ticket.hpp"

#include <algorithm>

namespace tern::server {

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

ScopeFacts scope_facts(const sync::TicketState& state) {
  ScopeFacts facts;
  facts.assignee = sync::assignee_of(state);
  facts.queue = sync::queue_of(state);
  facts.deleted = sync::is_deleted(state);
  if (state.merged_into) facts.merged_into = state.merged_into->value;
  for (const auto& [key, adds] : state.elements) {
    if (adds.empty()) continue;
    if (key.field == sync::FieldId::watchers && key.element.size() == 17 && key.element[0] == 'o')
      facts.followers.push_back(OperatorId::or_zero(ByteView(key.element).substr(1)));
    if (key.field == sync::FieldId::pins) facts.followers.push_back(OperatorId::or_zero(key.element));
  }
  std::sort(facts.followers.begin(), facts.followers.end());
  facts.followers.erase(std::unique(facts.followers.begin(), facts.followers.end()), facts.followers.end());
  for (const sync::Custody& mark : state.custody) facts.custody.emplace_back(mark.operator_id, mark.commit_seq);
  std::sort(facts.custody.begin(), facts.custody.end());

  if (sync::class_of(state) != sync::StatusClass::end) return facts;
  std::int64_t since = 0;
  const auto also = [&since](std::int64_t at) { since = since == 0 ? at : std::min(since, at); };
  if (!facts.merged_into.empty()) also(state.merged_into->stamp.order_ms);
  if (facts.deleted) also(state.deletion->stamp.order_ms);
  if (const sync::StatusView view = sync::status_view(state); sync::status_class(view.status) == sync::StatusClass::end)
    also(view.since_ms);
  facts.ended_ms = std::max<std::int64_t>(since, 1);
  return facts;
}

std::optional<OperatorId> assigned_to(const sync::PlacedChange& placed) {
  const sync::Admission& admission = placed.admission;
  if (!admission.claim_applies || admission.claim_rule == sync::Rule::no_effect) return std::nullopt;
  if (placed.change.intent == sync::Intent::take) return placed.stamp.author;
  if (placed.change.intent != sync::Intent::assign) return std::nullopt;
  return OperatorId::from(placed.change.target);
}

}  // namespace tern::server
