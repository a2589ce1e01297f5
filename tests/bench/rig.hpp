// A whole server on loopback and real devices that talk to it over real sockets, in one process.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bench_environment.hpp"
#include "tern/client/client.hpp"
#include "tern/client_poco/http_transport.hpp"
#include "tern/server/edge.hpp"
#include "tern/server/server_core.hpp"

namespace tern::bench {

/// Files of a certificate; empty: plain TCP.
struct TlsFiles {
  std::string certificate, key;
};

/// What `ternd serve` is made of: core, group committer, deliveries on a thread of their own, edge, and a tick a
/// second.
class RunningServer {
public:
  /// On any free port of loopback.
  static Result<std::unique_ptr<RunningServer>> start(const std::string& directory, Environment& environment,
                                                      const TlsFiles& tls = {});
  ~RunningServer();
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  [[nodiscard]] std::string url() const;
  [[nodiscard]] server::ServerCore& core() { return *core_; }
  [[nodiscard]] server::EdgeCounters counters() const { return edge_->counters(); }
  /// Commits of the tenant's file so far, each of them one fsync.
  [[nodiscard]] std::uint64_t commits();

private:
  class Threads;
  RunningServer() = default;

  bool tls_ = false;
  std::unique_ptr<server::ServerCore> core_;
  std::unique_ptr<Threads> threads_;
  std::unique_ptr<server::EdgeServer> edge_;
};

/// One open device.
struct BenchDevice {
  std::unique_ptr<client::Client> client;
  std::unique_ptr<client::HttpTransport> transport;

  /// A whole round over HTTP.
  Result<client::EngineReport> sync() { return client->engine().run_round(*transport); }
};

Result<std::unique_ptr<client::HttpTransport>> connect(const std::string& url, const std::string& ca_file = {});

/// Makes a device of this operator in `home`. Time goes on by what the server's limits ask for.
Result<void> enrol_device(RunningServer& server, const std::string& operator_name, bool scope_all,
                          const std::string& home, BenchEnvironment& environment, const std::string& ca_file = {});
Result<BenchDevice> open_device(const std::string& home, RunningServer& server, Environment& environment);

// ---- a device on its stream ----

/// Opens a stream under the engine's session, which a round over HTTP began.
Result<std::unique_ptr<client::StreamConnection>> open_stream(client::SyncEngine& engine,
                                                              client::HttpTransport& transport);
/// Sends what the engine has to say.
Result<void> flush(client::SyncEngine& engine, client::StreamConnection& stream);
/// Takes one message, if one comes in time, and applies what it brought. True when one came.
Result<bool> take_message(client::SyncEngine& engine, client::StreamConnection& stream, std::int64_t timeout_ms,
                          const std::function<void()>& after_slice = {});
/// Until everything is sent, answered and applied.
Result<void> settle(client::SyncEngine& engine, client::StreamConnection& stream);

}  // namespace tern::bench
