// The actions of the API, by the room they are in. What each takes and gives: admin/commands/actions_*.cpp,
// docs/api.md.
#pragma once

#include <functional>

#include "admin/admin.hpp"
#include "api/ticket_list.hpp"
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
Result<Json> send_message(AdminCall& call);
Result<Json> delete_message(AdminCall& call);
// actions/removal.cpp
Result<Json> merge_tickets(AdminCall& call);
Result<Json> delete_ticket(AdminCall& call);
Result<Json> bulk_delete_tickets(AdminCall& call);
Result<Json> restore_ticket(AdminCall& call);
// actions/belongings.cpp
Result<Json> split_ticket(AdminCall& call);
Result<Json> link_tickets(AdminCall& call);
Result<Json> unlink_tickets(AdminCall& call);
Result<Json> log_time(AdminCall& call);
Result<Json> add_ticket_watcher(AdminCall& call);
Result<Json> remove_ticket_watcher(AdminCall& call);
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
Result<Json> save_business_hours(AdminCall& call);
// actions/library.cpp
Result<Json> list_quick_replies(AdminCall& call);
Result<Json> list_macros(AdminCall& call);
Result<Json> list_views(AdminCall& call);
Result<Json> list_kb_articles(AdminCall& call);
Result<Json> create_kb_article(AdminCall& call);
Result<Json> update_kb_article(AdminCall& call);
Result<Json> delete_kb_article(AdminCall& call);
Result<Json> client_kb_articles(AdminCall& call);
// actions/notifications.cpp
Result<Json> notif_count(AdminCall& call);
Result<Json> get_notifications(AdminCall& call);
// actions/tariffs.cpp
Result<Json> get_tariff_plans(AdminCall& call);
Result<Json> create_tariff(AdminCall& call);
Result<Json> update_tariff(AdminCall& call);
Result<Json> delete_tariff(AdminCall& call);
// actions/figures.cpp
Result<Json> list_clients(AdminCall& call);
Result<Json> dashboard(AdminCall& call);
Result<Json> dashboard_analytics(AdminCall& call);
// actions/clients.cpp
Result<Json> client_settings(AdminCall& call);
// actions/demo.cpp
Result<Json> check_demo_status(AdminCall& call);
Result<Json> enable_demo(AdminCall& call);
Result<Json> demo_analytics(AdminCall& call);
// actions/people.cpp
Result<Json> add_operator(AdminCall& call);
Result<Json> remove_operator(AdminCall& call);
Result<Json> set_own_status(AdminCall& call);
Result<Json> update_operator_role(AdminCall& call);
Result<Json> toggle_operator_edit(AdminCall& call);
// actions/settings.cpp
Result<Json> create_channel(AdminCall& call);
Result<Json> update_channel(AdminCall& call);
Result<Json> delete_channel(AdminCall& call);
Result<Json> get_channels_status(AdminCall& call);
Result<Json> get_branding(AdminCall& call);
Result<Json> save_branding(AdminCall& call);
Result<Json> reset_branding(AdminCall& call);
Result<Json> list_triggers(AdminCall& call);
Result<Json> save_trigger(AdminCall& call);
Result<Json> delete_trigger(AdminCall& call);
// actions/platform.cpp
Result<Json> list_tenants(AdminCall& call);
Result<Json> update_tenant(AdminCall& call);
Result<Json> list_error_logs(AdminCall& call);
// actions/login.cpp
Result<Json> admin_login(AdminCall& call);
Result<Json> oidc_begin(AdminCall& call);
Result<Json> oidc_finish(AdminCall& call);
Result<Json> mobile_login(AdminCall& call);
Result<Json> create_mobile_token(AdminCall& call);
Result<Json> end_mobile_token(AdminCall& call);
Result<Json> begin_two_factor(AdminCall& call);
Result<Json> confirm_two_factor(AdminCall& call);
Result<Json> end_two_factor(AdminCall& call);
Result<Json> forgot_password(AdminCall& call);
Result<Json> reset_password(AdminCall& call);
// actions/client_tokens.cpp
Result<Json> create_client_token(AdminCall& call);
Result<Json> token_list(AdminCall& call);
Result<Json> token_revoke(AdminCall& call);
// actions/client.cpp
Result<Json> client_create_ticket(AdminCall& call);
Result<Json> client_list_tickets(AdminCall& call);
Result<Json> client_get_ticket(AdminCall& call);
Result<Json> client_add_message(AdminCall& call);
Result<Json> client_accept_ticket(AdminCall& call);
Result<Json> client_reopen_ticket(AdminCall& call);
Result<Json> client_approve_estimate(AdminCall& call);
Result<Json> client_dashboard(AdminCall& call);
Result<Json> client_submit_csat(AdminCall& call);
// actions/widget.cpp
Result<Json> widget_create_ticket(AdminCall& call);
Result<Json> widget_check_status(AdminCall& call);
Result<Json> widget_add_reply(AdminCall& call);
Result<Json> widget_get_messages(AdminCall& call);
Result<Json> widget_add(AdminCall& call);
Result<Json> widget_list(AdminCall& call);
Result<Json> widget_set(AdminCall& call);
Result<Json> widget_revoke(AdminCall& call);
// actions/keys.cpp
Result<Json> key_add(AdminCall& call);
Result<Json> key_list(AdminCall& call);
Result<Json> key_revoke(AdminCall& call);
Result<Json> key_regenerate(AdminCall& call);
Result<Json> tenant_plan(AdminCall& call);

