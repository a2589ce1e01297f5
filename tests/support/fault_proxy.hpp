// A TCP proxy on loopback that does to a connection what networks do: cuts it after so many bytes, resets it, goes
// silent, or lets bytes through one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace tern::test {

enum class LineFault {
  none,
  cut,           // both ends see an end
  reset,         // both ends see RST
  silence,       // half open: nothing moves any more, nobody is told
  unfinished,    // the next thing that comes down says that more follows (the first bit of a frame), once
  silence_open,  // those that are open, at once; new ones get through
  trickle,       // a byte a millisecond each way, from the first one on
};

/// What is to happen once so many bytes went up (to the server) or down since the plan was made.
struct FaultPlan {
  LineFault fault = LineFault::none;
  std::optional<std::size_t> after_up, after_down;
};

struct LineCounts {
  std::size_t up = 0, down = 0;
  bool struck = false;  // the fault has happened; until the next plan nobody gets through
};

/// One thread serves every connection. Owner and callers: one test.
class FaultProxy {
public:
  explicit FaultProxy(std::uint16_t server_port);
  ~FaultProxy();
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  /// Counts from nothing. Silent connections of the plan before are reset, the others stay.
  void plan(const FaultPlan& plan);
  void heal() { plan({}); }
  [[nodiscard]] LineCounts counts() const;

private:
  struct Way {
    int from = -1, to = -1;
    std::string waiting;  // read, and not yet taken by the other end
    bool ended = false;
  };
  struct Pair {
    Way up, down;
    bool silent = false;
  };

  void serve();
  void accept_one();
  void wait_for_news();
  /// False when the pair is to go.
  bool carry(Pair& pair);
  bool move(Pair& pair, Way& way, std::size_t& count, const std::optional<std::size_t>& limit);
  bool strike(Pair& pair);
  static void close_pair(Pair& pair, bool with_reset);

  const std::uint16_t server_port_;
  std::uint16_t port_ = 0;
  int listener_ = -1, wake_[2] = {-1, -1};
  mutable std::mutex mutex_;
  FaultPlan plan_;
  LineCounts counts_;
  bool stop_ = false;
  std::list<Pair> pairs_;
  std::thread thread_;
};

}  // namespace tern::test
