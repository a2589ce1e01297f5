#include "api/keys.hpp"

#include <algorithm>
#include <charconv>

#include "tern/protocol/crypto.hpp"
#include "time_text.hpp"

namespace tern::server {
namespace {

constexpr std::string_view key_prefix = "tps_";
constexpr std::size_t secret_bytes = 24;
constexpr std::size_t shown_digits = 8;  // of the record's id, in lists

std::string secret_hash(const TenantId& tenant, const RecordId& key, ByteView secret) {
  return to_hex(protocol::Hasher("TRN1-APIKEY").add(tenant.view()).add(key.view()).add(secret).finish());
}

std::int64_t instant_of(const sync::Record& record, const char* name) {
  std::int64_t ms = 0;
  if (const auto found = record.attributes.find(name); found != record.attributes.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), ms);
  return ms;
}

std::string key_attribute(const sync::Record& record, const char* name) {
  const auto found = record.attributes.find(name);
  return found == record.attributes.end() ? std::string() : found->second;
}

std::vector<std::string> scope_words(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

Json key_instant(std::int64_t ms) {
  return ms == 0 ? Json() : Json(instant_text(ms));
}

tl::unexpected<Error> no_such_key() {
  return fail(ErrorCode::key_unknown, "This API key is not known.", "Make one: ternd key add", "X-Api-Key");
}

}  // namespace

ApiKey read_key(const sync::Record& record) {
  ApiKey key;
  key.id = record.id;
  key.integer_id = record.integer_id;
  key.name = record.name;
  key.scopes = scope_words(key_attribute(record, "scopes"));
  if (!record.refs.empty()) key.operator_id = OperatorId::or_zero(record.refs.front().view());
  key.created_ms = instant_of(record, "created_ms");
  key.expires_ms = instant_of(record, "expires_ms");
  key.revoked_ms = instant_of(record, "revoked_ms");
  return key;
}

bool is_api_key(const sync::Record& record) {
  return record.kind == sync::RecordKind::api_key && !record.deleted && key_attribute(record, "surface").empty();
}

Json key_json(Tenant& tenant, const ApiKey& key) {
  Json scopes = Json::array();
  for (const std::string& scope : key.scopes) scopes.push(Json(scope));
  std::optional<sync::Record> acts_as;
  if (key.operator_id)
    acts_as = tenant.find_record(sync::RecordKind::operator_, RecordId::or_zero(key.operator_id->view()));
  const bool live = key.is_live(tenant.now_ms());
  return Json::object({{"id", Json(key.integer_id)},
                       {"name", Json(key.name)},
                       {"prefix", Json(std::string(key_prefix) + to_hex(key.id).substr(0, shown_digits))},
                       {"scopes", std::move(scopes)},
                       {"operator_id", acts_as ? Json(acts_as->integer_id) : Json()},
                       {"operator_name", acts_as ? Json(acts_as->name) : Json()},
                       {"created_at", key_instant(key.created_ms)},
                       {"expires_at", key_instant(key.expires_ms)},
                       {"revoked_at", key_instant(key.revoked_ms)},
                       {"state", Json(key.revoked_ms != 0 ? "revoked"
                                      : live              ? "active"
                                                          : "expired")}});
}

void revoke_key(sync::Record& record, std::int64_t now_ms) {
  record.attributes["revoked_ms"] = std::to_string(now_ms);
}

std::vector<ApiKey> kept_keys(const Tenant& tenant) {
  std::vector<ApiKey> keys;
  for (const sync::Record& record : tenant.records(sync::RecordKind::api_key))
    if (ApiKey key = read_key(record); is_api_key(record) && key.revoked_ms == 0) keys.push_back(std::move(key));
  std::ranges::sort(keys, {}, &ApiKey::integer_id);
  return keys;
}

NewKey make_key(const Tenant& tenant, sync::Record record, Environment& environment) {
  Bytes secret(secret_bytes, '\0');
  environment.random(reinterpret_cast<std::uint8_t*>(secret.data()), secret.size());
  record.attributes["secret_hash"] = secret_hash(tenant.id(), record.id, secret);
  NewKey made{std::move(record), std::string(key_prefix)};
  made.text += to_hex(made.record.id) + to_hex(secret);
  protocol::wipe(secret);
  return made;
}

std::optional<OfferedKey> parse_key(std::string_view text) {
  if (!text.starts_with(key_prefix)) return std::nullopt;
  const auto raw = from_hex(text.substr(key_prefix.size()));
  if (!raw || raw->size() != RecordId::size_bytes + secret_bytes) return std::nullopt;
  const ByteView all(*raw);
  return OfferedKey{RecordId::or_zero(all.substr(0, RecordId::size_bytes)), Bytes(all.substr(RecordId::size_bytes))};
}

Result<KeyOfTenant> open_key(const std::vector<Tenant*>& tenants, std::string_view text, std::int64_t now_ms) {
  const auto offered = parse_key(text);
  if (!offered) return no_such_key();
  for (Tenant* tenant : tenants) {
    const auto record = tenant->find_record(sync::RecordKind::api_key, offered->id);
    if (!record || !is_api_key(*record)) continue;
    const std::string due = key_attribute(*record, "secret_hash");
    if (!protocol::equal_secret(due, secret_hash(tenant->id(), offered->id, offered->secret))) return no_such_key();
    ApiKey key = read_key(*record);
    if (!key.is_live(now_ms))
      return fail(ErrorCode::key_revoked,
                  key.revoked_ms != 0 ? "This API key is revoked." : "This API key has expired.",
                  "Make another: ternd key add", "X-Api-Key");
    return KeyOfTenant{tenant, std::move(key)};
  }
  return no_such_key();
}

}  // namespace tern::server