/// Strand. The record of a client, before the first change of theirs.
void add_contact_of(const AdminCall& call, const Caller& client, std::vector<ServerChange>& changes);

/// What --status and --search say of a list. `invalid` with field "status".
Result<TicketFilter> filter_asked(const AdminCall& call);

/// What the caller has just changed, whoever may read it by now; what was changed by a request that came before, only
/// while they may.
Result<FoundTicket> find_changed(const AdminCall& call, TicketView& view, ByteView ticket);

/// A ticket that is being made.
struct NewTicket {
  sync::Change& create;
  std::vector<ServerChange> first = {}, then = {};             // committed before it, and behind it
  std::function<Result<void>(sqlite::Database&)> beside = {};  // written with it
  std::optional<TicketId> instead = {};                        // of one that is there: nothing is made
  bool asks = false;                                           // what is required must be there
};
/// What the parameters say beside that, of a ticket that staff and programs of theirs make; what is required is asked.
Result<void> add_content(const AdminCall& call, NewTicket& made);
using AddToTicket = std::function<Result<void>(NewTicket&)>;
/// A ticket of what --subject, --description, --priority and --category say: {"id","subject","status","created_at",
/// "number","duplicates"}. `add` says the rest on the strand.
Result<Json> make_ticket(AdminCall& call, const AddToTicket& add);

using FindTicket = std::function<Result<FoundTicket>(TicketView&)>;
using ShowSaid = std::function<Result<Json>(TicketView&, const ChangeId&)>;
using ShowMessage = std::function<Json(const TicketView&, const FoundMessage&)>;
/// `author` says --message on the ticket that `find` gives on the strand. `show` is asked for the answer, by the change
/// that said it now or when the request came before.
Result<Json> say_message(AdminCall& call, const Caller& author, sync::Visibility visibility, const FindTicket& find,
                         const ShowSaid& show);
/// The caller says it on the ticket that --ticket_id names; what was said before is shown while they may read it.
Result<Json> say_on_ticket(AdminCall& call, sync::Visibility visibility, const ShowMessage& show);

/// Runs `work` on the strand with the ticket that --ticket_id names, as it is then; gives the ticket as it is after, in
/// the `shape` of who asked.
template <typename Work, typename Shape = decltype(&TicketView::ticket)>
Result<Json> change_ticket(AdminCall& call, Work work, Shape shape = &TicketView::ticket) {
  TERN_TRY(const Bytes changed, call.change([&]() -> Result<void> {
    TERN_TRY(auto reader, call.tenant().reader());
    TicketView view(call.tenant(), reader.db(), call.caller());
    TERN_TRY(const FoundTicket found, view.find(call.integer("ticket_id", 0)));
    call.makes(found.state.id.view());
    return work(found.state);
  }));
  TERN_TRY(auto reader, call.tenant().reader());
  TicketView view(call.tenant(), reader.db(), call.caller());
  TERN_TRY(const FoundTicket found, find_changed(call, view, changed));
  return std::invoke(shape, view, found.state);
}

}  // namespace tern::server::actions
