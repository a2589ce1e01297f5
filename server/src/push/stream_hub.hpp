// The streams of devices: requests answered, commits delivered to every session in whose scope they are.
// Source: protocol.md "Exchange" (a push is a hint: a lost one costs latency, never data), "Sessions" (frames).
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "access/sessions.hpp"
#include "exchange/exchange_service.hpp"
#include "ingest/ingest.hpp"
#include "tern/server/http.hpp"

namespace tern::server {

inline constexpr std::int64_t first_frame_ms_max = 5'000;

class DeviceStream;

/// Thread-safe. Outlives the streams it opened: close_all before it goes.
class StreamHub {
public:
  /// `run_later` takes work that must not hold up a commit; by default it runs at once, in the caller's thread.
  explicit StreamHub(ExchangeService& exchange) : exchange_(exchange) {}
  void use_executor(std::function<void(std::function<void()>)> run_later) { run_later_ = std::move(run_later); }

  /// The handler for an upgrade that proved its session.
  std::shared_ptr<StreamHandler> open(const AuthenticatedRequest& upgrade);

  /// Committer strand: tells the streams, later.
  void on_commit(Tenant& tenant, const CommitNotice& notice);
  /// Closes streams whose session is over. Within each second.
  void sweep();
  void close_all();
  [[nodiscard]] std::size_t size();
  [[nodiscard]] std::uint64_t pushes() const { return pushes_; }

private:
  friend class DeviceStream;
  void forget(std::uint64_t number);
  std::vector<std::shared_ptr<DeviceStream>> streams_of(const Tenant* tenant);
  void deliver(Tenant& tenant, const std::vector<TicketId>& tickets);

  ExchangeService& exchange_;
  std::function<void(std::function<void()>)> run_later_ = [](const std::function<void()>& work) { work(); };
  std::mutex mutex_;
  std::uint64_t opened_ = 0;
  std::map<std::uint64_t, std::weak_ptr<DeviceStream>> streams_;  // by number: told in the order they were opened
  std::atomic<std::uint64_t> pushes_{0};
};

}  // namespace tern::server
