// Tokens with which clients ask: made by an integration for one user of an organisation, shown once, kept as a hash in
// a table beside the ledger until they end. (docs/decisions/doors-for-customers.md)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/open_tenants.hpp"
#include "store/tenant.hpp"
#include "tern/protocol/json.hpp"
#include "tern/sync/rights.hpp"

namespace tern::server {

inline constexpr std::string_view client_token_prefix = "ct_";
inline constexpr std::int64_t client_token_ttl_s_min = 300, client_token_ttl_s_max = 604'800,
                              client_token_ttl_s_default = 86'400;
inline constexpr std::uint64_t client_tokens_max = 100'000;  // of an organisation, that have not ended

struct ClientToken {
  RecordId id;
  RecordId contact;  // the author of what comes with it; its record is made with their first change
  RecordId organisation;
  std::string name;
  std::int64_t user_id = 0;
  RecordId made_by;  // the API key or the operator that it ends with; zero: none
  std::int64_t made_ms = 0, ends_ms = 0;
};

/// Whether people of that role make them in their sessions. Whoever has one reads what that customer reads, in all
/// queues, and decides on estimates in their place.
bool gives_client_tokens(sync::Role role);

/// The same contact for the same user of an organisation; of nobody that it knows another one each time.
RecordId contact_of_user(const Tenant& tenant, const RecordId& organisation, std::int64_t user_id,
                         Environment& environment);

/// "ct_...", with a fresh secret; wipe after showing. `secret_hash` is what is stored.
std::string make_client_token(const Tenant& tenant, const RecordId& id, Environment& environment, Bytes& secret_hash);

/// Inside of a transaction; takes out some of those that have ended. `plan_limit` when there are too many.
Result<void> write_client_token(sqlite::Database& db, std::int64_t tenant, const ClientToken& token,
                                const Bytes& secret_hash);

struct TokenOfTenant {
  Tenant* tenant = nullptr;
  ClientToken token;
};
/// `session_unknown` for one that is none, has ended, or was taken back with its key or maker, its organisation or its
/// contact.
Result<TokenOfTenant> open_client_token(const OpenTenants& tenants, std::string_view text);

/// Those that have not ended, the newest first.
Result<std::vector<ClientToken>> live_client_tokens(Tenant& tenant, std::size_t most);
/// All of an organisation, or the one whose id that is in hex. Gives how many there were.
Result<std::int64_t> end_client_tokens(sqlite::Database& db, std::int64_t tenant,
                                       const std::optional<RecordId>& organisation, std::string_view token_id);

}  // namespace tern::server
