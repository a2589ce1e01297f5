#include "views/what_stands.hpp"

#include <algorithm>

#include "views/name_book.hpp"

namespace tern::client {

using sync::Change;
using sync::RecordKind;
using sync::Stamp;
using sync::TicketState;
using sync::Unit;

namespace {

struct Found {
  std::string value;
  Stamp stamp;
};

Found claim_found(const std::optional<sync::Claim>& claim, std::optional<RecordKind> kind, NameBook& names) {
  if (!claim) return {};
  if (claim->value.empty()) return {"none", claim->stamp};
  return {kind ? names.of(*kind, claim->value) : names.ticket(claim->value), claim->stamp};
}

/// The move that the receipt names; else the newest one that changed the status.
Found move_found(const TicketState& state, const sync::ChangeRef& stands) {
  const sync::StatusView view = sync::status_view(state);
  Found found{std::string(sync::status_name(view.status)), {}};
  for (std::size_t i = 0; i < state.moves.size(); ++i) {
    const Stamp& stamp = state.moves[i].stamp;
    if (stamp.ref() == stands) return {found.value, stamp};
    if (i < view.move_changed_status.size() && view.move_changed_status[i]) found.stamp = stamp;
  }
  return found;
}

Found field_found(const TicketState& state, const Change& change, NameBook& names) {
  if (change.fields.empty()) return {};
  const sync::FieldSetting& setting = change.fields.front();
  const sync::Head* head = sync::standing_head(state, setting.field, setting.key);
  if (head == nullptr) return {"none", {}};
  return {head->erased ? "erased" : names.value(setting.field, head->value), head->stamp};
}

Found find(const Change& change, const sync::Standing& standing, const TicketState& state, NameBook& names) {
  if (standing.rule == sync::Rule::merged_ticket) return claim_found(state.merged_into, std::nullopt, names);
  if (standing.rule == sync::Rule::deleted_ticket && state.deletion) return {"deleted", state.deletion->stamp};
  const sync::IntentSpec* spec = sync::find_intent(change.intent);
  switch (spec == nullptr ? Unit::none : spec->unit) {
    case Unit::field:
      return field_found(state, change, names);
    case Unit::status:
      return move_found(state, standing.stands);
    case Unit::assignee:
      return claim_found(state.assignee, RecordKind::operator_, names);
    case Unit::queue:
      return claim_found(state.queue, RecordKind::queue, names);
    case Unit::merge:
      return claim_found(state.merged_into, std::nullopt, names);
    case Unit::description:
      return {"", state.description_stamp.value_or(Stamp{})};
    default:
      return {};
  }
}

}  // namespace

WhatStands what_stands(const Change& change, const sync::Standing& standing, const TicketState* state,
                       NameBook& names) {
  WhatStands out;
  if (!standing.stands_author.is_zero())
    out.author = names.author(standing.stands_author, sync::PrincipalKind::operator_);
  if (state == nullptr) return out;
  const Found found = find(change, standing, *state, names);
  const bool own = found.stamp.ref() == change.ref;  // its own value stands: nothing stands instead
  if (own) return out;
  out.value = found.value;
  out.at_ms = found.stamp.order_ms;
  if (out.author.empty() && found.stamp.order_ms != 0) out.author = names.author(found.stamp);
  return out;
}

}  // namespace tern::client
