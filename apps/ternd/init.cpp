// ternd init: the directory, the first administrator, and the recovery key that is shown once.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "exit_codes.hpp"
#include "invocation.hpp"
#include "qr.hpp"
#include "system_environment.hpp"
#include "terminal.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/server/server_core.hpp"

namespace tern::apps {
namespace {

std::string shown_on_terminal(const std::string& key, const std::string& tenant) {
  return "Tern recovery key of " + safe(tenant) + "\n\n  " + key +
         "\n\nWhoever has this key can restore backups and replace the server's keys; without it a backup cannot be "
         "read.\n"
         "Keep it on paper, away from this machine. It is not stored in the server's directory and cannot be shown "
         "again.\n";
}

/// Refused before anything is made: afterwards the key could not be shown a second time.
Result<void> check_sheet_path(const std::string& path, const std::string& data) {
  std::error_code ignored;
  const auto whole = [&](const std::string& name) {
    auto full = std::filesystem::weakly_canonical(std::filesystem::absolute(name, ignored), ignored);
    return full.has_filename() ? full : full.parent_path();  // "data/" is "data"
  };
  if (std::filesystem::exists(path, ignored))
    return fail(ErrorCode::invalid, "There is a file " + path + " already.", "Name a new one with --recovery-out.",
                "recovery-out");
  const auto folder = whole(path).parent_path().string(), home = whole(data).string();
  if (folder == home || folder.starts_with(home + "/"))
    return fail(ErrorCode::invalid, "The recovery key must not lie in the server's own directory.",
                "Name another file with --recovery-out.", "recovery-out");
  return {};
}

}  // namespace

int run_init(const Invocation& call) {
  auto password = read_stdin(1024);
  if (!password) return report(password.error(), call.json);
  if (password->size() < 8)
    return report({ErrorCode::invalid, "The administrator's password has fewer than 8 characters.",
                   "Choose a longer one.", "password"},
                  call.json);
  const bool on_terminal = call.recovery_out.empty() && ::isatty(STDOUT_FILENO) == 1 && !call.json;
  std::string path = call.recovery_out;
  if (path.empty() && !on_terminal) path = server::ServerCore::recovery_sheet_path(call.data);
  if (!path.empty())
    if (const auto free = check_sheet_path(path, call.data); !free) return report(free.error(), call.json);
  std::error_code ignored;

  SystemEnvironment environment;
  server::ServerOptions options;
  options.directory = call.data;
  options.server_version = TERN_VERSION;
  options.zone = call.zone;
  options.encrypt = call.encrypt;
  if (const auto parent = std::filesystem::absolute(call.data, ignored).lexically_normal().parent_path();
      !std::filesystem::exists(parent, ignored))
    std::filesystem::create_directories(parent, ignored);
  auto made = server::ServerCore::init(options, call.tenant, call.admin, *password, environment);
  protocol::wipe(*password);
  if (!made) return report(made.error(), call.json);
  if (on_terminal) {
    std::cout << shown_on_terminal(made->recovery_key, call.tenant) << '\n' << qr_text(made->recovery_key);
  } else if (const auto written = server::ServerCore::write_recovery_sheet(options, path, made->recovery_key);
             !written) {
    // The key must not be lost because a disk is full: show it where it can still be seen.
    std::cerr << shown_on_terminal(made->recovery_key, call.tenant);
    protocol::wipe(made->recovery_key);
    return report(written.error(), call.json);
  }
  protocol::wipe(made->recovery_key);
  if (call.json)
    std::cout << to_text(Json::object({{"tenant", Json(call.tenant)},
                                       {"tenant_id", Json(to_uuid_text(made->tenant.view()))},
                                       {"data", Json(call.data)},
                                       {"recovery_sheet", Json(path)}}))
              << '\n';
  else if (!path.empty())
    std::cout << "Made the server directory " << safe(call.data) << " with the tenant " << safe(call.tenant)
              << ".\nThe recovery sheet is in " << safe(path) << ": print it, store it elsewhere, delete the file.\n";
  return exit_done;
}

}  // namespace tern::apps
