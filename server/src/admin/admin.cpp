#include "admin.hpp"

#include <algorithm>

#include "tern/protocol/limits.hpp"
#include "tern/sqlite/transaction.hpp"
#include "time_text.hpp"

namespace tern::server {
namespace {

bool is_choice(const AdminArg& arg, const Json& value) {
  return arg.choices.empty() || std::ranges::find(arg.choices, value.as_string()) != arg.choices.end();
}

bool fits(const AdminArg& arg, const Json& value) {
  switch (arg.kind) {
    case ArgKind::flag:
      return value.is_bool();
    case ArgKind::integer:
      return value.is_integer();
    case ArgKind::number:
      return value.is_number();
    case ArgKind::object:
      return value.is_object();
    case ArgKind::text:
    case ArgKind::secret:
    case ArgKind::path:
      return value.is_string() && value.as_string().size() <= limits::text_bytes_max && is_choice(arg, value);
  }
  return false;
}

Result<void> check_argument(const AdminArg& arg, const Json& value) {
  bool good = arg.repeated ? value.is_array() : fits(arg, value);
  if (arg.repeated)
    for (const Json& item : value.items()) good = good && fits(arg, item);
  if (good) return {};
  std::string hint(arg.help);
  for (const std::string_view choice : arg.choices)
    hint += (choice == arg.choices.front() ? ": " : ", ") + std::string(choice);
  return fail(ErrorCode::usage, "--" + std::string(arg.name) + " is not what it should be.", std::move(hint),
              std::string(arg.name));
}

const AdminArg* find_argument(const AdminCommand& command, std::string_view name) {
  for (const AdminArg& arg : command.args)
    if (arg.name == name) return &arg;
  return nullptr;
}

bool is_missing(const AdminArg& arg, const Json& command) {
  const Json* value = command.find(arg.name);
  if (value == nullptr) return true;
  return arg.repeated ? value->size() == 0 : value->is_string() && value->as_string().empty();
}

}  // namespace

// ---- what is done once ----

Result<std::int64_t> AdminCall::instant(std::string_view arg) const {
  if (const auto at = parse_instant(text(arg))) return *at;
  return fail(ErrorCode::date_invalid, "\"" + text(arg) + "\" is no instant.", "Write it like 2026-06-03T10:15:00Z.",
              std::string(arg));
}

WriteBeside AdminCall::beside() const {
  if (!doing_->once) return {};
  return [this](sqlite::Database& db, const ServerCommit& commit) -> Result<void> {
    const auto in_vain = [](sync::Outcome outcome) {
      return outcome == sync::Outcome::held || outcome == sync::Outcome::rejected ||
             outcome == sync::Outcome::overtaken;
    };
    if (std::ranges::any_of(commit.outcomes, in_vain)) return {};
    return note_in(db);
  };
}

Result<void> AdminCall::note_in(sqlite::Database& db) const {
  if (!doing_->once) return {};
  doing_->noted = true;
  return write_done(db, tenant().number(), *doing_->once, doing_->made, tenant().now_ms());
}

Result<bool> AdminCall::was_done() const {
  if (!doing_->once) return false;
  TERN_TRY(auto made, find_done(tenant(), *doing_->once));
  doing_->repeated = made.has_value();
  doing_->noted = false;
  if (made) doing_->made = std::move(*made);
  return doing_->repeated;
}

Result<void> AdminCall::note_done() const {
  if (!doing_->once || doing_->noted) return {};
  return tenant().write([&](sqlite::Database& db) -> Result<void> {
    TERN_TRY(auto transaction, sqlite::Transaction::begin_write(db));
    TERN_CHECKED(note_in(db));
    return transaction.commit();
  });
}

const AdminEntry* find_admin_entry(std::string_view name) {
  for (const AdminEntry& entry : admin_entries())
    if (entry.command.name == name) return &entry;
  return nullptr;
}

const AdminEntry* find_action(ApiSurface surface, std::string_view action) {
  for (const AdminEntry& entry : admin_entries())
    if (entry.command.api && entry.command.api->surface == surface && entry.command.api->action == action)
      return &entry;
  return nullptr;
}

Result<const AdminEntry*> check_command(const Json& command) {
  const std::string& name = command["command"].as_string();
  const AdminEntry* entry = find_admin_entry(name);
  if (entry == nullptr || entry->command.where == AdminWhere::over_http)
    return fail(ErrorCode::usage, "There is no command \"" + name + "\".", "See ternd --help.", "command");
  for (const auto& [member, value] : command.members()) {
    if (member == "command" || (member == "tenant" && entry->command.needs_tenant && value.is_string()) ||
        member == entry->json_member)
      continue;
    const AdminArg* arg = find_argument(entry->command, member);
    if (arg == nullptr)
      return fail(ErrorCode::usage, "ternd " + name + " has no argument \"" + member + "\".",
                  "See ternd " + name + " --help.", member);
    TERN_CHECKED(check_argument(*arg, value));
  }
  for (const AdminArg& arg : entry->command.args)
    if (arg.required && is_missing(arg, command))
      return fail(ErrorCode::usage,
                  "ternd " + name + " needs " + (arg.positional ? "" : "--") + std::string(arg.name) + ".",
                  std::string(arg.help), std::string(arg.name));
  return entry;
}

Result<Json> run_command(AdminParts& parts, const Json& command, const std::function<bool()>& stop) {
  TERN_TRY(const AdminEntry* entry, check_command(command));
  if (entry->run == nullptr)
    return fail(ErrorCode::usage, std::string(entry->command.name) + " works on a directory that no server is using.",
                "Stop the server first.", "command");
  Tenant* tenant = nullptr;
  if (entry->command.needs_tenant) {
    TERN_TRY(tenant, parts.tenants.named(command["tenant"].as_string()));
  }
  AdminCall call(parts, command, tenant, stop);
  auto answer = entry->run(call);
  parts.log.write(answer ? LogLevel::info : LogLevel::warning, "admin",
                  {{"command", Json(entry->command.name)},
                   {"tenant", tenant == nullptr ? Json() : Json(to_uuid_text(tenant->id().view()))},
                   {"code", answer ? Json("ok") : Json(to_string(answer.error().code))}});
  return answer;
}

}  // namespace tern::server
