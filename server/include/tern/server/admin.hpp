// Administration as data: one registry from which the command line takes its verbs, flags and help, and the server its
// handlers.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/error.hpp"
#include "tern/protocol/json.hpp"

namespace tern::server {

enum class ArgKind : std::uint8_t { text, flag, integer, secret /* read from stdin, never a flag's value */, path };

struct AdminArg {
  std::string_view name;  // "email": --email on the command line, "email" in JSON
  ArgKind kind = ArgKind::text;
  bool required = false;
  bool repeated = false;  // a JSON array
  bool positional = false;
  std::string_view help;
};

/// Where a command may run: beside a running server through its admin socket, or on the directory itself.
enum class AdminWhere : std::uint8_t { anywhere, offline_only, online_only };

struct AdminCommand {
  std::string_view name;     // "operator add"
  std::string_view summary;  // one line of --help
  std::string_view details;  // for --help and the man page: what it does, an example
  std::vector<AdminArg> args;
  AdminWhere where = AdminWhere::anywhere;
  bool needs_tenant = true;  // takes --tenant NAME; may be left out while there is one
  bool lengthy = false;      // minutes for a large tenant: runs beside other commands, not beside its own kind
};

/// All of them, in the order of the help. `{"command": name, "tenant"?: ..., arg: value ...}` goes to
/// ServerCore::administer; the answer is one object, with an array "rows" where a command lists things.
std::span<const AdminCommand> admin_commands();
/// What commands of one first word have in common ("operator"): the line of --help.
std::string_view admin_family_summary(std::string_view family);

}  // namespace tern::server
