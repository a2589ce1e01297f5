#include "ticket_columns.hpp"

#include <algorithm>

#include "desk/ticket_refs.hpp"

namespace tern::server {
namespace {

template <typename Id>
Bytes bytes_of(const std::optional<Id>& id) {
  return id ? Bytes(id->view()) : Bytes();
}

ListColumns list_columns_of(const sync::TicketState& state, const sync::StatusView& view, const ScopeFacts& facts) {
  ListColumns lists;
  const auto shown = facts.merged_into.empty() ? view.status : sync::Status::closed;
  lists.listed = facts.deleted ? 0 : static_cast<std::int64_t>(shown);
  lists.priority = sync::priority_of(state);
  lists.assignee = bytes_of(facts.assignee);
  lists.queue = bytes_of(facts.queue);
  lists.category = sync::field_value(state, sync::FieldId::category).value_or(Bytes{});
  lists.contact = sync::field_value(state, sync::FieldId::contact).value_or(Bytes{});
  lists.organisation = sync::field_value(state, sync::FieldId::organisation).value_or(Bytes{});
  lists.created_ms = state.created ? state.created->order_ms : 0;
  lists.first_response_ms = state.first_response_ms;
  lists.resolved_ms = view.resolved_ms;
  for (const sync::TimeEntry& entry : state.time_entries)
    lists.worked_ms = std::max(lists.worked_ms, entry.stamp.order_ms);
  lists.channel = channel_of(state);
  return lists;
}

}  // namespace

TicketColumns columns_of(const sync::TicketState& state, const ScopeFacts& facts, const TicketInLedger& ledger) {
  TicketColumns columns;
  columns.integer_id = state.integer_id;
  columns.number = state.number;
  columns.version = state.version;
  const sync::StatusView view = sync::status_view(state);
  columns.status = static_cast<std::int64_t>(view.status);
  columns.status_class = static_cast<std::int64_t>(sync::class_of(state));
  columns.subject = sync::field_value(state, sync::FieldId::subject).value_or(Bytes{});
  columns.updated_ms = state.updated_ms;
  columns.ended_ms = facts.ended_ms;
  columns.merged_into = facts.merged_into;
  columns.deleted = facts.deleted;
  columns.ledger = ledger;
  columns.lists = list_columns_of(state, view, facts);
  return columns;
}

void add_burden(OperatorLoads& loads, const ListColumns& lists, std::int64_t times) {
  constexpr std::int64_t urgent = 4;
  if (lists.assignee.empty() || !is_at_work(lists.listed)) return;
  OperatorLoad& load = loads[OperatorId::or_zero(lists.assignee)];
  load.tickets += times;
  if (lists.priority == urgent) load.urgent += times;
}

std::vector<std::string> differing_columns(const sqlite::Statement& row, int first, const TicketColumns& due,
                                           bool filled) {
  std::vector<std::string> differing;
  int at = first;
  const auto number = [&](const char* name, std::int64_t wanted) {
    if (row.int64(at++) != wanted) differing.emplace_back(name);
  };
  const auto text = [&](const char* name, ByteView wanted) {
    if (row.blob(at++) != wanted) differing.emplace_back(name);
  };
  number("integer_id", static_cast<std::int64_t>(due.integer_id));
  text("number", due.number);
  number("version", static_cast<std::int64_t>(due.version));
  number("status", due.status);
  number("status_class", due.status_class);
  number("priority", due.lists.priority);
  text("assignee", due.lists.assignee);
  text("queue", due.lists.queue);
  text("category", due.lists.category);
  text("contact", due.lists.contact);
  text("subject", due.subject);
  number("created_ms", due.lists.created_ms);
  number("updated_ms", due.updated_ms);
  number("ended_ms", due.ended_ms);
  text("merged_into", due.merged_into);
  number("deleted", due.deleted ? 1 : 0);
  number("change_count", static_cast<std::int64_t>(due.ledger.change_count));
  number("last_commit", static_cast<std::int64_t>(due.ledger.last_commit));
  const LatestFacts& latest = due.ledger.latest;
  number("top_ms", latest.top_ms);
  text("top_device", bytes_of(latest.top.device.is_zero() ? std::nullopt : std::optional(latest.top.device)));
  number("top_epoch", static_cast<std::int64_t>(latest.top.epoch));
  number("second_ms", latest.second_ms);
  if (!filled) return differing;
  text("organisation", due.lists.organisation);
  number("listed", due.lists.listed);
  number("first_response_ms", due.lists.first_response_ms);
  number("resolved_ms", due.lists.resolved_ms);
  number("worked_ms", due.lists.worked_ms);
  if (!row.is_null(at)) text("channel", due.lists.channel);
  return differing;
}

}  // namespace tern::server
