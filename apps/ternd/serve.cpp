// ternd serve: core, committer, edge, admin socket and the tick, put together; a clean end on SIGTERM.
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <iostream>
#include <mutex>
#include <thread>

#include "admin_socket.hpp"
#include "exit_codes.hpp"
#include "ingest/committer.hpp"
#include "invocation.hpp"
#include "system_environment.hpp"
#include "tern/server/edge.hpp"
#include "tern/server/server_core.hpp"

namespace tern::apps {
namespace {

constexpr std::int64_t drain_ms = 10'000;

struct Address {
  std::string host;
  std::uint16_t port = 0;
};

Result<Address> parse_address(const std::string& text, const char* flag) {
  const auto refuse = [&] { return fail(ErrorCode::usage, "\"" + text + "\" is no address.", "Write HOST:PORT, for example 127.0.0.1:8470.", flag); };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return refuse();
  Address address{text.substr(0, colon), 0};
  if (address.host.front() == '[' && address.host.back() == ']') address.host = address.host.substr(1, address.host.size() - 2);
  const std::string port = text.substr(colon + 1);
  if (port.empty() || port.size() > 5 || !std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; }) || std::stoul(port) > 65535) return refuse();
  address.port = static_cast<std::uint16_t>(std::stoul(port));
  return address;
}

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

