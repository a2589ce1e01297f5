// Codes of an authenticator beside the password (RFC 6238: SHA-1, 6 digits, 30 s), for administrators who turn them on.
// docs/decisions/second-factors.md
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "access/directory.hpp"
#include "store/tenant.hpp"
#include "tern/protocol/environment.hpp"

namespace tern::server {

inline constexpr std::int64_t code_step_ms = 30'000;
inline constexpr std::size_t recovery_codes_made = 10;

/// The code of that step: six digits.
std::string code_of_step(ByteView secret, std::int64_t step);

/// Thread-safe. A code is good from 30 s before its time to 30 s behind it, and once: after one no older one is. What
/// counts tries is Logins.
class SecondFactors {
public:
  /// References outlive it.
  SecondFactors(Directory& directory, Environment& environment) : directory_(directory), environment_(environment) {}

  Result<bool> is_on(const Tenant& tenant, const OperatorId& person);
  /// A fresh secret, not asked for until a code of it was shown: base 32, as authenticators take it. Wipe it.
  /// `bad_transition` where one is on.
  Result<std::string> begin(const Tenant& tenant, const OperatorId& person);
  /// Turns it on; gives recovery codes, each good once in place of a code, kept as hashes. `login_refused` for another
  /// code, `bad_transition` where none was begun or one is on.
  Result<std::vector<std::string>> confirm(const Tenant& tenant, const OperatorId& person, std::string_view code);
  /// Whether the code is good; then it is used up. Also a recovery code.
  Result<bool> take(const Tenant& tenant, const OperatorId& person, std::string_view code);
  Result<void> end(const Tenant& tenant, const OperatorId& person);

private:
  bool takes_code(SecondFactorEntry& entry, std::string_view code) const;

  Directory& directory_;
  Environment& environment_;
  std::mutex mutex_;  // from the look at an entry to its writing
};

}  // namespace tern::server
