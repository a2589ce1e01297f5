// Tokens with which a program that keeps no cookies works on tickets in an operator's name, for some hours. Random,
// kept as hashes beside the ledger, gone with a restore. docs/api.md, "Who asks".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "access/logins.hpp"
#include "access/open_tenants.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::server {

inline constexpr std::int64_t mobile_ttl_s_default = 3'600, mobile_ttl_s_min = 300, mobile_ttl_s_max = 12 * 3'600;
inline constexpr std::int64_t mobile_tokens_max = 20;  // of one person; of more the oldest goes

/// "mt_...". Inside of a transaction; wipe it after showing.
Result<std::string> make_mobile_token(sqlite::Database& db, Tenant& tenant, const OperatorId& person,
                                      std::int64_t ttl_s, Environment& environment);

struct OpenedMobile {
  Person person;
  RecordId token;
};
/// `session_unknown` for one that is none, has ended, or whose person is not active.
Result<OpenedMobile> open_mobile_token(const OpenTenants& tenants, std::string_view text);

/// As one statement or inside of a transaction.
Result<void> end_mobile_token(sqlite::Database& db, std::int64_t tenant, const RecordId& token);
Result<void> end_mobile_tokens(sqlite::Database& db, std::int64_t tenant, const OperatorId& person);
Result<void> drop_old_mobile_tokens(sqlite::Database& db, std::int64_t tenant, std::int64_t now_ms);

}  // namespace tern::server
