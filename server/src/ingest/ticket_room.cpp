// What a ticket can still take in: counts of its parts, and the bytes of all that is folded of it.
#include <algorithm>

#include "batch.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::server {
namespace {

using sync::FieldId;
using sync::Intent;
using sync::ReasonCode;

constexpr std::size_t stamp_bytes = 100;  // where one change stands, with the ids it may be the first to use

std::size_t count_elements(const sync::TicketState& state, FieldId field) {
  return static_cast<std::size_t>(
      std::count_if(state.elements.begin(), state.elements.end(),
                    [field](const auto& element) { return element.first.field == field && !element.second.empty(); }));
}

bool adds_beyond(const sync::TicketState& state, const sync::Change& change, const OperatorId& author, FieldId field,
                 std::size_t most) {
  const auto found = state.elements.find({field, sync::element_of(change, author)});
  const bool there = found != state.elements.end() && !found->second.empty();
  return !there && count_elements(state, field) >= most;
}

bool custom_beyond(const sync::TicketState& state, const sync::Change& change) {
  if (change.fields.empty() || change.fields.front().field != FieldId::custom) return false;
  if (state.fields.contains({FieldId::custom, change.fields.front().key})) return false;
  const auto count = std::count_if(state.fields.begin(), state.fields.end(),
                                   [](const auto& field) { return field.first.field == FieldId::custom; });
  return static_cast<std::size_t>(count) >= limits::custom_fields_max;
}

bool over_count(const WorkingTicket& ticket, const sync::Change& change, const OperatorId& author) {
  const sync::TicketState& state = ticket.state;
  if (ticket.ledger.change_count >= limits::changes_per_ticket_max) return true;
  switch (change.intent) {
    case Intent::message:
    case Intent::attach:
    case Intent::on_site:
      return state.message_count >= limits::messages_per_ticket_max;
    case Intent::tag:
      return adds_beyond(state, change, author, FieldId::tags, limits::tags_per_ticket_max);
    case Intent::watch:
      return adds_beyond(state, change, author, FieldId::watchers, limits::watchers_per_ticket_max);
    case Intent::link:
      return adds_beyond(state, change, author, FieldId::links, limits::links_per_ticket_max);
    case Intent::set:
      return custom_beyond(state, change);
    default:
      return false;
  }
}

/// Work that ends a ticket, hands it on or comes from outside must find room when notes and tags do not any more.
bool may_use_reserve(const sync::Change& change, sync::PrincipalKind author_kind) {
  const sync::IntentSpec* spec = sync::find_intent(change.intent);
  if (spec == nullptr) return false;
  return spec->unit == sync::Unit::status || spec->ruling == sync::Ruling::claim ||
         author_kind == sync::PrincipalKind::contact;
}

/// Whether the state can grow by so much; measured anew only when the estimate says no.
bool fits(WorkingTicket& ticket, std::size_t grows, std::size_t most) {
  if (ticket.state_bytes + grows <= most) return true;
  if (!ticket.state_measured) {
    ticket.state_bytes = sync::encode_state(ticket.state).size();
    ticket.state_measured = true;
  }
  return ticket.state_bytes + grows <= most;
}

std::size_t mirror_bytes(const sync::Change& claim) {
  return stamp_bytes + claim.targets.size() * (DeviceId::size_bytes + ChangeId::size_bytes + 8);
}

}  // namespace

std::size_t growth_of(const sync::TicketState& state, const sync::Change& change) {
  switch (change.intent) {
    case Intent::create: {
      std::size_t bytes = stamp_bytes + change.text.size();
      for (const sync::FieldSetting& setting : change.fields)
        bytes += setting.key.size() + setting.value.value_or(Bytes{}).size() + 16;
      return bytes;
    }
    case Intent::set:
      return stamp_bytes + change.fields.front().key.size() + change.fields.front().value.value_or(Bytes{}).size() + 16;
    case Intent::message:
    case Intent::attach:
    case Intent::on_site:
      return stamp_bytes;  // a customer's stands among the moves
    case Intent::edit_message:
      return state.merged_into ? stamp_bytes + change.text.size() : 0;  // kept as a note
    case Intent::delete_message:
    case Intent::send_message:
    case Intent::erase:
    case Intent::release:
      return 0;
    case Intent::split:
    case Intent::split_from:
      return mirror_bytes(change);
    case Intent::take:
    case Intent::assign:
      return 3 * stamp_bytes;  // with a custody mark, or a watcher
    default:
      return stamp_bytes + change.text.size() + change.label.size();
  }
}

void note_growth(WorkingTicket& ticket, const sync::Change& change) {
  ticket.state_bytes += growth_of(ticket.state, change);
  ticket.state_measured = false;
}

ReasonCode judge_room(WorkingTicket& ticket, const sync::Change& change, const OperatorId& author,
                      sync::PrincipalKind author_kind) {
  if (over_count(ticket, change, author)) return ReasonCode::limit;
  const std::size_t grows = growth_of(ticket.state, change);
  const std::size_t reserve = may_use_reserve(change, author_kind) ? 0 : limits::ticket_state_reserve_bytes;
  const bool full = grows != 0 && !fits(ticket, grows, limits::ticket_state_bytes_max - reserve);
  return full ? ReasonCode::ticket_full : ReasonCode::none;
}

bool has_room_for_mirror(WorkingTicket& target, const sync::Change& claim) {
  return fits(target, mirror_bytes(claim), limits::ticket_state_bytes_max);
}

}  // namespace tern::server
