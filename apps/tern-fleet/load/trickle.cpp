#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

#include "load/phases.hpp"

namespace tern::fleet {
namespace {

constexpr std::size_t served_threads = 4;
constexpr auto byte_every = std::chrono::milliseconds(500), think_time = std::chrono::milliseconds(5);

/// A peer that says "GET /healthz ..." one byte after the other, and begins anew when it is cut.
class TricklingPeer {
public:
  explicit TricklingPeer(std::uint16_t port) : port_(port) { connect(); }
  ~TricklingPeer() { leave(); }
  TricklingPeer(const TricklingPeer&) = delete;
  TricklingPeer& operator=(const TricklingPeer&) = delete;

  /// False when it was cut; it is connected anew.
  bool send_one() {
    static constexpr std::string_view head = "GET /healthz HTTP/1.1\r\nX-Patience: ";
    const char c = at_ < head.size() ? head[at_] : 'x';
    ++at_;
    char answer[512];
    const bool over = ::recv(descriptor_, answer, sizeof answer, MSG_DONTWAIT) >= 0;
    if (!over && ::send(descriptor_, &c, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1) return true;
    leave();
    connect();
    return false;
  }

private:
  void connect() {
    at_ = 0;
    descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port_);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    static_cast<void>(::connect(descriptor_, reinterpret_cast<const sockaddr*>(&to), sizeof to));
  }
  void leave() const {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  std::uint16_t port_;
  int descriptor_ = -1;
  std::size_t at_ = 0;
};

/// Exchanges, one after the other, until `stop`.
void be_served(LoadRun& run, LoadDevice& device, const std::atomic<bool>& stop, std::mutex& mutex,
               std::vector<double>& times) {
  auto transport = run.connect();
  bool session = transport && device.begin_session(**transport, run.environment);
  while (!stop) {
    const auto began = Clock::now();
    const bool good = session && device.exchange(**transport, device.request(), run.environment);
    {
      const std::lock_guard lock(mutex);
      if (good)
        times.push_back(ms_between(began, Clock::now()));
      else
        ++run.summary.not_served;
    }
    if (good) {
      std::this_thread::sleep_for(think_time);
      continue;
    }
    transport = run.connect();
    session = transport && device.begin_session(**transport, run.environment);
  }
}

}  // namespace

Result<void> trickle(LoadRun& run) {
  run.say(std::to_string(run.options.trickling) + " peers trickle");
  const auto port = static_cast<std::uint16_t>(std::stoul(run.url.substr(run.url.rfind(':') + 1)));
  std::vector<std::unique_ptr<TricklingPeer>> peers;
  while (peers.size() < run.options.trickling) peers.push_back(std::make_unique<TricklingPeer>(port));
  run.summary.trickling = peers.size();

  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::vector<double> times;
  std::vector<std::thread> served;
  for (std::size_t i = 0; i < std::min(served_threads, run.devices.size()); ++i)
    served.emplace_back([&, i] { be_served(run, *run.devices[i], stop, mutex, times); });
  const auto end = std::min(run.ends, Clock::now() + std::chrono::milliseconds(run.options.trickle_ms));
  for (auto next = Clock::now(); Clock::now() < end;) {
    for (const auto& peer : peers)
      if (!peer->send_one()) ++run.summary.trickling_cut;
    std::this_thread::sleep_until(next += byte_every);
  }
  stop = true;
  for (std::thread& thread : served) thread.join();
  run.summary.served = times_of(std::move(times));
  if (run.summary.not_served > 0) run.fails("A request was not answered while others trickled.");
  return {};
}

}  // namespace tern::fleet
