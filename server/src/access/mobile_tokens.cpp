#include "access/mobile_tokens.hpp"

#include "access/secret_token.hpp"
#include "tern/protocol/crypto.hpp"

namespace tern::server {
namespace {

constexpr SecretTokenKind mobile_kind{"mt_", "TRN1-MOBILE"};
constexpr std::int64_t mobile_second_ms = 1'000;

tl::unexpected<Error> no_such_mobile() {
  return fail(ErrorCode::session_unknown, "This token is not known, or has ended.", "Get another: mobile_login.",
              "mobile_token");
}

}  // namespace

Result<std::string> make_mobile_token(sqlite::Database& db, Tenant& tenant, const OperatorId& person,
                                      std::int64_t ttl_s, Environment& environment) {
  const std::int64_t now_ms = tenant.now_ms();
  TERN_CHECKED(db.run("DELETE FROM mobile_token WHERE tenant_id = $1 AND operator_id = $2 AND ends_ms <= $3",
                      tenant.number(), person, now_ms));
  TERN_CHECKED(
      db.run("DELETE FROM mobile_token WHERE tenant_id = $1 AND token_id IN (SELECT token_id FROM mobile_token WHERE "
             "tenant_id = $1 AND operator_id = $2 ORDER BY made_ms DESC, token_id LIMIT -1 OFFSET $3)",
             tenant.number(), person, mobile_tokens_max - 1));
  const auto id = random_id<RecordId>(environment);
  Bytes kept;
  std::string text = make_secret_token(mobile_kind, tenant.id(), id, environment, kept);
  const auto put = db.run(
      "INSERT INTO mobile_token (tenant_id, token_id, operator_id, secret_hash, made_ms, ends_ms) VALUES ($1, $2, $3, "
      "$4, $5, $6)",
      tenant.number(), id, person, sqlite::Blob{kept}, now_ms, now_ms + ttl_s * mobile_second_ms);
  if (put) return text;
  protocol::wipe(text);
  return tl::unexpected(put.error());
}

Result<OpenedMobile> open_mobile_token(const OpenTenants& tenants, std::string_view text) {
  const auto offered = read_secret_token(mobile_kind, text);
  if (!offered) return no_such_mobile();
  TERN_TRY(Tenant * tenant, tenants.serving(offered->tenant));
  if (tenant == nullptr) return no_such_mobile();
  TERN_TRY(auto reader, tenant->reader());
  TERN_TRY(auto rows, reader.db().query("SELECT operator_id, secret_hash, ends_ms FROM mobile_token WHERE tenant_id = "
                                        "$1 AND token_id = $2",
                                        tenant->number(), offered->id));
  TERN_TRY(const bool there, rows.step());
  if (!there || !protocol::equal_secret(rows.blob(1), offered->kept)) return no_such_mobile();
  if (tenant->now_ms() >= rows.int64(2)) return no_such_mobile();
  const auto person = rows.id<OperatorId>(0);
  const auto actor = tenant->find_actor(person);
  if (!actor || !actor->active) return no_such_mobile();
  return OpenedMobile{{tenant, person}, offered->id};
}

Result<void> end_mobile_token(sqlite::Database& db, std::int64_t tenant, const RecordId& token) {
  return db.run("DELETE FROM mobile_token WHERE tenant_id = $1 AND token_id = $2", tenant, token);
}

Result<void> end_mobile_tokens(sqlite::Database& db, std::int64_t tenant, const OperatorId& person) {
  return db.run("DELETE FROM mobile_token WHERE tenant_id = $1 AND operator_id = $2", tenant, person);
}

Result<void> drop_old_mobile_tokens(sqlite::Database& db, std::int64_t tenant, std::int64_t now_ms) {
  return db.run("DELETE FROM mobile_token WHERE tenant_id = $1 AND ends_ms <= $2", tenant, now_ms);
}

}  // namespace tern::server
