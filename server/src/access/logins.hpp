// People who log in with a password: sessions of browsers and programs, in memory, ended by time, by a restart, by
// another password, or with their operator.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "access/directory.hpp"
#include "access/enrolment.hpp"
#include "access/second_factors.hpp"
#include "store/tenant.hpp"
#include "tern/protocol/environment.hpp"

namespace tern::server {

struct Person {
  Tenant* tenant = nullptr;
  OperatorId id;
};

/// Thread-safe.
class Logins {
public:
  static constexpr std::int64_t session_ms = 12LL * 3'600'000, try_window_ms = 15LL * 60'000,
                                known_ms = 30LL * 24 * 3'600'000;
  static constexpr std::size_t login_bytes_max = 254;

  Logins(Environment& environment, SecondFactors& factors) : environment_(environment), factors_(factors) {}

  /// What somebody says who they are by.
  struct Claim {
    std::string login, password;
    std::string code;  // of the second factor; empty: none was said
    std::string peer;  // where the request came from
  };
  /// Slow on purpose. `login_refused`, the same for whatever was wrong of login and password; with field "code" where
  /// that is missing or wrong. `rate_limited` after ten tries in 15 minutes that failed, of one address (but loopback)
  /// or for one login; from where its person has logged in within 30 days strangers lock nobody out: tries are counted
  /// apart there. `busy` while two others are being checked.
  Result<Person> identify(Directory& directory, const std::vector<Tenant*>& tenants, const Claim& claim);
  /// Whether it is their password, of somebody who is in a session. `login_refused` with field "password", counted for
  /// the person alone; `bad_transition` of who has none.
  Result<void> check_password(Directory& directory, const Person& person, const std::string& login,
                              const std::string& password);
  /// They have set another password by a link: strangers' tries before it do not lock them out.
  void recovered(const std::string& login, const OperatorId& person, const std::string& peer);

  /// Taken before somebody says who they are: once all of theirs has ended, what comes of it counts for nothing.
  using Moment = std::uint64_t;
  Moment moment();
  /// `login_refused` when all of theirs has ended since.
  Result<void> check_since(const OperatorId& person, Moment since);
  /// The token of a new session: shown once, to the one who was identified since then. As `check_since`.
  Result<std::string> begin(const Person& person, Moment since);

  /// A code of somebody who is in a session: as `identify` counts. `login_refused` with field "code".
  Result<void> check_code(const Person& person, const std::string& code);
  /// The same before a code is compared elsewhere; `code_was_good` gives the try back.
  Result<void> count_code(const Person& person);
  void code_was_good(const Person& person);

  /// Nothing: nobody's, over, or its operator is not active any more.
  std::optional<Person> person_of(std::string_view token);
  /// The name of a session, which opens nothing.
  static Hash name_of(std::string_view token);
  /// It has not ended.
  bool lives(const Hash& session);

  /// All sessions of an operator but that one, and what is on its way to one: their password is another one.
  void end_sessions_of(const OperatorId& person, const Hash& but = {});

private:
  struct Session {
    Person person;
    std::int64_t until_ms = 0;
  };
  Result<void> check_since_locked(const OperatorId& person, Moment since) const;
  using KnownPeople = std::map<OperatorId, std::int64_t>;  // until when
  bool may_try(const std::string& key);
  Result<std::string> count_login(const std::string& name, const std::string& address, KnownPeople& only);
  KnownPeople known_from(const std::string& name, const std::string& address) const;
  void note_known(const std::string& name, const std::string& address, const OperatorId& person);
  Result<std::optional<Person>> check(Directory& directory, const std::vector<Tenant*>& tenants,
                                      const std::string& login, const std::string& password, const KnownPeople& only);
  Result<void> check_second(const Person& person, const std::string& code);

  Environment& environment_;
  SecondFactors& factors_;
  std::mutex mutex_;
  std::unordered_map<Hash, Session> sessions_;  // by the hash of the token
  std::map<OperatorId, Moment> ended_;
  Moment ends_ = 0;  // how often all of somebody's ended
  AttemptCounter tries_{try_window_ms};
  std::map<std::string, KnownPeople> known_;  // by address and login
  int checking_ = 0;
};

}  // namespace tern::server
