// A handler that shows what the edge lets through.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tern/server/edge.hpp"
#include "tern/server/http.hpp"

namespace tern::test {

/// Waits for events of other threads, 10 s at most.
class Event {
public:
  void happen() {
    {
      const std::lock_guard lock(mutex_);
      ++times_;
    }
    changed_.notify_all();
  }
  bool wait(int times = 1) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return times_ >= times; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int times_ = 0;
};

/// What stands at a place of the file behind /file.
inline char countable(std::uint64_t at) {
  return static_cast<char>('a' + at % 23);
}

/// Paths: /echo (1 MiB), /small (10 bytes), /none (no body), /deny (401 in on_head), /throw, /bad-head, /hold (until
/// `release`), /later (answers from another thread), /drop (never answers), /header (echoes X-In into X-Out), /big (8
/// MiB answer), /file (5 bytes and a million of a file, from its byte 3 on), /short-file (that ends before). Streams:
/// /stream (echoes), /push (sender kept), /first (first message in 100 ms), /no (403).
class ProbeHandler : public server::Handler {
public:
  server::HeadVerdict on_head(const server::Request& head) override;
  server::Response handle(server::Request&& request, std::any context) override;
  void handle_async(server::Request&& request, std::any context, server::Reply reply) override;
  server::UpgradeVerdict on_upgrade(const server::Request& head) override;
  void on_edge_answer(const std::any& context, server::Response& answer) override;

  [[nodiscard]] std::vector<std::string> handled() const;  // targets, in order of handling
  [[nodiscard]] std::vector<std::string> heads() const;
  [[nodiscard]] server::StreamSender sender() const;  // of the newest stream

  Event held;     // a request has reached /hold
  Event release;  // lets them go
  Event opened, message_seen, closed;
  std::atomic<int> close_code{0};
  std::atomic<bool> body_was_in_file{false};

private:
  friend class ProbeStream;
  mutable std::mutex mutex_;
  std::vector<std::string> handled_, heads_;
  server::StreamSender sender_;
};

/// An edge on a free loopback port, with deadlines short enough for tests. Change `options` before `start`.
class EdgeUnderTest {
public:
  EdgeUnderTest();
  ~EdgeUnderTest();
  void start();
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  [[nodiscard]] server::EdgeServer& server() { return *server_; }
  /// Waits until the counters are as wanted, 10 s at most.
  bool until(const std::function<bool(const server::EdgeCounters&)>& wanted);
  [[nodiscard]] std::vector<std::string> access_log() const;  // "METHOD path status refusal"

  ProbeHandler handler;
  server::EdgeOptions options;

private:
  mutable std::mutex mutex_;
  std::vector<std::string> access_log_;
  std::optional<server::EdgeServer> server_;
};

}  // namespace tern::test
