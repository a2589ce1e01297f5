// Who logs in with a password, and who has lost it.
#include "access/mobile_tokens.hpp"
#include "admin/handlers.hpp"
#include "admin/operator_record.hpp"
#include "api/actions.hpp"
#include "http/url_text.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::server::actions {
namespace {

struct Identified {
  Person person;
  Logins::Moment since = 0;
};

Result<Identified> identified(const AdminCall& call) {
  Logins& logins = call.parts().logins;
  const Logins::Moment since = logins.moment();
  return logins
      .identify(call.parts().directory, call.parts().tenants.all(),
                {call.text("login"), call.text("password"), call.text("code"), call.caller().peer})
      .map([&](const Person& person) {
        return Identified{person, since};
      });
}

Json who_logged_in(const Person& person) {
  const auto who = person.tenant->find_record(sync::RecordKind::operator_, RecordId::or_zero(person.id.view()));
  return Json::object({{"operator", Json::object({{"id", who ? Json(who->integer_id) : Json()},
                                                  {"name", who ? Json(who->name) : Json()},
                                                  {"role", attribute_json(who, "role")}})},
                       {"tenant", Json::object({{"name", Json(person.tenant->name())}})}});
}

Result<std::int64_t> mobile_ttl_of(const AdminCall& call) {
  const std::int64_t ttl_s = call.integer("ttl", mobile_ttl_s_default);
  if (ttl_s >= mobile_ttl_s_min && ttl_s <= mobile_ttl_s_max) return ttl_s;
  return fail(ErrorCode::invalid, "A mobile token is good for 300 to 43200 seconds.", "", "ttl");
}

/// On the strand.
Result<std::string> written_token(const AdminCall& call, Tenant& tenant, const OperatorId& person, std::int64_t ttl_s) {
  std::string token;
  const auto written = tenant.write([&](sqlite::Database& db) -> Result<void> {
    TERN_TRY(auto transaction, sqlite::Transaction::begin_write(db));
    TERN_TRY(token, make_mobile_token(db, tenant, person, ttl_s, call.parts().environment));
    TERN_CHECKED(call.note_in(db));
    return transaction.commit();
  });
  TERN_CHECKED(written);
  return token;
}

Person in_session(const AdminCall& call) {
  return {&call.tenant(), call.caller().acting()};
}

}  // namespace

Result<Json> admin_login(AdminCall& call) {
  TERN_TRY(const Identified who, identified(call));
  TERN_TRY(std::string token, call.parts().logins.begin(who.person, who.since));
  call.begin_session(std::move(token));
  return who_logged_in(who.person);
}

Result<Json> oidc_begin(AdminCall& call) {
  TERN_TRY(const std::string url, admin::known_url(call));
  TERN_TRY(const ExternalLogins::Begun begun,
           call.parts().external.begin(call.text("domain"), url, call.caller().peer));
  return Json::object({{"url", Json(begun.url)}, {"proof", Json(begun.proof)}});
}

Result<Json> oidc_finish(AdminCall& call) {
  const Logins::Moment since = call.parts().logins.moment();
  TERN_TRY(const Person person,
           call.parts().external.finish(call.text("state"), call.text("code"), call.text("proof")));
  TERN_TRY(std::string token, call.parts().logins.begin(person, since));
  call.begin_session(std::move(token));
  return who_logged_in(person);
}

Result<Json> mobile_login(AdminCall& call) {
  TERN_TRY(const std::int64_t ttl_s, mobile_ttl_of(call));
  TERN_TRY(const Identified who, identified(call));
  const Person& person = who.person;
  Result<std::string> token;
  // What ends all of theirs comes behind this on the strand, or was before and is seen.
  call.parts().committer().run(*person.tenant, [&] {
    if (auto current = call.parts().logins.check_since(person.id, who.since); !current)
      token = tl::unexpected(std::move(current).error());
    else
      token = written_token(call, *person.tenant, person.id, ttl_s);
  });
  TERN_CHECKED(token);
  Json out = who_logged_in(person);
  out.set("token", Json(*token));
  out.set("expires_in", Json(ttl_s));
  protocol::wipe(*token);
  return out;
}

Result<Json> create_mobile_token(AdminCall& call) {
  TERN_TRY(const std::int64_t ttl_s, mobile_ttl_of(call));
  std::string token;
  TERN_CHECKED(call.change([&]() -> Result<void> {
    if (!call.parts().logins.lives(call.caller().session))
      return fail(ErrorCode::session_unknown, "The session is over.", "Log in again.", "Cookie");
    TERN_TRY(token, written_token(call, call.tenant(), call.caller().acting(), ttl_s));
    return {};
  }));
  Json out = Json::object({{"token", call.is_repeated() ? Json() : Json(token)}, {"expires_in", Json(ttl_s)}});
  protocol::wipe(token);
  return out;
}

