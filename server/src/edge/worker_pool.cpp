#include "edge/worker_pool.hpp"

#include <utility>

#include "runtime/thread.hpp"

namespace tern::server::edge {

Result<void> WorkerPool::start(std::size_t threads) {
  for (std::size_t i = 0; i < threads; ++i) {
    TERN_TRY(std::thread thread, start_thread([this] { run(); }));
    threads_.push_back(std::move(thread));
  }
  return {};
}

WorkerPool::~WorkerPool() {
  finish();
}

bool WorkerPool::try_submit(Task& task) {
  {
    const std::lock_guard lock(mutex_);
    if (tasks_.size() >= waiting_max_) return false;
    push(std::move(task));
  }
  ready_.notify_one();
  return true;
}

void WorkerPool::submit(Task task) {
  {
    const std::lock_guard lock(mutex_);
    push(std::move(task));
  }
  ready_.notify_one();
}

void WorkerPool::push(Task task) {
  tasks_.push_back(std::move(task));
  waiting_.store(tasks_.size(), std::memory_order_relaxed);
}

void WorkerPool::finish() {
  {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
  }
  ready_.notify_all();
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

void WorkerPool::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    ready_.wait(lock, [this] { return finishing_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    waiting_.store(tasks_.size(), std::memory_order_relaxed);
    lock.unlock();
    task();
    task = nullptr;  // what it holds goes without the lock
    lock.lock();
  }
}

}  // namespace tern::server::edge
