#include "desk/ticket_refs.hpp"

#include "tern/sync/ticket_fields.hpp"

namespace tern::server {

std::string channel_of(const sync::TicketState& state) {
  using sync::FieldId;
  const auto told = sync::field_value(state, FieldId::external_ref, channel_ref);
  if (told && !told->empty()) return *told;
  const auto chat = sync::field_value(state, FieldId::external_ref, conversation_ref);
  if (chat && !chat->starts_with(':') && !chat->empty()) return chat->substr(0, chat->find(':'));
  const auto by = state.created ? state.created->author_kind : sync::PrincipalKind::operator_;
  return by == sync::PrincipalKind::contact ? "portal" : by == sync::PrincipalKind::integration ? "api" : "desk";
}

}  // namespace tern::server
