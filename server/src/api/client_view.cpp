#include "api/client_view.hpp"

#include <span>

namespace tern::server {
namespace {

constexpr std::string_view ticket_members[] = {"id",         "number",   "subject",      "description",  "status",
                                               "priority",   "category", "company_name", "creator_name", "created_at",
                                               "updated_at", "estimate", "result",       "csat"};
constexpr std::string_view row_members[] = {"id",         "number",     "subject",      "status",
                                            "priority",   "category",   "company_name", "creator_name",
                                            "created_at", "updated_at", "message_count"};
constexpr std::string_view message_members[] = {"id",         "message",   "author_type", "author_name", "is_note",
                                                "created_at", "edited_at", "deleted",     "files"};

Json shown_of(const Json& whole, std::span<const std::string_view> shown) {
  Json out = Json::object();
  for (const std::string_view name : shown)
    if (const Json* member = whole.find(name)) out.append_member(std::string(name), *member);
  return out;
}

}  // namespace

Result<Json> client_ticket(TicketView& view, const sync::TicketState& state) {
  TERN_TRY(const Json whole, view.ticket(state));
  return shown_of(whole, ticket_members);
}

Result<Json> client_row(TicketView& view, const FoundTicket& ticket) {
  TERN_TRY(const Json whole, view.row(ticket));
  return shown_of(whole, row_members);
}

Json client_message(const TicketView& view, const FoundMessage& message) {
  return shown_of(view.message(message), message_members);
}

Json client_messages(const TicketView& view, const FoundTicket& ticket, const std::vector<FoundMessage>& written) {
  Json out = Json::array({shown_of(view.description(ticket), message_members)});
  for (const FoundMessage& message : written) out.push(client_message(view, message));
  return out;
}

}  // namespace tern::server