/// Whoever has it may.
Result<Json> end_mobile_token(AdminCall& call) {
  TERN_CHECKED(call.parts().resets.count(call.caller().peer));
  TERN_TRY(const OpenedMobile opened, open_mobile_token(call.parts().tenants, call.text("mobile_token")));
  Tenant& tenant = *opened.person.tenant;
  Result<void> done;
  call.parts().committer().run(tenant, [&] {
    done =
        tenant.write([&](sqlite::Database& db) { return server::end_mobile_token(db, tenant.number(), opened.token); });
  });
  TERN_CHECKED(done);
  return Json::object({{"ended", Json(true)}});
}

Result<Json> begin_two_factor(AdminCall& call) {
  const Person person = in_session(call);
  const auto who = person.tenant->find_record(sync::RecordKind::operator_, RecordId::or_zero(person.id.view()));
  const bool named = who && who->attributes.contains("email");
  const std::string email = named ? who->attributes.at("email") : std::string();
  // Who took a session over turns on nothing that its owner has no codes of.
  TERN_CHECKED(call.parts().logins.check_password(call.parts().directory, person, email, call.text("password")));
  TERN_TRY(std::string secret, call.parts().factors.begin(*person.tenant, person.id));
  admin::log_sign_in(call, *person.tenant, person.id, "two_factor_begun");
  const std::string issuer = percent_encoded(person.tenant->name());
  std::string uri = "otpauth://totp/" + issuer + ":" + percent_encoded(email) + "?secret=" + secret +
                    "&issuer=" + issuer + "&algorithm=SHA1&digits=6&period=30";
  Json out = Json::object({{"secret", Json(secret)}, {"uri", Json(uri)}});
  protocol::wipe(secret);
  protocol::wipe(uri);
  return out;
}

Result<Json> confirm_two_factor(AdminCall& call) {
  const Person person = in_session(call);
  TERN_CHECKED(call.parts().logins.count_code(person));
  TERN_TRY(std::vector<std::string> codes, call.parts().factors.confirm(*person.tenant, person.id, call.text("code")));
  call.parts().logins.code_was_good(person);
  admin::log_sign_in(call, *person.tenant, person.id, "two_factor_on");
  // What was begun with a password alone is not good any more.
  const auto ended = call.with_room(
      [&] { return admin::end_sign_ins(call.parts(), *person.tenant, person.id, call.caller().session); });
  Json out = Json::array();
  for (std::string& code : codes) {
    out.push(Json(code));
    protocol::wipe(code);
  }
  TERN_CHECKED(ended);
  return Json::object({{"recovery_codes", std::move(out)}});
}

Result<Json> end_two_factor(AdminCall& call) {
  const Person person = in_session(call);
  TERN_CHECKED(call.parts().logins.check_code(person, call.text("code")));
  TERN_CHECKED(call.parts().factors.end(*person.tenant, person.id));
  admin::log_sign_in(call, *person.tenant, person.id, "two_factor_off");
  return Json::object({{"two_factor", Json(false)}});
}

Result<Json> forgot_password(AdminCall& call) {
  TERN_CHECKED(call.parts().resets.ask(call.text("login"), call.caller().peer));
  return Json::object({{"said", Json("If somebody here has this login, a link is on its way to them.")}});
}

Result<Json> reset_password(AdminCall& call) {
  AdminParts& parts = call.parts();
  TERN_CHECKED(parts.resets.count(call.caller().peer));
  TERN_TRY(const ResetOfTenant reset, open_reset_token(parts.tenants, call.text("token")));
  Tenant& tenant = *reset.tenant;
  const auto who = tenant.find_record(sync::RecordKind::operator_, RecordId::or_zero(reset.person.view()));
  if (!who || !who->attributes.contains("email"))
    return fail(ErrorCode::login_refused, "Nobody logs in by this link any more.", "", "token");
  const std::string& email = who->attributes.at("email");
  TERN_TRY(const std::string hash, admin::hashed_password(call.text("password")));
  TERN_CHECKED(use_reset_token(reset, parts.committer()));
  TERN_CHECKED(parts.directory.put_login(tenant.number(), email, {tenant.number(), reset.person, hash}));
  admin::log_sign_in(call, tenant, reset.person, "password_set");
  TERN_CHECKED(admin::end_sign_ins(parts, tenant, reset.person));
  parts.logins.recovered(email, reset.person, call.caller().peer);
  return Json::object({{"login", Json(email)}});
}

}  // namespace tern::server::actions
