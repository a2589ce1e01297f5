#include <Poco/Exception.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/SocketAddress.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "edge/channel.hpp"
#include "edge/poll_loop.hpp"
#include "edge/shared.hpp"
#include "runtime/thread.hpp"
#include "tern/server/edge.hpp"

namespace tern::server {
namespace {

constexpr int backlog = 1024;

Result<Poco::Net::Context::Ptr> load_tls(const EdgeOptions& options) {
  if (options.tls_certificate_file.empty() && options.tls_key_file.empty()) return Poco::Net::Context::Ptr();
  if (options.tls_certificate_file.empty() || options.tls_key_file.empty())
    return fail(ErrorCode::usage, "TLS needs both a certificate and a key", "Give --tls-cert and --tls-key together");
  try {
    return edge::make_server_tls(options.tls_certificate_file, options.tls_key_file);
  } catch (const Poco::Exception& error) {
    return fail(ErrorCode::usage, "The TLS certificate or key cannot be used: " + error.displayText(),
                "Both must be PEM files that belong together");
  }
}

/// A listening descriptor of our own. Poco resolves and binds; the loop accepts.
Result<int> bind(const EdgeOptions& options, std::uint16_t& port) {
  const std::string where = options.listen_host + ":" + std::to_string(options.listen_port);
  try {
    Poco::Net::ServerSocket socket;
    socket.bind(Poco::Net::SocketAddress(options.listen_host, options.listen_port), true, false);
    socket.listen(backlog);
    socket.setBlocking(false);
    port = socket.address().port();
    const int descriptor = ::fcntl(socket.impl()->sockfd(), F_DUPFD_CLOEXEC, 0);
    if (descriptor < 0) return out_of_resources("descriptors");
    return descriptor;
  } catch (const Poco::Net::NetException& error) {
    return fail(ErrorCode::busy, "Cannot listen on " + where + ": " + error.displayText(),
                "Another program may have that port; choose another with --listen");
  } catch (const Poco::IOException& error) {
    if (error.code() == EMFILE || error.code() == ENFILE) return out_of_resources("descriptors");
    return fail(ErrorCode::busy, "Cannot listen on " + where + ": " + error.displayText(),
                "Choose another address with --listen");
  } catch (const Poco::Exception& error) {
    return fail(ErrorCode::usage, "Cannot listen on " + where + ": " + error.displayText(), "Give --listen HOST:PORT");
  }
}

}  // namespace

class EdgeServer::Inside {
public:
  Inside(const EdgeOptions& options, Handler& handler) : shared_(options, handler) {}
  ~Inside() { stop(0); }

  Result<void> start();
  void stop(std::int64_t drain_ms);
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] EdgeCounters counters() const;
  [[nodiscard]] std::function<void(std::function<void()>)> executor();

private:
  /// The way to the workers, closed when they have ended.
  struct Door {
    std::mutex mutex;
    edge::EdgeShared* shared = nullptr;
  };

  edge::EdgeShared shared_;
  const std::shared_ptr<Door> door_ = std::make_shared<Door>();
  std::vector<std::unique_ptr<edge::PollLoop>> loops_;
  std::size_t next_loop_ = 0;  // the accepting loop's
  std::uint16_t port_ = 0;
  bool stopped_ = false;
};

Result<void> EdgeServer::Inside::start() {
  check(loops_.empty() && !stopped_, "an edge starts once");
  const EdgeOptions& options = shared_.options;
  TERN_TRY(shared_.tls, load_tls(options));
  TERN_TRY(const int listener, bind(options, port_));
  for (std::size_t i = 0; i < std::max<std::size_t>(options.loops, 1); ++i)
    loops_.push_back(std::make_unique<edge::PollLoop>(shared_));
  loops_.front()->listen(listener, [this](edge::Adopt arrival) {
    const std::string key = arrival.address_key;
    const std::size_t loop = next_loop_++ % loops_.size();
    if (!loops_[loop]->inbox()->post(std::move(arrival))) shared_.connection_over(key);
  });
  TERN_CHECKED(shared_.workers.start(options.workers));
  for (const auto& loop : loops_) TERN_CHECKED(loop->start());
  return {};
}

void EdgeServer::Inside::stop(std::int64_t drain_ms) {
  if (std::exchange(stopped_, true)) return;
  shared_.draining = true;
  for (const auto& loop : loops_) loop->inbox()->post(edge::Drain{});
  if (drain_ms > 0) {
    std::unique_lock lock(shared_.over_mutex);
    shared_.over.wait_for(lock, std::chrono::milliseconds(drain_ms),
                          [this] { return shared_.tallies.connections_open.load(std::memory_order_relaxed) == 0; });
  }
  for (const auto& loop : loops_) loop->inbox()->post(edge::Stop{});
  for (const auto& loop : loops_) loop->join();
  shared_.workers.finish();  // the handlers' last calls; replies to ended loops go nowhere
  const std::lock_guard lock(door_->mutex);
  door_->shared = nullptr;
}

std::function<void(std::function<void()>)> EdgeServer::Inside::executor() {
  door_->shared = &shared_;
  return [door = door_](std::function<void()> work) {
    const std::lock_guard lock(door->mutex);
    if (door->shared == nullptr) return;
    door->shared->workers.submit([shared = door->shared, work = std::move(work)] {
      try {
        work();
      } catch (const std::exception& error) {
        shared->report(EdgeEvent::handler_threw, error.what(), "");
      } catch (...) {
        shared->report(EdgeEvent::handler_threw, "not a std::exception", "");
      }
    });
  };
}

EdgeCounters EdgeServer::Inside::counters() const {
  const edge::Tallies& tallies = shared_.tallies;
  const auto get = [](const std::atomic<std::uint64_t>& tally) { return tally.load(std::memory_order_relaxed); };
  EdgeCounters out;
  out.connections_open = get(tallies.connections_open);
  out.connections_accepted = get(tallies.connections_accepted);
  out.connections_refused = get(tallies.connections_refused);
  out.requests = get(tallies.requests);
  out.answers_2xx = get(tallies.answers_2xx);
  out.answers_3xx = get(tallies.answers_3xx);
  out.answers_4xx = get(tallies.answers_4xx);
  out.answers_5xx = get(tallies.answers_5xx);
  out.refused_by_edge = get(tallies.refused_by_edge);
  out.head_timeouts = get(tallies.head_timeouts);
  out.body_timeouts = get(tallies.body_timeouts);
  out.slow_readers_cut = get(tallies.slow_readers_cut);
  out.streams_open = get(tallies.streams_open);
  out.streams_accepted = get(tallies.streams_accepted);
  out.stream_messages_in = get(tallies.stream_messages_in);
  out.stream_messages_out = get(tallies.stream_messages_out);
  out.bytes_in = get(tallies.bytes_in);
  out.bytes_out = get(tallies.bytes_out);
  out.requests_waiting = shared_.workers.waiting();
  return out;
}

EdgeServer::EdgeServer(EdgeOptions options, Handler& handler) : inside_(std::make_unique<Inside>(options, handler)) {}
EdgeServer::~EdgeServer() = default;
Result<void> EdgeServer::start() {
  return inside_->start();
}
std::uint16_t EdgeServer::port() const {
  return inside_->port();
}
void EdgeServer::stop(std::int64_t drain_ms) {
  inside_->stop(drain_ms);
}
EdgeCounters EdgeServer::counters() const {
  return inside_->counters();
}
std::function<void(std::function<void()>)> EdgeServer::executor() {
  return inside_->executor();
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace tern::server
