#include "ticket_columns.hpp"

namespace tern::server {
namespace {

template <typename Id>
Bytes bytes_of(const std::optional<Id>& id) {
  return id ? Bytes(id->view()) : Bytes();
}

}  // namespace

TicketColumns columns_of(const sync::TicketState& state, const ScopeFacts& facts, const TicketInLedger& ledger) {
  TicketColumns columns;
  columns.integer_id = state.integer_id;
  columns.number = state.number;
  columns.version = state.version;
  columns.status = static_cast<std::int64_t>(sync::status_view(state).status);
  columns.status_class = static_cast<std::int64_t>(sync::class_of(state));
  columns.priority = sync::priority_of(state);
  columns.assignee = facts.assignee;
  columns.queue = facts.queue;
  columns.category = sync::field_value(state, sync::FieldId::category).value_or(Bytes{});
  columns.contact = sync::field_value(state, sync::FieldId::contact).value_or(Bytes{});
  columns.subject = sync::field_value(state, sync::FieldId::subject).value_or(Bytes{});
  columns.created_ms = state.created ? state.created->order_ms : 0;
  columns.updated_ms = state.updated_ms;
  columns.ended_ms = facts.ended_ms;
  columns.merged_into = facts.merged_into;
  columns.deleted = facts.deleted;
  columns.ledger = ledger;
  return columns;
}

std::vector<std::string> differing_columns(const sqlite::Statement& row, int first, const TicketColumns& due) {
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
  number("priority", due.priority);
  text("assignee", bytes_of(due.assignee));
  text("queue", bytes_of(due.queue));
  text("category", due.category);
  text("contact", due.contact);
  text("subject", due.subject);
  number("created_ms", due.created_ms);
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
  return differing;
}

}  // namespace tern::server
