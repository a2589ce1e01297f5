// Sends what commits made to go out: takes rows that are due, has them sent elsewhere, notes what came of it. What was
// under way when the program ended is sent again, under the same name.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "access/directory.hpp"
#include "access/open_tenants.hpp"
#include "desk/outgoing.hpp"
#include "desk/outgoing_settings.hpp"
#include "ingest/committer.hpp"
#include "tern/server/egress.hpp"
#include "tern/server/log.hpp"
#include "tern/server/server_core.hpp"

namespace tern::server {

/// After so many attempts, in ms and before jitter of a fifth: 5 s, three times as long each time, at most 4 h.
std::int64_t outgoing_delay_ms(std::uint64_t attempts);
inline constexpr std::int64_t hook_given_up_ms = 24LL * 3'600'000, mail_given_up_ms = 48LL * 3'600'000;
/// However long ago it was made: a server that did not run tried nothing.
inline constexpr std::uint64_t attempts_before_giving_up = 8;
inline constexpr std::int64_t outgoing_kept_ms = 60LL * 24 * 3'600'000;  // refused addresses are known by it

struct PostmanCounters {
  std::atomic<std::uint64_t> hooks_sent{0}, hooks_failed{0}, hooks_dropped{0};
  std::atomic<std::uint64_t> mails_sent{0}, mails_failed{0}, mails_dropped{0};
};

/// Thread-safe. Without `use` it sends nothing: rows wait.
class Postman {
public:
  struct Parts {
    Environment& environment;
    OpenTenants& tenants;
    Directory& directory;
    const ServerOptions& options;
    const Log& log;
    std::function<Committer&()> committer;
    std::string version;
  };
  explicit Postman(Parts parts) : parts_(std::move(parts)) {}

  /// `run_later` runs what blocks, on up to `at_once` threads of its own; what it was given has run, or was dropped,
  /// before this goes. `egress` outlives that.
  void use(Egress& egress, std::function<void(std::function<void()>)> run_later, std::size_t at_once);

  /// Hands out what is due, to each webhook and each mail server one at a time; of several tenants another one is first
  /// each time, and none has more than half of `at_once`. Never waits.
  void look();
  [[nodiscard]] const PostmanCounters& counters() const { return counters_; }

private:
  using Busy = std::pair<std::int64_t, RecordId>;  // tenant, channel
  struct Outcome {
    bool sent = false, hook_gone = false, for_good = false;
    bool inner = false;  // the trouble is this server's own, and nothing that a webhook is turned off for
    OutgoingState ended = OutgoingState::given_up;
    std::string said;
    Bytes address;
  };
  Result<void> look_at(Tenant& tenant, std::int64_t now_ms, std::size_t of_each);
  bool take_slot(const Busy& busy, std::size_t of_each, bool& full);
  void work_on(Tenant& tenant, const Busy& busy, const Outgoing& due);
  void deliver(Tenant& tenant, std::uint64_t n);
  Result<std::optional<Outgoing>> claim(Tenant& tenant, std::uint64_t n);
  Result<Outcome> send(Tenant& tenant, const Outgoing& outgoing);
  Result<Outcome> send_to_hook(Tenant& tenant, sqlite::Database& db, const Outgoing& outgoing);
  Result<Outcome> send_mail(Tenant& tenant, sqlite::Database& db, const Outgoing& outgoing);
  Result<std::string> fresh_link(Tenant& tenant, const Outgoing& outgoing) const;
  Result<std::string> fresh_rating_link(Tenant& tenant, const Outgoing& outgoing) const;
  Result<void> note(Tenant& tenant, Outgoing outgoing, const Outcome& outcome);
  void count(OutgoingWay way, const Outcome& outcome);
  void log_trouble(const Tenant& tenant, std::string_view code, std::string_view reason) const;
  std::int64_t jittered(std::int64_t delay_ms);

  const Parts parts_;
  std::mutex mutex_;
  Egress* egress_ = nullptr;
  std::function<void(std::function<void()>)> run_later_;
  std::size_t at_once_ = 0, turn_ = 0;
  std::set<Busy> busy_;
  PostmanCounters counters_;
};

}  // namespace tern::server
