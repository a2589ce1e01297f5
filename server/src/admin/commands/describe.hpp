// The words in which administration commands are described, and the parts of their registry in the order of the help.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "admin/admin.hpp"

namespace tern::server::admin {

std::vector<AdminEntry> people_commands();
std::vector<AdminEntry> waiting_commands();
std::vector<AdminEntry> record_commands();
std::vector<AdminEntry> library_commands();
std::vector<AdminEntry> sla_commands();
std::vector<AdminEntry> report_commands();
std::vector<AdminEntry> outgoing_commands();
std::vector<AdminEntry> inbound_commands();
std::vector<AdminEntry> ledger_commands();
std::vector<AdminEntry> server_commands();
std::vector<AdminEntry> key_commands();
std::vector<AdminEntry> ticket_actions();
std::vector<AdminEntry> message_actions();
std::vector<AdminEntry> reference_actions();
std::vector<AdminEntry> setting_actions();
std::vector<AdminEntry> token_commands();
std::vector<AdminEntry> client_actions();
std::vector<AdminEntry> widget_commands();
std::vector<AdminEntry> widget_actions();

inline AdminArg positional(std::string_view name, std::string_view help, ArgKind kind = ArgKind::text) {
  return {name, kind, true, false, true, help};
}
inline AdminArg optional_positional(std::string_view name, std::string_view help) {
  return {name, ArgKind::text, false, false, true, help};
}
inline AdminArg required(std::string_view name, std::string_view help, ArgKind kind = ArgKind::text) {
  return {name, kind, true, false, false, help};
}
inline AdminArg optional(std::string_view name, std::string_view help, ArgKind kind = ArgKind::text) {
  return {name, kind, false, false, false, help};
}
inline AdminArg repeated(std::string_view name, std::string_view help) {
  return {name, ArgKind::text, false, true, false, help};
}

/// Of a list that can grow.
inline std::vector<AdminArg> paged(std::vector<AdminArg> args = {}) {
  args.push_back(optional("limit", "At most so many; then a line {\"next\": TOKEN}", ArgKind::integer));
  args.push_back(optional("after", "TOKEN of the page before"));
  return args;
}

inline AdminArg also_called(AdminArg arg, std::vector<std::string_view> aliases) {
  arg.aliases = std::move(aliases);
  return arg;
}
inline AdminArg one_of(AdminArg arg, std::vector<std::string_view> choices) {
  arg.choices = std::move(choices);
  return arg;
}
inline AdminArg otherwise(AdminArg arg, std::string_view fallback) {
  arg.fallback = fallback;
  return arg;
}
/// Many numbers.
inline AdminArg numbers(std::string_view name, std::string_view help) {
  return {name, ArgKind::integer, true, true, false, help};
}

inline constexpr bool of_the_server = false;  // takes no --tenant

inline AdminCommand command(std::string_view name, std::string_view summary, std::string_view details,
                            std::vector<AdminArg> args, bool needs_tenant = true,
                            AdminWhere where = AdminWhere::anywhere) {
  return {name, summary, details, std::move(args), where, needs_tenant};
}

/// The command is an action of the API, too.
inline AdminCommand offered(AdminCommand command, ApiFace face) {
  command.api = std::move(face);
  return command;
}

inline AdminCommand lengthy(AdminCommand command) {
  command.lengthy = true;
  return command;
}

}  // namespace tern::server::admin
