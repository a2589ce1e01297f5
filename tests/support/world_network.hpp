// The network of a world: it carries encoded bytes between devices and the server, and may treat them badly.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "support/world_schedule.hpp"
#include "support/world_server.hpp"
#include "tern/client/transport.hpp"

namespace tern::test {

/// What happens to messages, in a thousand of them.
struct Faults {
  unsigned drop = 0;       // either way: an answer that is dropped leaves "was it committed?" open
  unsigned duplicate = 0;  // a request comes twice
  unsigned reorder = 0;    // a message comes long after those behind it
  unsigned truncate = 0;
  unsigned flip = 0;  // one bit
  std::int64_t delay_ms_max = 20;
};

/// How often each happened.
struct FaultsSeen {
  std::uint64_t requests = 0, answers = 0, dropped = 0, duplicated = 0, reordered = 0, truncated = 0, flipped = 0,
                refused = 0, unheard = 0, clogged = 0, half_open = 0, half_open_noticed = 0;
};

class Network {
public:
  using Reply = std::function<void(Result<client::HttpAnswer>)>;

  Network(Schedule& schedule, Server& server, Seed seed)
      : schedule_(schedule), server_(server), random_(seed, "network") {}

  // ---- cables ----
  /// Nobody reaches the server.
  void cut() { all_cut_ = true; }
  void cut(const std::string& address) { cut_.insert(address); }
  /// As a network should be, for everybody; messages that were under way still arrive.
  void heal() {
    all_cut_ = false;
    cut_.clear();
    deaf_.clear();
    silent_.clear();
    clogged_.clear();
    faults = {};
  }
  void heal(const std::string& address) { cut_.erase(address); }
  /// What it sends arrives, what is sent to it does not.
  void deafen(const std::string& address) { deaf_.insert(address); }
  void undeafen(const std::string& address) { deaf_.erase(address); }
  /// Its streams go half open: what is said on one from now on vanishes, either way, and both ends stand. Who asks
  /// anew over HTTP has noticed; after a minute without a sign both have.
  void hush(const std::string& address) { silent_.insert(address); }
  void unhush(const std::string& address) { silent_.erase(address); }
  /// What it sends and what is sent to it arrives together, once that time has come.
  void clog(const std::string& address, std::int64_t until_ms) { clogged_[address] = until_ms; }
  [[nodiscard]] bool hears(const std::string& address) const { return reaches(address) && !deaf_.contains(address); }
  [[nodiscard]] bool reaches(const std::string& address) const { return !all_cut_ && !cut_.contains(address); }

  // ---- messages ----
  /// `reply` is called once: with the answer, or with `no_connection` when none came within 30 s.
  void carry(const std::string& address, client::HttpRequest request, Reply reply);

  /// One WebSocket as its client sees it.
  class Stream {
  public:
    virtual ~Stream() = default;
    virtual void send(Bytes message) = 0;
    virtual void close() = 0;
  };
  struct StreamEnds {
    std::function<void(const client::HttpAnswer&)> opened;
    std::function<void(Bytes)> message;
    std::function<void()> closed;  // the last call; also when it never opened
  };
  std::shared_ptr<Stream> open_stream(const std::string& address, const client::HttpRequest& upgrade, StreamEnds ends);
  /// Every stream ends, without a word: the server is about to go.
  void break_streams();

  // ---- who stands in between ----
  /// Sees, and may change, what leaves a device and what comes back.
  std::function<void(const std::string& address, client::HttpRequest&)> on_request;
  std::function<void(const std::string& address, const client::HttpRequest&, client::HttpAnswer&)> on_answer;
  std::function<void(const std::string& address, bool up, const Bytes&)> on_stream_message;
  /// Answers instead of the server.
  std::function<std::optional<client::HttpAnswer>(const client::HttpRequest&)> portal;

  Faults faults;
  [[nodiscard]] const FaultsSeen& seen() const { return seen_; }

private:
  struct Slot;
  class Line;
  void deliver(const std::shared_ptr<Slot>& slot, const client::HttpRequest& request);
  std::int64_t delay_ms();
  std::int64_t delay_ms(const std::string& address);
  void damage(Bytes& body);
  void note_half_open(const std::string& address);

  Schedule& schedule_;
  Server& server_;
  Random random_;
  bool all_cut_ = false;
  std::set<std::string> cut_, deaf_, silent_;
  std::map<std::string, std::int64_t> clogged_;
  FaultsSeen seen_;
  std::vector<std::weak_ptr<Line>> lines_;
};

}  // namespace tern::test
