// The whole server without sockets and threads: what the edge, the simulator, the replay and the command line drive.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/environment.hpp"
#include "tern/protocol/error.hpp"
#include "tern/protocol/json.hpp"
#include "tern/server/http.hpp"
#include "tern/server/log.hpp"

namespace tern::server {

struct DiskSpace {
  std::uint64_t total_bytes = 0, free_bytes = 0;
};

struct ServerOptions {
  std::string directory;        // 0700; refused when others can write it
  std::string public_url;       // told to devices in the QR; empty: derived from the listen address
  bool public_url_told = true;  // false: it is where it listens, which others may not reach; no mail leads there
  std::string server_version;
  std::string vfs;
  bool allow_plain_http = false;
  std::string zone = "UTC";         // of the tenant that `init` makes: the year of ticket numbers
  bool encrypt = false;             // `init` makes a directory whose databases are encrypted under a key of its own
  LogSink log_sink;                 // empty: no log lines
  std::uint64_t ballast_bytes = 0;  // kept aside in DIR/ballast, given up when the disk is full; 0: none, unguarded
  std::function<DiskSpace(const std::string&)> disk_space;  // of a directory; empty: as the system says
  std::function<bool()> interrupted;  // asked by what takes long, as `stop` of administer; empty: never
};

/// How commits are run. The product queues them for one committer strand per tenant and groups what waits; tests and
/// the replay run them at once.
class Committer;
class Egress;

/// Holds the directory's lock while it lives (`busy` when another process does).
class ServerCore {
public:
  /// Makes an empty server directory with one tenant and its first admin. The recovery key is returned once and not
  /// kept.
  struct Initialised {
    std::string recovery_key;  // 14 groups of 4; wipe after showing
    TenantId tenant;
    OperatorId admin;
  };
  static Result<Initialised> init(const ServerOptions& options, const std::string& tenant,
                                  const std::string& admin_email, const std::string& password,
                                  Environment& environment);

  /// Writes the recovery key as a sheet for people, 0600, at `path` (empty: beside the directory); gives the path.
  /// Status says so until that file is gone. Never inside the directory.
  static Result<std::string> write_recovery_sheet(const ServerOptions& options, const std::string& path,
                                                  const std::string& recovery_key);
  /// Where the sheet goes when nobody says: beside the directory.
  static std::string recovery_sheet_path(const std::string& directory);

  /// Commands that work on a directory no server is using (AdminWhere::offline_only): `restore`, `keys replace`. In and
  /// out as `administer`.
  static Result<Json> administer_offline(const ServerOptions& options, const Json& command, Environment& environment);

  static Result<std::unique_ptr<ServerCore>> open(const ServerOptions& options, Environment& environment);
  virtual ~ServerCore() = default;

  /// Every HTTP route. Thread-safe.
  virtual Handler& handler() = 0;

  /// Administration: one registry of commands, in and out as JSON; the command line calls it directly or through
  /// admin.sock. `{"command":"operator add", ...}`. Thread-safe. What takes long asks `stop` (empty: never) and ends
  /// with `busy`, leaving nothing half-made, once it says so.
  virtual Result<Json> administer(const Json& command, const std::function<bool()>& stop) = 0;
  Result<Json> administer(const Json& command) { return administer(command, {}); }

  /// Where devices reach this server, found out after it was opened: what links and `status` say unless the options
  /// did.
  virtual Result<void> found_public_url(const std::string& url) = 0;

  /// Periodic work (scope expiry, idle checkpoints, expired codes and sessions). Call about once a second.
  virtual void tick() = 0;

  /// Replaces the inline committer by one that groups; call before serving. Takes ownership.
  virtual void use_committer(std::unique_ptr<Committer> committer) = 0;

  /// Where deliveries to streams run, so that they hold up no commit (StreamHub::use_executor). Without it they run at
  /// once. Call before serving; what it was given has run, or was dropped, before the core goes.
  virtual void use_push_executor(std::function<void(std::function<void()>)> run_later) = 0;

  /// Where exchanges are answered once the commit that they waited for returned: the edge's workers
  /// (EdgeServer::executor). Without it a worker waits for each commit. Call before serving; same lifetime.
  virtual void use_answer_executor(std::function<void(std::function<void()>)> run_later) = 0;

  /// Issuers of logins are asked through `egress`, on the thread of who logs in. What goes out because of commits,
  /// webhooks and mails, is sent through it, on up to `at_once` threads that
  /// `run_later` has for what blocks. Without it, it waits. Call before serving; same lifetime, `egress` outlives it.
  virtual void use_egress(Egress& egress, std::function<void(std::function<void()>)> run_later,
                          std::size_t at_once) = 0;

  /// Closes every stream, for a stop that drains.
  virtual void close_streams() = 0;

  /// Prometheus text. `more` (the edge's numbers) is appended to what the route /metrics answers.
  virtual std::string metrics() = 0;
  virtual void add_metrics(std::function<std::string()> more) = 0;

  virtual const Log& log() const = 0;
};

}  // namespace tern::server
