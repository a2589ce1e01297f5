// Who logs in with a password.
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

}  // namespace tern::server::actions
