// The server of a world: a real core on real files that can crash, be copied and be set back.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "ingest/committer.hpp"
#include "store/tenant.hpp"
#include "support/drawing_heard.hpp"
#include "support/virtual_environment.hpp"
#include "support/world_files.hpp"
#include "support/world_random.hpp"
#include "tern/client/transport.hpp"
#include "tern/server/server_core.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sqlite/statement.hpp"

namespace tern::test {

/// A server's files as they were at some moment.
struct ServerCopy {
  std::string path;
};

class Server {
public:
  /// Makes the server's directory in `folder`/server, with one tenant, and opens it.
  Server(const std::string& folder, Seed seed, WorldDisk* disk);
  ~Server();

  // ---- life ----
  void open();
  /// The same where the disk may refuse.
  Result<void> try_open();
  /// Stops as SIGTERM stops it.
  void close();
  /// Stops as a power cut does: the files are what they were. Does not come back by itself.
  void crash();
  [[nodiscard]] bool up() const { return core_ != nullptr; }
  /// How often it was.
  [[nodiscard]] std::uint64_t opened() const { return opened_; }
  /// For who calls something of its core.
  [[nodiscard]] Running running() const { return {disk_, directory()}; }
  /// False between the moment its machine loses power and the crash that follows from it.
  [[nodiscard]] bool powered() const { return disk_ == nullptr || disk_->has_power(directory()); }
  void restart() {
    close();
    open();
  }

  // ---- backups ----
  ServerCopy copy();
  /// Somebody puts old files back by hand and starts the server: no epoch record says so.
  void put_back(const ServerCopy& copy);
  /// `ternd backup`; gives the path of the file.
  std::string backup();
  /// `ternd keys replace`: another log key, which the recovery key vouches for; then it serves again.
  Result<void> replace_keys(bool stolen);
  /// `ternd restore`, over the server that is there; then it serves under a new epoch.
  void restore(const std::string& backup);

  // ---- requests ----
  /// The whole way of a request through the core: head, then body. Not up: `no_connection`.
  Result<client::HttpAnswer> handle(const client::HttpRequest& request, const std::string& address);
  /// A WebSocket upgrade.
  server::UpgradeVerdict upgrade(const client::HttpRequest& request, const std::string& address);
  void tick();

  // ---- administration ----
  /// `arguments` as the registry names them; must succeed.
  Json administer(const std::string& command, std::initializer_list<Json::Member> arguments = {},
                  const std::string& tenant = {});
  Result<Json> try_administer(const std::string& command, std::initializer_list<Json::Member> arguments = {},
                              const std::string& tenant = {});
  /// Runs on the committer strand; must succeed.
  void on_strand(const TenantId& tenant, const std::function<Result<void>(server::Tenant&)>& work);
  /// What a customer, a rule or an administrator does on the server; must succeed.
  server::ServerCommit act(const TenantId& tenant, sync::Change change, const OperatorId& acting = {});

  [[nodiscard]] const TenantId& first_tenant() const { return first_tenant_; }
  [[nodiscard]] server::Tenant& tenant(const TenantId& id) const;
  [[nodiscard]] std::vector<TenantId> tenants() const;

  /// A connection of its own that reads the tenant's file.
  [[nodiscard]] std::unique_ptr<sqlite::Database> read(const TenantId& tenant) const;
  [[nodiscard]] std::string directory() const { return folder_ + "/server"; }
  [[nodiscard]] const std::string& log_lines() const { return log_lines_; }
  /// The bodies of all answers that refused something.
  [[nodiscard]] const std::string& refusals() const { return refusals_; }
  [[nodiscard]] const std::string& recovery_key() const { return recovery_key_; }
  /// How many sets it acknowledged that it had acknowledged before, as they were sent again.
  [[nodiscard]] std::uint64_t acknowledged_again() const { return acknowledged_again_; }

  VirtualEnvironment environment;
  /// What this server drew by chance and is no id: seeds, tokens, keys of handshakes.
  [[nodiscard]] const std::vector<std::string>& drawn_secrets() const { return drawing_.secrets(); }
  /// Called on the strand between the stateless checks of a push and its commit.
  std::function<void(server::Tenant&)> before_commit;
  /// Called before the core goes: whoever holds something of it lets go.
  std::function<void()> before_going;
  std::function<void(std::function<void()>)> run_pushes_later;
  /// Called with the core each time it was opened, before it does anything by itself.
  std::function<void(server::ServerCore&)> on_open;

private:
  class Watcher;
  [[nodiscard]] server::ServerOptions options();

  DrawingHeard drawing_{environment};
  WorldDisk* disk_;
  std::string folder_;
  std::string recovery_key_;
  TenantId first_tenant_;
  std::unique_ptr<server::ServerCore> core_;
  server::Committer* committer_ = nullptr;  // the core's
  std::map<TenantId, server::Tenant*> open_tenants_;
  std::string log_lines_, refusals_;
  std::uint64_t requests_ = 0, copies_ = 0, opened_ = 0, acknowledged_again_ = 0;
  std::uint64_t lives_ = 0;                                                    // of the core: each opening begins one
  std::set<std::tuple<DeviceId, std::uint64_t, std::uint64_t>> acknowledged_;  // device, its epoch, number of the set
};

}  // namespace tern::test
