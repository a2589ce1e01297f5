// The threads that run handlers.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "tern/protocol/error.hpp"

namespace tern::server::edge {

/// A fixed number of threads and one queue. Tasks do not throw. Thread-safe.
class WorkerPool {
public:
  using Task = std::function<void()>;

  explicit WorkerPool(std::size_t waiting_max) : waiting_max_(waiting_max) {}
  ~WorkerPool();  // finish()
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Once. `busy` when the system gives fewer; those that began end with the pool.
  Result<void> start(std::size_t threads);

  /// False, with `task` untouched, when `waiting_max` tasks wait already.
  bool try_submit(Task& task);
  /// For tasks whose number is bounded by something else (one for each stream): always taken, until finish().
  void submit(Task task);
  [[nodiscard]] std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

  /// Runs what is queued, then ends the threads. Tasks submitted by running tasks are still run.
  void finish();

private:
  void push(Task task);
  void run();

  const std::size_t waiting_max_;
  std::atomic<std::size_t> waiting_{0};
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Task> tasks_;
  bool finishing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tern::server::edge
