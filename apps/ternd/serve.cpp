// ternd serve: core, committer, edge, admin socket and the tick, put together; a clean end on SIGTERM.
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <iostream>
#include <mutex>
#include <thread>

#include "admin_socket.hpp"
#include "exit_codes.hpp"
#include "ingest/committer.hpp"
#include "invocation.hpp"
#include "runtime/thread.hpp"
#include "strands.hpp"
#include "system_environment.hpp"
#include "terminal.hpp"
#include "tern/server/edge.hpp"
#include "tern/server/egress.hpp"
#include "tern/server/log.hpp"
#include "tern/server/metrics.hpp"
#include "tern/server/server_core.hpp"

namespace tern::apps {
namespace {

constexpr std::int64_t drain_ms = 10'000;
constexpr std::size_t outgoing_at_once = 4;  // each to another webhook or mail server

struct Address {
  std::string host;
  std::uint16_t port = 0;
};

Result<Address> parse_address(const std::string& text, const char* flag) {
  const auto refuse = [&] {
    return fail(ErrorCode::usage, "\"" + text + "\" is no address.", "Write HOST:PORT, for example 127.0.0.1:8470.",
                flag);
  };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return refuse();
  Address address{text.substr(0, colon), 0};
  if (address.host.front() == '[' && address.host.back() == ']')
    address.host = address.host.substr(1, address.host.size() - 2);
  const std::string port = text.substr(colon + 1);
  if (port.empty() || port.size() > 5 ||
      !std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; }) || std::stoul(port) > 65535)
    return refuse();
  address.port = static_cast<std::uint16_t>(std::stoul(port));
  return address;
}

std::string url_of(const Invocation& call, const std::string& host, std::uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}", call.tls_cert.empty() ? "http" : "https", v6 ? "[" : "", host, v6 ? "]" : "",
                     port);
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

/// Log lines go to stderr, whole.
class LogWriter {
public:
  void operator()(std::string_view line) {
    const std::lock_guard guard(mutex_);
    std::cerr << line << std::endl;
  }

private:
  std::mutex mutex_;
};

/// Everything that runs, in the order in which it is made; taken down in reverse.
class Daemon {
public:
  explicit Daemon(const Invocation& call) : call_(call) {}

  Result<ExitCode> run();

private:
  Result<void> open_core(const Address& listen);
  Result<void> start_edges(const Address& listen);
  Result<void> announce();
  void log_event(server::EdgeEvent event, std::string_view detail, std::string_view request_id);
  void wait_for_signal();

  const Invocation& call_;
  SystemEnvironment environment_;
  LogWriter log_writer_;
  std::unique_ptr<server::ServerCore> core_;
  std::unique_ptr<server::Egress> egress_;
  Strands deliveries_{1}, outgoing_{outgoing_at_once};  // end before the core they work on
  std::unique_ptr<server::EdgeServer> edge_, metrics_edge_;
  std::unique_ptr<server::Handler> metrics_;
};

Result<void> Daemon::open_core(const Address& listen) {
  server::ServerOptions options;
  options.directory = call_.data;
  options.server_version = TERN_VERSION;
  options.allow_plain_http = is_loopback(listen.host);
  options.public_url = call_.public_url;
  options.public_url_told = !call_.public_url.empty();
  options.ballast_bytes = 64ULL * 1024 * 1024;
  options.log_sink = [this](std::string_view line) { log_writer_(line); };
  if (options.public_url.empty() && listen.port != 0) options.public_url = url_of(call_, listen.host, listen.port);
  TERN_TRY(core_, server::ServerCore::open(options, environment_));
  TERN_TRY(auto committer,
           server::make_group_committer(std::min(std::max(1U, std::thread::hardware_concurrency()), 4U)));
  core_->use_committer(std::move(committer));
  core_->use_push_executor([this](std::function<void()> work) { deliveries_.post(std::move(work)); });
  server::EgressOptions out;
  out.allow = call_.egress_allow;
  out.ca_file = call_.egress_ca;
  TERN_TRY(egress_, server::make_egress(out));
  core_->use_egress(
      *egress_, [this](std::function<void()> work) { outgoing_.post(std::move(work)); }, outgoing_at_once);
  return {};
}

