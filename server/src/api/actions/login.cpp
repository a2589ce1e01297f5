// Who logs in with a password, and who has lost it.
#include "admin/handlers.hpp"
#include "admin/operator_record.hpp"
#include "api/actions.hpp"

namespace tern::server::actions {

Result<Json> admin_login(AdminCall& call) {
  TERN_TRY(Logins::Begun begun,
           call.parts().logins.log_in(call.parts().directory, call.parts().tenants.all(), call.text("login"),
                                      call.text("password"), call.caller().peer));
  const Tenant& tenant = *begun.person.tenant;
  const auto who = tenant.find_record(sync::RecordKind::operator_, RecordId::or_zero(begun.person.id.view()));
  call.begin_session(std::move(begun.token));
  return Json::object({{"operator", Json::object({{"id", who ? Json(who->integer_id) : Json()},
                                                  {"name", who ? Json(who->name) : Json()},
                                                  {"role", attribute_json(who, "role")}})},
                       {"tenant", Json::object({{"name", Json(tenant.name())}})}});
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
  TERN_CHECKED(admin::end_sign_ins(parts, tenant, reset.person));
  return Json::object({{"login", Json(email)}});
}

}  // namespace tern::server::actions
