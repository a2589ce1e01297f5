// What customers do with a token and visitors through a widget, the tokens and the widgets.
#include "admin/commands/describe.hpp"
#include "api/actions.hpp"

namespace tern::server::admin {
namespace {

constexpr std::string_view a_clients_ticket =
    R"({"id":42,"number":"T-2026-0042","subject":"CRM does not synchronise","description":"Since the update contacts are missing.","status":"in_progress","priority":"urgent","category":"crm","company_name":"Client Ltd","creator_name":"John Smith","created_at":"2026-03-19T10:30:00.000Z","updated_at":"2026-03-20T08:15:00.000Z","estimate":{"hours":2.5,"description":"A new sensor"},"result":null,"csat":null})";
constexpr std::string_view a_clients_page =
    R"({"tickets":[{"id":42,"number":"T-2026-0042","subject":"CRM does not synchronise","status":"in_progress","priority":"urgent","category":"crm","company_name":"Client Ltd","creator_name":"John Smith","created_at":"2026-03-19T10:30:00.000Z","updated_at":"2026-03-20T08:15:00.000Z","message_count":7}],"total":2,"page":1,"limit":30})";
constexpr std::string_view a_whole_clients_ticket =
    R"({"ticket":{"id":42,"subject":"CRM does not synchronise"},"messages":[{"id":101,"message":"Since the update contacts are missing.","author_type":"client","author_name":"John Smith","is_note":false,"created_at":"2026-03-19T10:30:00.000Z","files":[]}],"files":[]})";
constexpr std::string_view a_clients_message =
    R"({"id":102,"message":"It is pump 7.","author_type":"client","author_name":"John Smith","is_note":false,"created_at":"2026-03-19T10:45:00.000Z","files":[]})";

AdminArg own_ticket() {
  return also_called(required("ticket_id", "The ticket's id", ArgKind::integer), {"id"});
}

/// An action of clients, and no command.
AdminEntry by_client(std::string_view name, std::string_view action, std::string_view summary,
                     std::vector<AdminArg> args, std::string_view request, std::string_view answer, AdminHandler run) {
  return {offered(command(name, summary, "", std::move(args), true, AdminWhere::over_http),
                  {action, ApiSurface::client, {}, ApiRole::client, request, answer}),
          run};
}
AdminEntry on_own_ticket(std::string_view name, std::string_view action, std::string_view summary, AdminHandler run) {
  return by_client(name, action, summary, {own_ticket()}, R"({"ticket_id":42})", a_clients_ticket, run);
}

constexpr std::string_view a_visitors_ticket =
    R"({"id":43,"ticket_id":43,"number":"T-2026-0043","subject":"The pump leaks","status":"new","created_at":"2026-03-20T09:00:00.000Z","updated_at":"2026-03-20T09:00:00.000Z"})";
constexpr std::string_view a_new_visitors_ticket =
    R"({"id":43,"ticket_id":43,"number":"T-2026-0043","subject":"The pump leaks","status":"new","created_at":"2026-03-20T09:00:00.000Z","updated_at":"2026-03-20T09:00:00.000Z","ticket_secret":"wt_5f0c1d2e..."})";

AdminEntry by_visitor(std::string_view name, std::string_view action, std::string_view summary,
                      std::vector<AdminArg> args, std::string_view request, std::string_view answer, AdminHandler run) {
  return {offered(command(name, summary, "", std::move(args), true, AdminWhere::over_http),
                  {action, ApiSurface::widget, {}, ApiRole::visitor, request, answer}),
          run};
}
std::vector<AdminArg> named_ticket(std::vector<AdminArg> more = {}) {
  more.insert(
      more.begin(),
      {also_called(required("ticket_id", "The ticket's id, as create_ticket gave it", ArgKind::integer), {"id"}),
       required("email", "The address that wrote it")});
  more.push_back(
      optional("ticket_secret", "As create_ticket gave it: with it tries are not counted; some widgets demand it"));
  return more;
}
AdminArg how_tickets_open(AdminArg arg) {
  return one_of(std::move(arg), {"offered", "demanded"});
}

}  // namespace

std::vector<AdminEntry> widget_commands() {
  return {
      {command("widget add", "A form that may be on pages of yours, for whoever visits them",
               "Its key stands in these pages.\nExample: ternd widget add Shop --origins https://shop.example",
               {positional("name", "What it is for"), repeated("origins", "https://shop.example, whose pages it is on"),
                otherwise(how_tickets_open(
                              optional("ticket-secret", "What opens a ticket beside its number and the address")),
                          "offered")}),
       actions::widget_add},
      {command("widget list", "Widgets, with their keys", "Example: ternd widget list", {}), actions::widget_list},
      {command("widget set", "Whether number and address open a ticket, or it takes the secret that came with it",
               "Example: ternd widget set Shop --ticket-secret demanded",
               {positional("widget", "Name or id"),
                how_tickets_open(required("ticket-secret", "What opens a ticket beside its number and the address"))}),
       actions::widget_set},
      {command("widget revoke", "The widget's key opens nothing any more, nor do the numbers of tickets that it gave",
               "Example: ternd widget revoke Shop", {positional("widget", "Name or id")}),
       actions::widget_revoke},
  };
}

std::vector<AdminEntry> widget_actions() {
  return {
      by_visitor(
          "widget create_ticket", "create_ticket", "A new ticket of whoever writes under that address",
          {optional("name", "Who writes"), required("email", "Where they are written to"),
           optional("phone", "A telephone number"), required("subject", "What it is about"),
           required("description", "Shown as its first message")},
          R"({"name":"Joe","email":"joe@visitor.example","subject":"The pump leaks","description":"In hall 2."})",
          a_new_visitors_ticket, actions::widget_create_ticket),
      by_visitor("widget check_status", "check_status", "Where that ticket stands", named_ticket(),
                 R"({"ticket_id":43,"email":"joe@visitor.example"})", a_visitors_ticket, actions::widget_check_status),
      by_visitor("widget add_reply", "add_reply", "A reply to that ticket",
                 named_ticket({also_called(required("message", "The text"), {"text"})}),
                 R"({"ticket_id":43,"email":"joe@visitor.example","message":"It is pump 7."})", a_clients_message,
                 actions::widget_add_reply),
      by_visitor(
          "widget get_messages", "get_messages", "What was written to them and by them", named_ticket(),
          R"({"ticket_id":43,"email":"joe@visitor.example"})",
          R"([{"id":101,"message":"In hall 2.","author_type":"client","author_name":"Joe","is_note":false,"created_at":"2026-03-20T09:00:00.000Z","files":[]}])",
          actions::widget_get_messages),
  };
}

std::vector<AdminEntry> token_commands() {
  return {
      {offered(
           command(
               "api create_client_token", "A token with which one user of a client sees their own tickets",
               "Shown once. It ends by itself, with the key that made it, or by ternd token revoke.\nExample: ternd "
               "api create_client_token --portal-domain client.example --user-id 123 --user-name John",
               {required("portal_domain", "The client's portal"),
                otherwise(optional("user_id",
                                   "The user, as the client's own pages know them; 0: anonymous, somebody new each "
                                   "time",
                                   ArgKind::integer),
                          "0"),
                otherwise(optional("user_name", "How they are called"), "Client"),
                otherwise(optional("ttl", "Seconds that it is good for, 300 to 604800", ArgKind::integer), "86400")}),
           {"create_client_token",
            ApiSurface::admin,
            {"write", "clients"},
            ApiRole::operator_,
            R"({"portal_domain":"client.example","user_id":123,"user_name":"John"})",
            R"({"token":"ct_5f0c1d2e...","expires_in":86400,"portal_url":"https://desk.example/index.html?ctoken=ct_5f0c1d2e...","embed_url":"https://desk.example/embed.html?ctoken=ct_5f0c1d2e..."})",
            false,
            false,
            true}),
       actions::create_client_token},
      {command("token list", "Tokens of clients that have not ended, the newest first", "Example: ternd token list",
               {}),
       actions::token_list},
      {command("token revoke", "Takes tokens of clients back",
               "One by --token-id, or all of an organisation.\nExample: ternd token revoke --portal-domain "
               "client.example",
               {optional("token_id", "As token list shows it"), optional("portal_domain", "All of this client")}),
       actions::token_revoke},
  };
}

std::vector<AdminEntry> client_actions() {
  return {
      by_client(
          "client create_ticket", "create_ticket", "A new ticket of the client's own",
          {required("subject", "What it is about"), required("description", "Shown as its first message"),
           otherwise(
               one_of(optional("priority", "How urgent"), {"low", "normal", "medium", "high", "urgent", "critical"}),
               "normal"),
           optional("category", "Its code; one that is there")},
          R"({"subject":"CRM does not synchronise","description":"Since the update contacts are missing."})",
          R"({"id":43,"subject":"CRM does not synchronise","status":"new","created_at":"2026-03-20T09:00:00.000Z","number":"T-2026-0043","duplicates":[]})",
          actions::client_create_ticket),
      by_client("client list_tickets", "list_tickets", "The client's own tickets, newest first, 30 a page",
                {otherwise(optional("page", "From 1 on", ArgKind::integer), "1"),
                 optional("search", "Words of subject, description or messages; or a number: that ticket"),
                 otherwise(optional("status", "active new in_progress done all, or a ticket's own"), "all")},
                R"({"status":"active"})", a_clients_page, actions::client_list_tickets),
      by_client("client get_ticket", "get_ticket", "One of their tickets, with what was written to them and by them",
                {own_ticket()}, R"({"ticket_id":42})", a_whole_clients_ticket, actions::client_get_ticket),
      by_client("client add_message", "add_message", "A reply; a ticket that is done is opened by it",
                {own_ticket(), also_called(required("message", "The text"), {"text"})},
                R"({"ticket_id":42,"message":"It is pump 7."})", a_clients_message, actions::client_add_message),
      on_own_ticket("client accept_ticket", "accept_ticket", "Accepts what was done: the ticket is closed",
                    actions::client_accept_ticket),
      on_own_ticket("client reopen_ticket", "reopen_ticket", "Opens a ticket that is done or closed",
                    actions::client_reopen_ticket),
      on_own_ticket("client approve_estimate", "approve_estimate", "Approves the estimate: the work begins",
                    actions::client_approve_estimate),
      by_client(
          "client client_dashboard", "client_dashboard", "How many of their tickets stand where", {}, "{}",
          R"({"total":7,"total_open":3,"total_new":1,"total_in_progress":1,"total_on_hold":1,"total_done":1,"total_closed":3,"estimates_to_approve":1})",
          actions::client_dashboard),
      by_client(
          "client kb_articles", "kb_articles", "Published articles of the knowledge base, by title, 30 a page",
          {optional("search", "Words of title, category or text; the last one may be a beginning"),
           otherwise(optional("page", "From 1 on", ArgKind::integer), "1"),
           also_called(optional("article_id", "Only this one; counted as read", ArgKind::integer), {"id"})},
          R"({"search":"reset"})",
          R"([{"id":1,"title":"Reset a meter","category":"setup","content":"Hold the key for 5 seconds.","updated_at":"2026-03-19T10:30:00.000Z"}])",
          actions::client_kb_articles),
      by_client("client submit_csat", "submit_csat", "What they think of what was done, once for each time it was done",
                {own_ticket(), also_called(required("rating", "1 to 5", ArgKind::integer), {"score"}),
                 optional("comment", "In their words, at most 8 KiB")},
                R"({"ticket_id":42,"rating":5,"comment":"Quick and friendly"})", a_clients_ticket,
                actions::client_submit_csat),
  };
}

}  // namespace tern::server::admin
