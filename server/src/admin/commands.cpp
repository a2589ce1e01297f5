// The registry of administration commands: names, help, arguments, handlers. Command line, man page and checks are made
// of it.
#include <algorithm>
#include <iterator>

#include "admin/commands/describe.hpp"

namespace tern::server {
namespace {

std::vector<AdminEntry> joined_entries() {
  std::vector<AdminEntry> all;
  for (const auto part :
       {admin::people_commands, admin::waiting_commands, admin::record_commands, admin::library_commands,
        admin::sla_commands, admin::report_commands, admin::outgoing_commands, admin::inbound_commands,
        admin::ledger_commands, admin::server_commands, admin::key_commands, admin::ticket_actions,
        admin::message_actions, admin::reference_actions, admin::setting_actions, admin::token_commands,
        admin::client_actions, admin::widget_commands, admin::widget_actions})
    std::ranges::move(part(), std::back_inserter(all));
  return all;
}

}  // namespace

std::span<const AdminEntry> admin_entries() {
  static const std::vector<AdminEntry> entries = joined_entries();
  return entries;
}

std::string_view surface_name(ApiSurface surface) {
  constexpr std::string_view names[] = {"admin", "client", "widget"};
  return names[static_cast<std::size_t>(surface)];
}

std::string_view api_role_name(ApiRole role) {
  constexpr std::string_view names[] = {"nobody",     "visitor", "client", "operator",
                                        "supervisor", "editor",  "admin",  "head_admin"};
  return names[static_cast<std::size_t>(role)];
}

std::string_view admin_family_summary(std::string_view family) {
  constexpr std::pair<std::string_view, std::string_view> summaries[] = {
      {"tenant", "Organisations on this server"},
      {"operator", "People who work on tickets: role, queues, login"},
      {"device", "Their devices: codes for new ones, state, revocation"},
      {"held", "Changes that wait for a supervisor"},
      {"quarantine", "Work that revoked devices handed in"},
      {"handed-back", "Others' work that devices hold after a restore"},
      {"queue", "Queues of tickets"},
      {"category", "Categories of tickets"},
      {"contact", "Customers"},
      {"person", "What is known of a customer: given to them, or erased"},
      {"organisation", "Organisations of customers"},
      {"client", "The same, as the API calls them"},
      {"tag", "Tags that lists offer"},
      {"quick-reply", "Texts to answer with, everybody's or somebody's own"},
      {"macro", "Several steps that are done at once"},
      {"article", "The knowledge base"},
      {"view", "Lists of tickets under a name, everybody's or somebody's own"},
      {"tariff", "What organisations pay for"},
      {"field", "Custom fields of tickets"},
      {"record", "Queues, operators, contacts ... many at once"},
      {"import", "Tickets from elsewhere"},
      {"search", "The index that searches use"},
      {"keys", "The keys that this server signs with"},
      {"clock", "The server's clock"},
      {"key", "Keys with which integrations use the API"},
      {"widget", "Forms on pages of yours, for whoever visits them"},
      {"token", "Tokens with which clients see their own tickets"},
      {"api", "Actions of the API, done here"},
      {"calendar", "Business hours"},
      {"route", "Who is given tickets, and why"},
      {"sla", "The clock of what was promised to customers"},
      {"sla rule", "What is promised to whom"},
      {"webhook", "Addresses that are told of what happens to tickets"},
      {"inbound", "Addresses at which programs of others make tickets"},
      {"mail", "The mail server, and what was mailed"},
      {"oidc", "An issuer that vouches for who logs in"},
      {"report", "What a period came to, and how sure that is"}};
  for (const auto& [name, summary] : summaries)
    if (name == family) return summary;
  return {};
}

std::span<const AdminCommand> admin_commands() {
  static const std::vector<AdminCommand> commands = [] {
    std::vector<AdminCommand> out;
    for (const AdminEntry& entry : admin_entries())
      if (entry.command.where != AdminWhere::over_http) out.push_back(entry.command);
    return out;
  }();
  return commands;
}

std::span<const AdminCommand> api_actions() {
  static const std::vector<AdminCommand> actions = [] {
    std::vector<AdminCommand> out;
    for (const AdminEntry& entry : admin_entries())
      if (entry.command.api) out.push_back(entry.command);
    return out;
  }();
  return actions;
}

}  // namespace tern::server
