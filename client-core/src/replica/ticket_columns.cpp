#include "replica/ticket_columns.hpp"

#include <charconv>

namespace tern::client {
namespace {

std::optional<std::int64_t> instant(const std::optional<Bytes>& value) {
  if (!value) return std::nullopt;
  std::int64_t out = 0;
  const char* end = value->data() + value->size();
  const auto [at, error] = std::from_chars(value->data(), end, out);
  if (error != std::errc{} || at != end) return std::nullopt;
  return out;
}

std::string joined_tags(const sync::TicketState& state) {
  std::string out;
  for (const Bytes& tag : sync::elements_of(state, sync::FieldId::tags)) {
    if (out.empty()) out.push_back(tag_separator);
    out.append(tag).push_back(tag_separator);
  }
  return out;
}

}  // namespace

TicketColumns columns_of(const sync::TicketState& state) {
  using sync::FieldId;
  TicketColumns columns;
  columns.number = state.number;
  if (columns.number.empty() && !state.aliases.empty()) columns.number = state.aliases.front();
  columns.integer_id = state.integer_id;
  columns.subject = sync::field_value(state, FieldId::subject).value_or("");
  columns.status = sync::status_view(state).status;
  columns.status_class = sync::class_of(state);
  columns.priority = sync::priority_of(state);
  columns.category = sync::field_value(state, FieldId::category);
  columns.type = sync::field_value(state, FieldId::type);
  columns.contact = sync::field_value(state, FieldId::contact);
  columns.organisation = sync::field_value(state, FieldId::organisation);
  columns.queue = sync::queue_of(state);
  columns.assignee = sync::assignee_of(state);
  columns.tags = joined_tags(state);
  columns.due_ms = instant(sync::field_value(state, FieldId::due_at));
  columns.created_ms = state.created ? state.created->order_ms : 0;
  columns.updated_ms = state.updated_ms;
  columns.deleted = sync::is_deleted(state);
  columns.aliases = state.aliases;
  columns.description = state.description;
  return columns;
}

}  // namespace tern::client
