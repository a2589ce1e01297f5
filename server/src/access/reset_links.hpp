// Links with which people set another password: single-use, short-lived, kept as hashes. docs/api.md, "A lost
// password".
#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "access/enrolment.hpp"
#include "access/logins.hpp"
#include "access/open_tenants.hpp"
#include "ingest/committer.hpp"

namespace tern::server {

/// Of a link that was mailed, and of one that an administrator made.
inline constexpr std::int64_t mailed_link_ms = 3'600'000, made_link_ms = 24 * mailed_link_ms;
/// Of a server that is reached there. What stands behind # no browser sends.
std::string reset_link(std::string public_url, const std::string& token);

/// "rt_...". Of each mail (its number among what goes out) and of an administrator (0) there is one at a time: the one
/// before ends. As one statement or inside of a transaction; wipe it after showing.
Result<std::string> make_reset_token(sqlite::Database& db, Tenant& tenant, const OperatorId& person, std::uint64_t mail,
                                     std::int64_t for_ms, Environment& environment);
/// That mail has gone out: those of mails before it open nothing any more.
Result<void> end_links_before(sqlite::Database& db, std::int64_t tenant, const OperatorId& person, std::uint64_t mail);

struct ResetOfTenant {
  Tenant* tenant = nullptr;
  OperatorId person;
  RecordId link;
};
/// `login_refused`, the same for one that is none, was used or is over, or whose person is not active.
Result<ResetOfTenant> open_reset_token(const OpenTenants& tenants, std::string_view text);
/// Uses it up: `login_refused` when somebody else just has. From beside the strand.
Result<void> use_reset_token(const ResetOfTenant& reset, Committer& committer);
/// Inside of a transaction or as one statement: theirs opens nothing any more.
Result<void> end_reset_links(sqlite::Database& db, std::int64_t tenant, const OperatorId& person);
/// Likewise: those that are over go.
Result<void> drop_old_reset_links(sqlite::Database& db, std::int64_t tenant, std::int64_t now_ms);

/// Who has asked for a link, until `tick` looks: so the answer takes as long whoever asks, and says nothing.
/// Thread-safe.
class ResetRequests {
public:
  static constexpr std::size_t waiting_max = 1'000, per_address_max = 5, per_server_max = 100;  // the latter a minute

  explicit ResetRequests(Environment& environment) : environment_(environment) {}
  /// `rate_limited` for an address that asked too often, or when all did.
  Result<void> ask(const std::string& login, const std::string& peer);
  /// Of an address that comes with a token: however many others ask.
  Result<void> count(const std::string& peer);
  std::vector<std::string> take(std::size_t at_most);

private:
  Result<void> count_locked(const std::string& peer, bool asks);

  Environment& environment_;
  std::mutex mutex_;
  AttemptCounter by_address_, of_all_;
  std::deque<std::string> waiting_;
};

}  // namespace tern::server
