#include "access/reset_links.hpp"

#include "access/secret_token.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/text.hpp"

namespace tern::server {
namespace {

constexpr SecretTokenKind reset_kind{"rt_", "TRN1-RESET"};

tl::unexpected<Error> no_such_link() {
  return fail(ErrorCode::login_refused, "This link was used, or is over.", "Ask for another one.", "token");
}

}  // namespace

std::string reset_link(std::string public_url, const std::string& token) {
  while (public_url.ends_with('/')) public_url.pop_back();
  return public_url + "/reset#" + token;
}

Result<std::string> make_reset_token(sqlite::Database& db, Tenant& tenant, const OperatorId& person, std::uint64_t mail,
                                     std::int64_t for_ms, Environment& environment) {
  const auto id = random_id<RecordId>(environment);
  Bytes kept;
  std::string text = make_secret_token(reset_kind, tenant.id(), id, environment, kept);
  auto put = db.run(
      "INSERT INTO reset_link (tenant_id, operator_id, mail, link_id, secret_hash, ends_ms) VALUES ($1, $2, $3, $4, "
      "$5, "
      "$6) ON CONFLICT (tenant_id, operator_id, mail) DO UPDATE SET link_id = excluded.link_id, secret_hash = "
      "excluded.secret_hash, ends_ms = excluded.ends_ms",
      tenant.number(), person, mail, id, sqlite::Blob{kept}, tenant.now_ms() + for_ms);
  if (put) return text;
  protocol::wipe(text);
  return tl::unexpected(std::move(put).error());
}

Result<void> end_links_before(sqlite::Database& db, std::int64_t tenant, const OperatorId& person, std::uint64_t mail) {
  return db.run("DELETE FROM reset_link WHERE tenant_id = $1 AND operator_id = $2 AND mail > 0 AND mail < $3", tenant,
                person, mail);
}

Result<ResetOfTenant> open_reset_token(const OpenTenants& tenants, std::string_view text) {
  const auto offered = read_secret_token(reset_kind, text);
  if (!offered) return no_such_link();
  TERN_TRY(Tenant * tenant, tenants.serving(offered->tenant));
  if (tenant == nullptr) return no_such_link();
  TERN_TRY(auto reader, tenant->reader());
  TERN_TRY(auto rows, reader.db().query("SELECT operator_id, secret_hash, ends_ms FROM reset_link WHERE tenant_id = $1 "
                                        "AND link_id = $2",
                                        tenant->number(), offered->id));
  TERN_TRY(const bool there, rows.step());
  if (!there || !protocol::equal_secret(rows.blob(1), offered->kept)) return no_such_link();
  if (tenant->now_ms() >= rows.int64(2)) return no_such_link();
  const auto person = rows.id<OperatorId>(0);
  const auto actor = tenant->find_actor(person);
  if (!actor || !actor->active) return no_such_link();
  return ResetOfTenant{tenant, person, offered->id};
}

Result<void> use_reset_token(const ResetOfTenant& reset, Committer& committer) {
  Tenant& tenant = *reset.tenant;
  bool used = false;
  Result<void> done;
  committer.run(tenant, [&] {
    done = tenant.write([&](sqlite::Database& db) -> Result<void> {
      TERN_TRY(const auto gone, db.int64_of("DELETE FROM reset_link WHERE tenant_id = $1 AND operator_id = $2 AND "
                                            "link_id = $3 RETURNING 1",
                                            tenant.number(), reset.person, reset.link));
      used = gone.has_value();
      return {};
    });
  });
  TERN_CHECKED(done);
  if (!used) return no_such_link();
  return {};
}

Result<void> end_reset_links(sqlite::Database& db, std::int64_t tenant, const OperatorId& person) {
  return db.run("DELETE FROM reset_link WHERE tenant_id = $1 AND operator_id = $2", tenant, person);
}

Result<void> drop_old_reset_links(sqlite::Database& db, std::int64_t tenant, std::int64_t now_ms) {
  return db.run("DELETE FROM reset_link WHERE tenant_id = $1 AND ends_ms <= $2", tenant, now_ms);
}

/// Behind a proxy on this machine everybody has one address: only those who ask are counted then, in all.
Result<void> ResetRequests::count_locked(const std::string& peer, bool asks) {
  const std::int64_t now_ms = environment_.boot_ms();
  const bool may = is_loopback(peer) || by_address_.allow(counted_address(peer), per_address_max, now_ms);
  if (may && (!asks || of_all_.allow("", per_server_max, now_ms))) return {};
  return fail(ErrorCode::rate_limited, "Too many links were asked for or tried.", "Wait a minute.");
}

Result<void> ResetRequests::count(const std::string& peer) {
  const std::lock_guard lock(mutex_);
  return count_locked(peer, false);
}

Result<void> ResetRequests::ask(const std::string& login, const std::string& peer) {
  const std::lock_guard lock(mutex_);
  TERN_CHECKED(count_locked(peer, true));
  const bool may_be_somebodys = login.size() <= Logins::login_bytes_max;
  if (may_be_somebodys && waiting_.size() < waiting_max) waiting_.push_back(protocol::fold_case(login));
  return {};
}

std::vector<std::string> ResetRequests::take(std::size_t at_most) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (; !waiting_.empty() && out.size() < at_most; waiting_.pop_front()) out.push_back(std::move(waiting_.front()));
  return out;
}

}  // namespace tern::server
