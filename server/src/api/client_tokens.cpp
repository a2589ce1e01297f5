#include "api/client_tokens.hpp"

#include "api/keys.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/wire.hpp"

namespace tern::server {
namespace {

constexpr std::size_t token_secret_bytes = 24;
constexpr std::int64_t ended_taken_out_at_once = 1'000;
constexpr std::string_view token_columns =
    "token_id, contact, organisation, name, user_id, made_by, made_ms, ends_ms, secret_hash";

Bytes client_token_hash(const TenantId& tenant, const RecordId& token, ByteView secret) {
  return Bytes(protocol::Hasher("TRN1-CLIENT").add(tenant.view()).add(token.view()).add(secret).finish().view());
}

ClientToken token_of_row(const sqlite::Statement& row) {
  ClientToken token;
  token.id = row.id<RecordId>(0);
  token.contact = row.id<RecordId>(1);
  token.organisation = row.id<RecordId>(2);
  token.name = std::string(row.text(3));
  token.user_id = row.int64(4);
  token.made_by = row.id<RecordId>(5);
  token.made_ms = row.int64(6);
  token.ends_ms = row.int64(7);
  return token;
}

tl::unexpected<Error> no_such_token() {
  return fail(ErrorCode::session_unknown, "This client's token is not known, or has ended.",
              "Get another: create_client_token.", "X-Client-Token");
}

struct OfferedToken {
  TenantId tenant;
  RecordId id;
  Bytes secret;
};
std::optional<OfferedToken> parse_token(std::string_view text) {
  if (!text.starts_with(client_token_prefix)) return std::nullopt;
  const auto raw = from_hex(text.substr(client_token_prefix.size()));
  if (!raw || raw->size() != TenantId::size_bytes + RecordId::size_bytes + token_secret_bytes) return std::nullopt;
  const ByteView all(*raw);
  return OfferedToken{TenantId::or_zero(all.substr(0, TenantId::size_bytes)),
                      RecordId::or_zero(all.substr(TenantId::size_bytes, RecordId::size_bytes)),
                      Bytes(all.substr(TenantId::size_bytes + RecordId::size_bytes))};
}

/// Whoever gave it and whom it is for are still there.
bool is_backed(const Tenant& tenant, const ClientToken& token) {
  const auto organisation = tenant.find_record(sync::RecordKind::organisation, token.organisation);
  if (!organisation || organisation->deleted) return false;
  const auto contact = tenant.find_record(sync::RecordKind::contact, token.contact);
  if (contact && contact->deleted) return false;
  if (token.made_by.is_zero()) return true;
  if (const auto key = tenant.find_record(sync::RecordKind::api_key, token.made_by))
    return !key->deleted && read_key(*key).revoked_ms == 0;
  const auto person = tenant.find_actor(OperatorId::or_zero(token.made_by.view()));
  return person && person->active && gives_client_tokens(person->role);
}

}  // namespace

bool gives_client_tokens(sync::Role role) {
  return sync::has_right(role, sync::Right::approve_estimate) || sync::has_right(role, sync::Right::administer);
}

RecordId contact_of_user(const Tenant& tenant, const RecordId& organisation, std::int64_t user_id,
                         Environment& environment) {
  if (user_id == 0) return random_id<RecordId>(environment);
  protocol::ByteWriter number;
  number.i64(user_id);
  const Hash hash = protocol::Hasher("TRN1-CLIENT-USER")
                        .add(tenant.id().view())
                        .add(organisation.view())
                        .add(number.bytes())
                        .finish();
  return RecordId::or_zero(hash.view().substr(0, RecordId::size_bytes));
}

std::string make_client_token(const Tenant& tenant, const RecordId& id, Environment& environment, Bytes& secret_hash) {
  Bytes secret(token_secret_bytes, '\0');
  environment.random(reinterpret_cast<std::uint8_t*>(secret.data()), secret.size());
  secret_hash = client_token_hash(tenant.id(), id, secret);
  std::string text(client_token_prefix);
  text += to_hex(tenant.id()) + to_hex(id) + to_hex(secret);
  protocol::wipe(secret);
  return text;
}

Result<void> write_client_token(sqlite::Database& db, std::int64_t tenant, const ClientToken& token,
                                const Bytes& secret_hash) {
  TERN_CHECKED(
      db.run("DELETE FROM client_token WHERE tenant_id = $1 AND token_id IN (SELECT token_id FROM client_token WHERE "
             "tenant_id = $1 AND ends_ms <= $2 ORDER BY ends_ms LIMIT $3)",
             tenant, token.made_ms, ended_taken_out_at_once));
  TERN_TRY(const auto there, db.int64_of("SELECT count(*) FROM client_token WHERE tenant_id = $1", tenant));
  if (static_cast<std::uint64_t>(there.value_or(0)) >= client_tokens_max)
    return fail(ErrorCode::plan_limit, "There are 100,000 tokens of clients that have not ended.",
                "Make them for a shorter time.", "ttl");
  return db.run(
      "INSERT INTO client_token (tenant_id, token_id, secret_hash, contact, organisation, name, user_id, "
      "made_by, made_ms, ends_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
      tenant, token.id, sqlite::Blob{secret_hash}, token.contact, token.organisation, sqlite::Text{token.name},
      token.user_id, token.made_by, token.made_ms, token.ends_ms);
}

Result<TokenOfTenant> open_client_token(const OpenTenants& tenants, std::string_view text) {
  const auto offered = parse_token(text);
  if (!offered) return no_such_token();
  TERN_TRY(Tenant * tenant, tenants.serving(offered->tenant));
  if (tenant == nullptr) return no_such_token();
  TERN_TRY(auto reader, tenant->reader());
  TERN_TRY(auto rows, reader.db().query("SELECT " + std::string(token_columns) +
                                            " FROM client_token WHERE tenant_id = $1 AND token_id = $2",
                                        tenant->number(), offered->id));
  TERN_TRY(const bool there, rows.step());
  if (!there || !protocol::equal_secret(rows.blob(8), client_token_hash(offered->tenant, offered->id, offered->secret)))
    return no_such_token();
  ClientToken token = token_of_row(rows);
  if (tenant->now_ms() >= token.ends_ms || !is_backed(*tenant, token)) return no_such_token();
  return TokenOfTenant{tenant, std::move(token)};
}

Result<std::vector<ClientToken>> live_client_tokens(Tenant& tenant, std::size_t most) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto rows, reader.db().query("SELECT " + std::string(token_columns) +
                                            " FROM client_token WHERE tenant_id = $1 AND ends_ms > $2 "
                                            "ORDER BY made_ms DESC, token_id LIMIT $3",
                                        tenant.number(), tenant.now_ms(), static_cast<std::int64_t>(most)));
  std::vector<ClientToken> out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back(token_of_row(rows));
  }
}

Result<std::int64_t> end_client_tokens(sqlite::Database& db, std::int64_t tenant,
                                       const std::optional<RecordId>& organisation, std::string_view token_id) {
  const RecordId id = organisation.value_or(RecordId::or_zero(from_hex(token_id).value_or(Bytes{})));
  const std::string which = std::string(" FROM client_token WHERE tenant_id = $1 AND ") +
                            (organisation ? "organisation" : "token_id") + " = $2";
  TERN_TRY(const auto there, db.int64_of("SELECT count(*)" + which, tenant, id));
  TERN_CHECKED(db.run("DELETE" + which, tenant, id));
  return there.value_or(0);
}

}  // namespace tern::server
