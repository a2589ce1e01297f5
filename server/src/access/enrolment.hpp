// Codes and the enrolment of devices. Source: protocol.md "Enrolment".
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ingest/committer.hpp"
#include "store/tenant.hpp"
#include "tern/protocol/enrolment.hpp"

namespace tern::server {

inline constexpr std::size_t attempts_per_address_max = 10;  // a minute
inline constexpr std::size_t attempts_per_tenant_max = 100;  // a minute
inline constexpr std::int64_t attempts_window_ms = 60'000;

inline constexpr std::size_t attempts_remembered_max = 10'000;  // addresses at once

/// How often somebody tried within the last minute, or as long as it is told to look back. Bounded memory: of too many,
/// those that tried least lately are forgotten first, and whoever used up their attempts last. Nobody is refused
/// because others are many.
class AttemptCounter {
public:
  explicit AttemptCounter(std::int64_t window_ms = attempts_window_ms) : window_ms_(window_ms) {}

  /// False when this one is too many.
  bool allow(const std::string& who, std::size_t at_most, std::int64_t now_ms);
  /// The newest was none.
  void give_back(const std::string& who);
  void forget(const std::string& who) { attempts_.erase(who); }
  /// When the oldest that counts does no more; of nobody's 0.
  [[nodiscard]] std::int64_t free_ms(const std::string& who) const;

private:
  void make_room(std::size_t at_most, std::int64_t now_ms);

  std::int64_t window_ms_;
  std::unordered_map<std::string, std::deque<std::int64_t>> attempts_;
};

/// Of this machine itself, where a proxy speaks for everybody: an address that says nothing of who asks.
bool is_loopback(std::string_view address);

/// Whom an address counts as: IPv6 by its /64, which one host has to itself.
std::string counted_address(const std::string& address);

struct NewCode {
  std::string code;  // 16 characters in groups of 4: tell it to the person, never log it
  std::string link;  // for the QR
  std::int64_t expires_ms = 0;
};

/// Thread-safe.
class Enrolment {
public:
  explicit Enrolment(Environment& environment) : environment_(environment) {}

  /// A code for one device of an operator. Committer strand. `not_found`, `not_permitted` (disabled).
  Result<NewCode> make_code(Tenant& tenant, const OperatorId& operator_id, bool scope_all,
                            const std::string& public_url);

  /// The answer to an enrolment request. `login_refused` is the one refusal for wrong, used and expired codes;
  /// `rate_limited`; `too_large` (20 devices). `tenants`: all open ones; the code says which.
  Result<Bytes> enrol(ByteView request, const std::string& address, const std::vector<Tenant*>& tenants,
                      Committer& committer);

  /// Forgets codes that are over. Committer strand.
  Result<void> sweep(Tenant& tenant);

private:
  struct CodeRow;
  Result<std::optional<CodeRow>> find_code(sqlite::Database& db, Tenant& tenant, const protocol::EnrolmentId& id);
  Result<Bytes> take(Tenant& tenant, const protocol::EnrolmentId& id, ByteView request);
  Result<Bytes> make_device(Tenant& tenant, const protocol::EnrolmentId& id, const CodeRow& code,
                            const protocol::EnrolmentRequest& request, ByteView wire);

  Environment& environment_;
  std::mutex mutex_;  // of the counters
  AttemptCounter by_address_, by_tenant_;
};

}  // namespace tern::server
