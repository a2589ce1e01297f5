// The actions of the API, by the room they are in. What each takes and gives: admin/commands/actions_*.cpp,
// docs/api.md.
#pragma once

#include "admin/admin.hpp"
#include "api/ticket_view.hpp"

namespace tern::server::actions {

// actions/tickets.cpp
Result<Json> list_tickets(AdminCall& call);
Result<Json> get_ticket(AdminCall& call);
Result<Json> create_ticket(AdminCall& call);
Result<Json> update_ticket(AdminCall& call);
// actions/lifecycle.cpp
Result<Json> take_ticket(AdminCall& call);
Result<Json> reassign_ticket(AdminCall& call);
Result<Json> set_estimate(AdminCall& call);
Result<Json> complete_ticket(AdminCall& call);
Result<Json> hold_ticket(AdminCall& call);
Result<Json> resume_ticket(AdminCall& call);
Result<Json> reopen_ticket(AdminCall& call);
// actions/messages.cpp
Result<Json> add_message(AdminCall& call);
Result<Json> edit_message(AdminCall& call);
Result<Json> delete_message(AdminCall& call);
// actions/removal.cpp
Result<Json> merge_tickets(AdminCall& call);
Result<Json> delete_ticket(AdminCall& call);
Result<Json> bulk_delete_tickets(AdminCall& call);
// actions/tags.cpp
Result<Json> list_tags(AdminCall& call);
Result<Json> create_tag(AdminCall& call);
Result<Json> delete_tag(AdminCall& call);
Result<Json> add_ticket_tag(AdminCall& call);
Result<Json> remove_ticket_tag(AdminCall& call);
// actions/reference.cpp
Result<Json> list_operators(AdminCall& call);
Result<Json> list_contacts(AdminCall& call);
Result<Json> get_sla_rules(AdminCall& call);
Result<Json> get_business_hours(AdminCall& call);
Result<Json> get_plan_features(AdminCall& call);
// actions/figures.cpp
Result<Json> list_clients(AdminCall& call);
Result<Json> dashboard(AdminCall& call);
Result<Json> dashboard_analytics(AdminCall& call);
// actions/login.cpp
Result<Json> admin_login(AdminCall& call);
// actions/keys.cpp
Result<Json> key_add(AdminCall& call);
Result<Json> key_list(AdminCall& call);
Result<Json> key_revoke(AdminCall& call);
Result<Json> key_regenerate(AdminCall& call);
Result<Json> tenant_plan(AdminCall& call);

/// Runs `work` on the strand with the ticket that --ticket_id names, as it is then; gives the ticket as it is after.
template <typename Work>
Result<Json> change_ticket(AdminCall& call, Work work) {
  const auto changed = call.on_strand([&]() -> Result<TicketId> {
    TERN_TRY(auto reader, call.tenant().reader());
    TicketView view(call.tenant(), reader.db(), call.caller());
    TERN_TRY(const FoundTicket found, view.find(call.integer("ticket_id", 0)));
    TERN_CHECKED(work(found.state));
    return found.state.id;
  });
  TERN_CHECKED(changed);
  TERN_TRY(auto reader, call.tenant().reader());
  TicketView view(call.tenant(), reader.db(), call.caller());
  TERN_TRY(const FoundTicket found, view.find(*changed));
  return view.ticket(found.state);
}

}  // namespace tern::server::actions
