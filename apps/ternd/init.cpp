// ternd init: the directory, the first administrator, and the recovery key that is shown once.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "exit_codes.hpp"
#include "invocation.hpp"
#include "qr.hpp"
#include "system_environment.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/server/server_core.hpp"

namespace tern::apps {
namespace {

std::string sheet(const std::string& key, const std::string& tenant) {
  return "Tern recovery key of " + tenant + "\n\n  " + key +
         "\n\nWhoever has this key can restore backups and replace the server's keys; without it a backup cannot be "
         "read.\n"
         "Keep it on paper, away from this machine. It is not stored in the server's directory and cannot be shown "
         "again.\n";
}

/// 0600, and never over a file that is there.
Result<void> write_sheet(const std::string& path, const std::string& content) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0)
    return fail(ErrorCode::storage_failed, "Cannot write the recovery sheet to the new file " + path + ".",
                "Name another with --recovery-out.", "recovery-out");
  const bool written = ::write(descriptor, content.data(), content.size()) == static_cast<ssize_t>(content.size()) &&
                       ::fsync(descriptor) == 0;
  ::close(descriptor);
  if (!written)
    return fail(ErrorCode::storage_failed, "Cannot write the recovery sheet to " + path + ".", "", "recovery-out");
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
  if (path.empty() && !on_terminal)
    path = std::filesystem::path(call.data).lexically_normal().string() + ".recovery-sheet";
  std::error_code ignored;
  if (!path.empty() && std::filesystem::exists(path, ignored))
    return report({ErrorCode::invalid, "There is a file " + path + " already.", "Name a new one with --recovery-out.",
                   "recovery-out"},
                  call.json);

  SystemEnvironment environment;
  server::ServerOptions options;
  options.directory = call.data;
  options.server_version = TERN_VERSION;
  if (const auto parent = std::filesystem::absolute(call.data, ignored).lexically_normal().parent_path();
      !std::filesystem::exists(parent, ignored))
    std::filesystem::create_directories(parent, ignored);
  auto made = server::ServerCore::init(options, call.tenant, call.admin, *password, environment);
  protocol::wipe(*password);
  if (!made) return report(made.error(), call.json);
  const std::string text = sheet(made->recovery_key, call.tenant);
  if (on_terminal) {
    std::cout << text << '\n' << qr_text(made->recovery_key);
  } else if (const auto written = write_sheet(path, text); !written) {
    // The key must not be lost because a disk is full: show it where it can still be seen.
    std::cerr << text;
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
    std::cout << "Made the server directory " << call.data << " with the tenant " << call.tenant
              << ".\nThe recovery sheet is in " << path << ": print it, store it elsewhere, delete the file.\n";
  return exit_done;
}

}  // namespace tern::apps
