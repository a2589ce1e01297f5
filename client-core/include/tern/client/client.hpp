// One device: its home directory, its two files, commands, views and sync engine.
//
// Owner: one process at a time (a lock file refuses a second: `busy`). Thread: one; nothing here starts threads.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tern/client/commands.hpp"
#include "tern/client/enrolment.hpp"
#include "tern/client/sync_engine.hpp"
#include "tern/client/views.hpp"
#include "tern/protocol/environment.hpp"
#include "tern/protocol/error.hpp"

namespace tern::client {

struct ClientOptions {
  std::string home;                       // 0700; files 0600
  std::optional<std::string> passphrase;  // unwraps signing and data key (Argon2id INTERACTIVE)
  std::string vfs;                        // SQLite VFS name; empty = the system's
  bool read_only_views = false;           // views while another process syncs: takes no lock, folds nothing
};

class Client {
public:
  /// `not_enrolled` when the home holds no device; `locked` without or with a wrong passphrase; `busy` when another
  /// process holds it. Folds what the replica missed; a corrupt or missing replica is rebuilt empty (cursor 0), the
  /// outbox kept.
  static Result<std::unique_ptr<Client>> open(const ClientOptions& options, Environment& environment);
  virtual ~Client() = default;

  virtual Commands& commands() = 0;
  virtual Views& views() = 0;
  virtual SyncEngine& engine() = 0;
  virtual const DeviceIdentity& identity() const = 0;

  /// The home keeps a copy of `ca_file` (PEM) in place of the one it has, and identity() names it: for after an
  /// exchange that was made with it. Who the server is, its keys say, not its certificate.
  virtual Result<void> keep_authorities(const std::string& ca_file) = 0;
};

}  // namespace tern::client
