#include "rig.hpp"

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "ingest/committer.hpp"
#include "tern/client/enrolment.hpp"
#include "tern/protocol/json.hpp"

namespace tern::bench {
namespace {

constexpr std::int64_t enrolment_pace_ms = 7'000;  // the server allows 10 attempts a minute from one address
constexpr std::size_t row_budget = 500;
constexpr std::int64_t settle_ms_max = 30'000;

}  // namespace

/// Deliveries in order, and a tick a second.
class RunningServer::Threads {
public:
  explicit Threads(server::ServerCore& core)
      : core_(core), deliveries_([this] { deliver(); }), ticks_([this] { tick(); }) {}
  ~Threads() {
    {
      const std::lock_guard guard(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    deliveries_.join();
    ticks_.join();
  }
  void post(std::function<void()> work) {
    {
      const std::lock_guard guard(mutex_);
      if (stopping_) return;
      waiting_.push_back(std::move(work));
    }
    wake_.notify_all();
  }

private:
  void deliver() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      const auto work = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      work();
      lock.lock();
    }
  }
  void tick() {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_; })) {
      lock.unlock();
      core_.tick();
      lock.lock();
    }
  }

  server::ServerCore& core_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  bool stopping_ = false;
  std::thread deliveries_, ticks_;
};

Result<std::unique_ptr<RunningServer>> RunningServer::start(const std::string& directory, Environment& environment,
                                                            const TlsFiles& tls) {
  std::unique_ptr<RunningServer> server(new RunningServer());
  server::ServerOptions options;
  options.directory = directory;
  options.server_version = "bench";
  options.allow_plain_http = true;
  TERN_TRY(server->core_, server::ServerCore::open(options, environment));
  TERN_TRY(auto committer, server::make_group_committer(std::clamp(std::thread::hardware_concurrency(), 1U, 4U)));
  server->core_->use_committer(std::move(committer));
  server->threads_ = std::make_unique<Threads>(*server->core_);
  server->core_->use_push_executor(
      [threads = server->threads_.get()](std::function<void()> work) { threads->post(std::move(work)); });
  server::EdgeOptions edge;
  edge.listen_port = 0;
  edge.tls_certificate_file = tls.certificate;
  edge.tls_key_file = tls.key;
  server->tls_ = !tls.certificate.empty();
  server->edge_ = std::make_unique<server::EdgeServer>(edge, server->core_->handler());
  server->core_->use_answer_executor(server->edge_->executor());
  TERN_CHECKED(server->edge_->start());
  return server;
}

RunningServer::~RunningServer() {
  if (edge_) edge_->stop(0);
  edge_.reset();
  threads_.reset();
  core_.reset();
}

std::string RunningServer::url() const {
  return (tls_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(edge_->port());
}

std::uint64_t RunningServer::commits() {
  static constexpr std::string_view name = "\ntern_commits_total ";
  const std::string text = core_->metrics();
  const auto at = text.find(name);
  check(at != std::string::npos, "the metrics name the commits");
  std::uint64_t count = 0;
  std::from_chars(text.data() + at + name.size(), text.data() + text.size(), count);
  return count;
}

Result<std::unique_ptr<client::HttpTransport>> connect(const std::string& url, const std::string& ca_file) {
  client::TransportOptions options;
  options.server_url = url;
  options.ca_file = ca_file;
  return client::HttpTransport::open(options);
}

Result<void> enrol_device(RunningServer& server, const std::string& operator_name, bool scope_all,
                          const std::string& home, BenchEnvironment& environment, const std::string& ca_file) {
  environment.advance(enrolment_pace_ms);
  TERN_TRY(const Json code, server.core().administer(Json::object({{"command", Json("device code")},
                                                                   {"operator", Json(operator_name)},
                                                                   {"scope", Json(scope_all ? "all" : "own")}})));
  client::EnrolmentRequest request;
  request.home = home;
  request.server_url = server.url();
  request.ca_file = ca_file;
  request.code = code["code"].as_string();
  request.device_name = operator_name + "'s device";
  request.platform = "bench";
  TERN_TRY(auto transport, connect(server.url(), ca_file));
  return client::enrol(request, *transport, environment, [](const client::EnrolmentOffer&) { return true; })
      .map([](const auto&) {});
}

Result<BenchDevice> open_device(const std::string& home, RunningServer& server, Environment& environment) {
  BenchDevice device;
  client::ClientOptions options;
  options.home = home;
  TERN_TRY(device.client, client::Client::open(options, environment));
  TERN_TRY(device.transport, connect(server.url(), device.client->identity().ca_file));
  return device;
}

Result<std::unique_ptr<client::StreamConnection>> open_stream(client::SyncEngine& engine,
                                                              client::HttpTransport& transport) {
  const auto upgrade = engine.stream_upgrade();
  if (!upgrade) return fail(ErrorCode::internal, "there is no session to open a stream under");
  TERN_TRY(auto opening, transport.open_stream(*upgrade));
  TERN_CHECKED(engine.on_stream_open(opening.answer));
  if (!opening.stream) return fail(ErrorCode::no_connection, "the server opened no stream");
  TERN_CHECKED(settle(engine, *opening.stream));
  return std::move(opening.stream);
}

Result<void> flush(client::SyncEngine& engine, client::StreamConnection& stream) {
  while (const auto message = engine.next_stream_message()) TERN_CHECKED(stream.send(*message));
  return {};
}

Result<bool> take_message(client::SyncEngine& engine, client::StreamConnection& stream, std::int64_t timeout_ms,
                          const std::function<void()>& after_slice) {
  TERN_TRY(const auto message, stream.receive(timeout_ms));
  if (!message) return false;
  TERN_CHECKED(engine.on_stream_message(*message));
  for (;;) {
    TERN_TRY(const bool more, engine.apply_slice(row_budget));
    if (after_slice) after_slice();
    if (!more) return true;
  }
}

Result<void> settle(client::SyncEngine& engine, client::StreamConnection& stream) {
  for (;;) {
    TERN_CHECKED(flush(engine, stream));
    const client::EngineStep step = engine.next();
    if (step.kind == client::EngineStep::Kind::done) return {};
    if (step.kind == client::EngineStep::Kind::send)
      return fail(ErrorCode::internal, "a request does not fit the stream");
    if (step.reason) return tl::unexpected(*step.reason);
    TERN_TRY(const bool came, take_message(engine, stream, settle_ms_max));
    if (!came) return fail(ErrorCode::no_connection, "the stream brought no answer");
  }
}

}  // namespace tern::bench
