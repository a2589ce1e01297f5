#include "strands.hpp"

#include "runtime/thread.hpp"

namespace tern::apps {

Strands::~Strands() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;  // from here on nobody moves from one list to the other
  }
  wake_.notify_all();
  for (Threads* threads : {&running_, &ended_})
    for (std::thread& thread : *threads) thread.join();
}

void Strands::post(std::function<void()> work) {
  {
    const std::lock_guard guard(mutex_);
    if (stopping_) return;
    waiting_.push_back(std::move(work));
    if (waiting_.size() > free_) begin_one();
  }
  wake_.notify_one();
}

void Strands::tend() {
  Threads ended;
  {
    const std::lock_guard guard(mutex_);
    ended.splice(ended.end(), ended_);
    if (waiting_.size() > free_) begin_one();
  }
  for (std::thread& thread : ended) thread.join();
}

std::size_t Strands::threads() const {
  const std::lock_guard guard(mutex_);
  return running_.size();
}

void Strands::begin_one() {
  if (running_.size() >= most_) return;
  const auto self = running_.emplace(running_.end());
  auto started = server::start_thread([this, self] { run(self); });  // which first waits for the mutex
  if (started)
    *self = std::move(*started);
  else
    running_.erase(self);
}

void Strands::run(Threads::iterator self) {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++free_;
    wake_.wait_for(lock, linger_, [this] { return stopping_ || !waiting_.empty(); });
    --free_;
    if (stopping_) return;
    if (waiting_.empty()) {
      ended_.splice(ended_.end(), running_, self);
      return;
    }
    const auto work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    work();
    lock.lock();
  }
}

}  // namespace tern::apps
