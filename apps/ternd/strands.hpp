// Threads that run what is handed to them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

namespace tern::apps {

/// Up to so many threads; one alone runs what it gets in order. They begin when something waits and nobody is free, and
/// end when nothing came for a while. What waits when it goes is dropped. Thread-safe.
class Strands {
public:
  explicit Strands(std::size_t most, std::chrono::milliseconds linger = std::chrono::seconds(2))
      : most_(most), linger_(linger) {}
  ~Strands();
  Strands(const Strands&) = delete;
  Strands& operator=(const Strands&) = delete;

  /// Where no thread can be had, `work` waits for one that runs, or for the next tend().
  void post(std::function<void()> work);
  /// Now and then: gives back what threads that ended left, and starts one where something waits for want of one.
  void tend();
  [[nodiscard]] std::size_t threads() const;

private:
  using Threads = std::list<std::thread>;

  void begin_one();  // mutex held
  void run(Threads::iterator self);

  const std::size_t most_;
  const std::chrono::milliseconds linger_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  bool stopping_ = false;
  std::size_t free_ = 0;  // wait for work
  Threads running_, ended_;
};

}  // namespace tern::apps