/// One thread that runs what is handed to it, in order: deliveries to streams.
class Strand {
public:
  Strand() : thread_([this] { run(); }) {}
  ~Strand() {
    {
      const std::lock_guard guard(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  void post(std::function<void()> work) {
    {
      const std::lock_guard guard(mutex_);
      if (stopping_) return;
      waiting_.push_back(std::move(work));
    }
    wake_.notify_one();
  }

private:
  void run() {
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

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

/// Log lines are JSON on stderr. Paths without query, no header, no body.
class Log {
public:
  Log(SystemEnvironment& environment, bool quiet) : environment_(environment), quiet_(quiet) {}

  void line(Json what) {
    what.set("ts_ms", Json(environment_.wall_ms()));
    const std::lock_guard guard(mutex_);
    std::cerr << to_text(what) << std::endl;
  }
  void request(const server::RequestRecord& record) {
    if (quiet_) return;
    Json what = Json::object({{"event", Json("request")},
                              {"request_id", Json(record.request_id)},
                              {"peer", Json(record.peer_address)},
                              {"method", Json(record.method)},
                              {"path", Json(record.path)},
                              {"status", Json(record.status)},
                              {"bytes_in", Json(record.bytes_in)},
                              {"bytes_out", Json(record.bytes_out)},
                              {"duration_us", Json(record.duration_us)}});
    if (!record.refusal.empty()) what.set("refusal", Json(record.refusal));
    line(std::move(what));
  }
  void event(server::EdgeEvent event, std::string_view detail, std::string_view request_id) {
    static constexpr std::string_view names[] = {"handler_threw", "tls_handshake_failed", "out_of_descriptors", "spill_failed"};
    Json what = Json::object({{"event", Json(names[static_cast<std::size_t>(event)])}, {"detail", Json(detail)}});
    if (!request_id.empty()) what.set("request_id", Json(request_id));
    line(std::move(what));
  }

private:
  SystemEnvironment& environment_;
  bool quiet_;
  std::mutex mutex_;
};

std::string edge_metrics(const server::EdgeCounters& of) {
  std::string out;
  const auto add = [&](std::string_view name, std::string_view kind, std::uint64_t value) {
    out += fmt::format("# TYPE tern_edge_{} {}\ntern_edge_{} {}\n", name, kind, name, value);
  };
  add("connections_open", "gauge", of.connections_open);
  add("connections_accepted_total", "counter", of.connections_accepted);
  add("connections_refused_total", "counter", of.connections_refused);
  add("requests_total", "counter", of.requests);
  add("answers_5xx_total", "counter", of.answers_5xx);
  add("refused_total", "counter", of.refused_by_edge);
  add("streams_open", "gauge", of.streams_open);
  add("slow_readers_cut_total", "counter", of.slow_readers_cut);
  add("bytes_in_total", "counter", of.bytes_in);
  add("bytes_out_total", "counter", of.bytes_out);
  return out;
}

/// GET /metrics for whoever reaches this listener, and nothing else.
class MetricsHandler : public server::Handler {
public:
  explicit MetricsHandler(std::function<std::string()> text) : text_(std::move(text)) {}
  server::HeadVerdict on_head(const server::Request& head) override {
    if (head.path == "/metrics" && head.method == "GET") return server::HeadAccept{};
    return server::problem_response({404, "not_found", "There is only /metrics here.", "", "", ""});
  }
  server::Response handle(server::Request&&, std::any) override { return {200, "text/plain; version=0.0.4", text_()}; }

private:
  std::function<std::string()> text_;
};

/// Everything that runs, in the order in which it is made; taken down in reverse.
class Daemon {
public:
  explicit Daemon(const Invocation& call) : call_(call), log_(environment_, call.quiet) {}

  Result<ExitCode> run();

private:
  Result<void> open_core(const Address& listen);
  Result<void> start_edges(const Address& listen);
  void announce();
  void wait_for_signal();

  const Invocation& call_;
  SystemEnvironment environment_;
  Log log_;
  std::unique_ptr<server::ServerCore> core_;
  Strand deliveries_;  // ends before the core it works on
  std::unique_ptr<server::EdgeServer> edge_, metrics_edge_;
  std::unique_ptr<MetricsHandler> metrics_;
};

Result<void> Daemon::open_core(const Address& listen) {
  server::ServerOptions options;
  options.directory = call_.data;
  options.server_version = TERN_VERSION;
  options.allow_plain_http = is_loopback(listen.host);
  options.public_url = call_.public_url;
  if (options.public_url.empty() && listen.port != 0)
    options.public_url = fmt::format("{}://{}:{}", call_.tls_cert.empty() ? "http" : "https", listen.host, listen.port);
  TERN_TRY(core_, server::ServerCore::open(options, environment_));
  core_->use_committer(server::make_group_committer(std::min(std::max(1U, std::thread::hardware_concurrency()), 4U)));
  core_->use_push_executor([this](std::function<void()> work) { deliveries_.post(std::move(work)); });
  return {};
}

Result<void> Daemon::start_edges(const Address& listen) {
  server::EdgeOptions options;
  options.listen_host = listen.host;
  options.listen_port = listen.port;
  options.tls_certificate_file = call_.tls_cert;
  options.tls_key_file = call_.tls_key;
  options.workers = call_.workers;
  options.on_request_done = [this](const server::RequestRecord& record) { log_.request(record); };
  options.on_event = [this](server::EdgeEvent event, std::string_view detail, std::string_view id) { log_.event(event, detail, id); };
  edge_ = std::make_unique<server::EdgeServer>(options, core_->handler());
  TERN_CHECKED(edge_->start());
  if (call_.metrics_listen.empty()) return {};
  TERN_TRY(const Address address, parse_address(call_.metrics_listen, "metrics-listen"));
  metrics_ = std::make_unique<MetricsHandler>([this] { return core_->metrics() + edge_metrics(edge_->counters()); });
  server::EdgeOptions more;
  more.listen_host = address.host;
  more.listen_port = address.port;
  more.loops = 1;
  more.workers = 1;
  metrics_edge_ = std::make_unique<server::EdgeServer>(more, *metrics_);
  return metrics_edge_->start();
}

void Daemon::announce() {
  const auto address = parse_address(call_.listen, "listen");
  const std::string url = fmt::format("{}://{}:{}", call_.tls_cert.empty() ? "http" : "https", address->host, edge_->port());
  if (call_.json) std::cout << to_text(Json::object({{"listening", Json(url)}, {"data", Json(call_.data)}})) << std::endl;
  else std::cout << "Listening on " << url << std::endl;
}

void Daemon::wait_for_signal() {
  for (;;) {
    const timespec second{1, 0};
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGTERM);
    ::sigaddset(&signals, SIGINT);
    const int signal = ::sigtimedwait(&signals, nullptr, &second);
    if (signal == SIGTERM || signal == SIGINT) return;
    core_->tick();
  }
}

Result<ExitCode> Daemon::run() {
  TERN_TRY(const Address listen, parse_address(call_.listen, "listen"));
  if (call_.tls_cert.empty() && !is_loopback(listen.host))
    return fail(ErrorCode::usage, "Without TLS the server listens on this machine only.", "Pass --tls-cert and --tls-key, or listen on 127.0.0.1.", "listen");
  server::raise_descriptor_limit();
  TERN_CHECKED(open_core(listen));
  AdminSocket admin(admin_socket_path(call_.data), *core_);
  TERN_CHECKED(admin.start());
  TERN_CHECKED(start_edges(listen));
  announce();
  wait_for_signal();
  log_.line(Json::object({{"event", Json("stopping")}}));
  if (metrics_edge_) metrics_edge_->stop(0);
  edge_->stop(drain_ms);
  admin.stop();
  log_.line(Json::object({{"event", Json("stopped")}}));
  return exit_done;
}

}  // namespace

int run_serve(const Invocation& call) {
  // Blocked in every thread to come: only wait_for_signal hears them.
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  Daemon daemon(call);
  const auto done = daemon.run();
  return done ? *done : report(done.error(), call.json);
}

}  // namespace tern::apps
