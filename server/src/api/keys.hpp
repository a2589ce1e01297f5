// API keys: ledger records that no device gets. The key itself is shown once; only a hash of its secret is kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/tenant.hpp"
#include "tern/protocol/json.hpp"

namespace tern::server {

/// What a key's record says.
struct ApiKey {
  RecordId id;
  std::uint64_t integer_id = 0;
  std::string name;
  std::vector<std::string> scopes;
  std::optional<OperatorId> operator_id;  // whom it acts as
  std::int64_t created_ms = 0;
  std::int64_t expires_ms = 0;  // 0: never
  std::int64_t revoked_ms = 0;  // 0: it is not

  [[nodiscard]] bool is_live(std::int64_t now_ms) const {
    return revoked_ms == 0 && (expires_ms == 0 || now_ms < expires_ms);
  }
};
ApiKey read_key(const sync::Record& record);
/// Widgets have records of the same kind, and are no keys (api/widgets.hpp).
bool is_api_key(const sync::Record& record);
/// {"id","name","prefix","scopes","operator_id","created_at","expires_at","revoked_at","state"}
Json key_json(Tenant& tenant, const ApiKey& key);

void revoke_key(sync::Record& record, std::int64_t now_ms);

/// Those that are not revoked, in the order in which they were made.
std::vector<ApiKey> kept_keys(const Tenant& tenant);

struct NewKey {
  sync::Record record;
  std::string text;  // tps_...; wipe after showing
};
/// The record with a fresh secret.
NewKey make_key(const Tenant& tenant, sync::Record record, Environment& environment);

/// What a request names: the record, and what it offers as its secret.
struct OfferedKey {
  RecordId id;
  Bytes secret;
};
/// Nothing for a text that is no key.
std::optional<OfferedKey> parse_key(std::string_view text);

struct KeyOfTenant {
  Tenant* tenant = nullptr;
  ApiKey key;
};
/// The tenant follows from the key. `key_unknown` for one that is none, of nobody here, or with another secret;
/// `key_revoked` for one that is revoked or expired. Takes the same time wherever secrets differ.
Result<KeyOfTenant> open_key(const std::vector<Tenant*>& tenants, std::string_view text, std::int64_t now_ms);

}  // namespace tern::server