Result<void> Daemon::start_edges(const Address& listen) {
  server::EdgeOptions options;
  options.listen_host = listen.host;
  options.listen_port = listen.port;
  options.tls_certificate_file = call_.tls_cert;
  options.tls_key_file = call_.tls_key;
  options.workers = call_.workers;
  if (!call_.quiet)
    options.on_request_done = [this](const server::RequestRecord& record) { core_->log().write(record); };
  options.on_event = [this](server::EdgeEvent event, std::string_view detail, std::string_view id) {
    log_event(event, detail, id);
  };
  edge_ = std::make_unique<server::EdgeServer>(options, core_->handler());
  core_->use_answer_executor(edge_->executor());
  TERN_CHECKED(edge_->start());
  core_->add_metrics([this] { return server::metrics_text(edge_->counters()); });
  if (call_.metrics_listen.empty()) return {};
  TERN_TRY(const Address address, parse_address(call_.metrics_listen, "metrics-listen"));
  metrics_ =
      server::make_metrics_handler([this] { return core_->metrics() + server::metrics_text(edge_->counters()); });
  server::EdgeOptions more;
  more.listen_host = address.host;
  more.listen_port = address.port;
  more.loops = 1;
  more.workers = 1;
  metrics_edge_ = std::make_unique<server::EdgeServer>(more, *metrics_);
  return metrics_edge_->start();
}

void Daemon::log_event(server::EdgeEvent event, std::string_view detail, std::string_view request_id) {
  static constexpr std::string_view names[] = {"handler_threw", "tls_handshake_failed", "out_of_descriptors",
                                               "spill_failed"};
  core_->log().write(server::LogLevel::warning, names[static_cast<std::size_t>(event)],
                     {{"detail", Json(detail)}, {"request_id", Json(request_id)}});
}

Result<void> Daemon::announce() {
  const auto address = parse_address(call_.listen, "listen");
  const std::string url = url_of(call_, address->host, edge_->port());
  // On a full disk it cannot be noted: links then say what they said before.
  if (auto noted = core_->found_public_url(url); !noted && noted.error().code != ErrorCode::storage_full) return noted;
  if (call_.json)
    std::cout << to_text(Json::object({{"listening", Json(url)}, {"data", Json(call_.data)}})) << std::endl;
  else
    std::cout << "Listening on " << safe(url) << std::endl;
  return {};
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
    deliveries_.tend();
    outgoing_.tend();
  }
}

Result<ExitCode> Daemon::run() {
  TERN_TRY(const Address listen, parse_address(call_.listen, "listen"));
  if (call_.tls_cert.empty() && !is_loopback(listen.host))
    return fail(ErrorCode::usage, "Without TLS the server listens on this machine only.",
                "Pass --tls-cert and --tls-key, or listen on 127.0.0.1.", "listen");
  server::raise_descriptor_limit();
  TERN_CHECKED(open_core(listen));
  AdminSocket admin(admin_socket_path(call_.data), *core_);
  TERN_CHECKED(admin.start());
  TERN_CHECKED(start_edges(listen));
  TERN_CHECKED(announce());
  wait_for_signal();
  core_->log().write(server::LogLevel::info, "stopping", {});
  admin.end_lengthy();
  core_->close_streams();
  egress_->stop();
  if (metrics_edge_) metrics_edge_->stop(0);
  edge_->stop(drain_ms);
  admin.stop();
  core_->log().write(server::LogLevel::info, "stopped", {});
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
  auto done = Result<ExitCode>(exit_done);
  try {
    Daemon daemon(call);
    done = daemon.run();
  } catch (const std::bad_alloc&) {
    done = server::out_of_resources("memory");
  }
  return done ? *done : report(done.error(), call.json);
}

}  // namespace tern::apps
