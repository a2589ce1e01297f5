// How other threads speak to a poll loop.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tern/server/http.hpp"

namespace tern::server::edge {

using ConnectionId = std::uint64_t;

/// A connection that was accepted and counted, for this loop to hold.
struct Adopt {
  int descriptor = -1;
  std::string address;
  std::uint16_t port = 0;
  std::string address_key;
};
/// What became of request number `ordinal` of a connection. No response: the handler gave none.
struct Answer {
  ConnectionId connection = 0;
  std::uint64_t ordinal = 0;
  std::optional<Response> response;
};
struct Upgraded {
  ConnectionId connection = 0;
  std::uint64_t ordinal = 0;
  std::optional<UpgradeVerdict> verdict;  // none: the handler threw
};
struct Flush {  // a stream has something to send
  ConnectionId connection = 0;
};
struct Resume {  // a stream's handler is done with a message
  ConnectionId connection = 0;
};
struct Drain {};
struct Stop {};
using Command = std::variant<Adopt, Answer, Upgraded, Flush, Resume, Drain, Stop>;

/// Commands to one loop, and the descriptor that wakes it. Thread-safe. Outlives the loop in the hands of replies and
/// senders; posting to an ended loop does nothing.
class LoopInbox {
public:
  LoopInbox();
  ~LoopInbox();
  LoopInbox(const LoopInbox&) = delete;
  LoopInbox& operator=(const LoopInbox&) = delete;

  /// False when the loop has ended; the command is dropped (an adopted descriptor is closed).
  bool post(Command command);
  [[nodiscard]] bool is_closed() const;

  // For the loop.
  [[nodiscard]] int descriptor() const { return descriptor_; }  // -1: the system gave none
  std::vector<Command> take();
  void close();  // drops what waits

private:
  const int descriptor_;
  mutable std::mutex mutex_;
  std::vector<Command> commands_;
  bool closed_ = false;
};

}  // namespace tern::server::edge
