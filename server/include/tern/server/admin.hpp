// Administration as data: one registry from which the command line takes its verbs, flags and help, and the server its
// handlers.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/error.hpp"
#include "tern/protocol/json.hpp"

namespace tern::server {

enum class ArgKind : std::uint8_t {
  text,
  flag,
  integer,
  secret /* read from stdin, never a flag's value */,
  path,
  number,  // with a fraction
  object   // JSON; on the command line as text
};

struct AdminArg {
  std::string_view name;  // "email": --email on the command line, "email" in JSON
  ArgKind kind = ArgKind::text;
  bool required = false;
  bool repeated = false;  // a JSON array
  bool positional = false;
  std::string_view help;
  // Where it is a parameter of the API, too.
  std::vector<std::string_view> choices = {};  // none: anything of its kind
  std::vector<std::string_view> aliases = {};  // other names that it goes by
  std::string_view fallback = {};              // what it is when left out, as the reference shows it
};

/// Which of the API's doors an action stands behind: docs/api.md.
enum class ApiSurface : std::uint8_t { admin, client, widget };
std::string_view surface_name(ApiSurface surface);
/// The least that an action asks of who calls it. From `editor` on a person in a session: no key gets there. An editor
/// is an administrator, or an operator who was let edit (toggle_operator_edit). `client` and `visitor` are of doors of
/// their own.
enum class ApiRole : std::uint8_t { nobody, visitor, client, operator_, supervisor, editor, admin, head_admin };
std::string_view api_role_name(ApiRole role);

/// An action of the API: the same command, its arguments as parameters.
struct ApiFace {
  std::string_view action;  // "create_ticket"
  ApiSurface surface = ApiSurface::admin;
  std::vector<std::string_view> scopes;  // of a key: all of them
  ApiRole role = ApiRole::operator_;
  std::string_view request;     // parameters of an example, JSON
  std::string_view answer;      // `data` of an answer, JSON
  bool takes_files = false;     // as files[] of a multipart form
  bool of_session = false;      // of people who are logged in: for no key, whomever it acts as
  bool makes_token = false;     // gives a credential: for no mobile token
  bool head_admin_too = false;  // of an administrator's: for a head administrator as well
};

/// Where a command may run: beside a running server through its admin socket, or on the directory itself.
/// `over_http`: only as an action of the API, because who asks is known by their credential.
enum class AdminWhere : std::uint8_t { anywhere, offline_only, online_only, over_http };

struct AdminCommand {
  std::string_view name;     // "operator add"
  std::string_view summary;  // one line of --help
  std::string_view details;  // for --help and the man page: what it does, an example
  std::vector<AdminArg> args;
  AdminWhere where = AdminWhere::anywhere;
  bool needs_tenant = true;  // takes --tenant NAME; may be left out while there is one
  bool lengthy = false;      // minutes for a large tenant: runs beside other commands, not beside its own kind
  std::optional<ApiFace> api = std::nullopt;
};

/// All of them, in the order of the help. `{"command": name, "tenant"?: ..., arg: value ...}` goes to
/// ServerCore::administer; the answer is one object, with an array "rows" where a command lists things, or the array
/// itself where an action of the API does.
std::span<const AdminCommand> admin_commands();
/// Those that are actions of the API, with those of them that are no commands.
std::span<const AdminCommand> api_actions();
/// What commands of one first word have in common ("operator"): the line of --help.
std::string_view admin_family_summary(std::string_view family);
/// The actions of the API in Markdown, as docs/api.md has them.
std::string api_reference();

}  // namespace tern::server
