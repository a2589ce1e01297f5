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
  static constexpr std::int64_t session_ms = 12LL * 3'600'000, try_window_ms = 15LL * 60'000;
  static constexpr std::size_t login_bytes_max = 254;

  Logins(Environment& environment, SecondFactors& factors) : environment_(environment), factors_(factors) {}

  /// What somebody says who they are by.
  struct Claim {
    std::string login, password;
    std::string code;  // of the second factor; empty: none was said
    std::string peer;  // where the request came from
  };
  /// Slow on purpose. `login_refused`, the same for whatever was wrong of login and password; with field "code" where
  /// that is missing or wrong. `rate_limited` after ten tries in 15 minutes that failed, of one address or for one
  /// login; `busy` while two others are being checked.
  Result<Person> identify(Directory& directory, const std::vector<Tenant*>& tenants, const Claim& claim);
  /// The token of a new session: shown once, to the one who was identified.
  std::string begin(const Person& person);

  /// A code of somebody who is in a session: as `identify` counts. `login_refused` with field "code".
  Result<void> check_code(const Person& person, const std::string& code);
  /// The same before a code is compared elsewhere; `code_was_good` gives the try back.
  Result<void> count_code(const Person& person);
  void code_was_good(const Person& person);

  /// Nothing: nobody's, over, or its operator is not active any more.
  std::optional<Person> person_of(std::string_view token);

  /// All sessions of an operator: their password is another one.
  void end_sessions_of(const OperatorId& person);

private:
  struct Session {
    Person person;
    std::int64_t until_ms = 0;
  };
  struct Tries {
    std::int64_t since_ms = 0;
    int count = 0;
  };
  bool may_try(const std::string& key);
  void give_back(const std::string& key);
  Result<std::optional<Person>> check(Directory& directory, const std::vector<Tenant*>& tenants,
                                      const std::string& login, const std::string& password);
  Result<void> check_second(const Person& person, const std::string& code);

  Environment& environment_;
  SecondFactors& factors_;
  std::mutex mutex_;
  std::unordered_map<Hash, Session> sessions_;  // by the hash of the token
  std::map<std::string, Tries> tries_;
  int checking_ = 0;
};

}  // namespace tern::server
