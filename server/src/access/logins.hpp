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

  explicit Logins(Environment& environment) : environment_(environment) {}

  struct Begun {
    Person person;
    std::string token;  // shown once, to the one who logged in
  };
  /// Slow on purpose. `login_refused`, the same for whatever was wrong; `rate_limited` after ten tries in 15 minutes
  /// that failed, of one address or for one login; `busy` while two others are being checked.
  Result<Begun> log_in(Directory& directory, const std::vector<Tenant*>& tenants, const std::string& login,
                       const std::string& password, const std::string& peer);

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
  std::string begin(const Person& person);

  Environment& environment_;
  std::mutex mutex_;
  std::unordered_map<Hash, Session> sessions_;  // by the hash of the token
  std::map<std::string, Tries> tries_;
  int checking_ = 0;
};

}  // namespace tern::server
