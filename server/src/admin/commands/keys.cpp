// API keys, and the plan that says how many there are.
#include "admin/commands/describe.hpp"
#include "api/actions.hpp"

namespace tern::server::admin {
namespace {

constexpr std::string_view a_key =
    R"({"id":1,"name":"Zabbix","prefix":"tps_5f0c1d2e","scopes":["read","write","tickets"],"operator_id":5,"operator_name":"Ann Lee","created_at":"2026-03-19T10:30:00.000Z","expires_at":null,"revoked_at":null,"state":"active"})";
constexpr std::string_view the_keys =
    R"([{"id":1,"name":"Zabbix","prefix":"tps_5f0c1d2e","scopes":["read","write","tickets"],"operator_id":5,"operator_name":"Ann Lee","created_at":"2026-03-19T10:30:00.000Z","expires_at":null,"revoked_at":null,"state":"active"}])";
constexpr std::string_view a_new_key =
    R"({"id":1,"name":"Zabbix","prefix":"tps_5f0c1d2e","scopes":["read","write","tickets"],"operator_id":5,"operator_name":"Ann Lee","created_at":"2026-03-19T10:30:00.000Z","expires_at":null,"revoked_at":null,"state":"active","key":"tps_5f0c1d2e..."})";

AdminArg mobile_ttl() {
  return otherwise(optional("ttl", "Seconds that it is good for: 300 to 43200", ArgKind::integer), "3600");
}

AdminArg key_id() {
  return also_called(positional("key_id", "Name or id"), {"id"});
}

}  // namespace

std::vector<AdminEntry> key_commands() {
  return {
      {offered(
           command("key add", "A new key for an integration; it is shown once",
                   "Without --operator-id the key acts as nobody: it makes tickets and writes messages under its "
                   "own name.\nExample: ternd key add Zabbix --scopes read write tickets --operator-id "
                   "ann@example.org",
                   {positional("name", "What it is for"),
                    repeated("scopes",
                             "read write tickets messages clients webhooks; all that the plan has when "
                             "left out"),
                    also_called(optional("operator_id", "Whom it acts as: name, address or id"), {"operator"}),
                    optional("expires_days", "Days that it is good for; for ever when left out", ArgKind::integer)}),
           {"create_api_key",
            ApiSurface::admin,
            {},
            ApiRole::admin,
            R"({"name":"Zabbix","scopes":["read","write","tickets"],"operator_id":5})",
            a_new_key}),
       actions::key_add},
      {offered(command("key list", "Keys, with their scopes and whom they act as", "Example: ternd key list", {}),
               {"list_api_keys", ApiSurface::admin, {}, ApiRole::admin, "{}", the_keys}),
       actions::key_list},
      {offered(command("key revoke", "The key opens nothing any more", "Example: ternd key revoke Zabbix", {key_id()}),
               {"revoke_api_key", ApiSurface::admin, {}, ApiRole::admin, R"({"key_id":1})", a_key}),
       actions::key_revoke},
      {offered(command("key regenerate", "Another key in its place; the one before opens nothing any more",
                       "Shown once.\nExample: ternd key regenerate Zabbix", {key_id()}),
               {"regenerate_api_key", ApiSurface::admin, {}, ApiRole::admin, R"({"key_id":1})", a_new_key}),
       actions::key_regenerate},
      {offered(command("api admin_login", "Begins a session with a password; over HTTP it is a cookie, for 12 hours",
                       "At this machine it says whether a login is good.\nExample: ternd api admin_login --login "
                       "ann@example.org --password-stdin",
                       {required("login", "The operator's address"),
                        required("password", "Read from the first line of stdin", ArgKind::secret),
                        also_called(optional("code", "Of the second factor, where it is on"), {"otp", "totp"})},
                       of_the_server),
               {"admin_login",
                ApiSurface::admin,
                {},
                ApiRole::nobody,
                R"({"login":"ann@example.org","password":"correct horse battery"})",
                R"({"operator":{"id":5,"name":"Ann Lee","role":"admin"},"tenant":{"name":"Acme"}})"}),
       actions::admin_login},
      {offered(command("api oidc_begin", "Where somebody logs in by the issuer of their organisation",
                       "The proof stays with who asks: oidc_finish wants it.",
                       {required("domain", "Of the organisation, as ternd oidc set names it")}, of_the_server,
                       AdminWhere::over_http),
               {"oidc_begin",
                ApiSurface::admin,
                {},
                ApiRole::nobody,
                R"({"domain":"acme.example"})",
                R"({"url":"https://id.acme.example/authorize?response_type=code&...","proof":"3q2-7w..."})"}),
       actions::oidc_begin},
      {offered(command("api oidc_finish", "Begins a session with what the issuer sent back",
                       "Once for each oidc_begin, within 10 minutes.",
                       {required("state", "As it came back"), required("code", "As it came back"),
                        required("proof", "Of oidc_begin")},
                       of_the_server, AdminWhere::over_http),
               {"oidc_finish",
                ApiSurface::admin,
                {},
                ApiRole::nobody,
                R"({"state":"q83v...","code":"SplxlOBeZQQYbYS6WxSbIA","proof":"3q2-7w..."})",
                R"({"operator":{"id":5,"name":"Ann Lee","role":"admin"},"tenant":{"name":"Acme"}})"}),
       actions::oidc_finish},
      {offered(
           command(
               "api mobile_login", "A token for a program that keeps no cookies, for a password",
               "Sent in X-Mobile-Token, or as mobile_token. It does what operators do with tickets, messages and "
               "clients.",
               {required("login", "The operator's address"), required("password", "Theirs", ArgKind::secret),
                also_called(optional("code", "Of the second factor, where it is on"), {"otp", "totp"}), mobile_ttl()},
               of_the_server, AdminWhere::over_http),
           {"mobile_login",
            ApiSurface::admin,
            {},
            ApiRole::nobody,
            R"({"login":"ann@example.org","password":"correct horse battery"})",
            R"({"operator":{"id":5,"name":"Ann Lee","role":"operator"},"tenant":{"name":"Acme"},"token":"mt_5f0c1d2e...","expires_in":3600})"}),
       actions::mobile_login},
      {offered(command("api create_mobile_token", "The same in a session, for oneself", "", {mobile_ttl()}, true,
                       AdminWhere::over_http),
               {.action = "create_mobile_token",
                .scopes = {},
                .request = "{}",
                .answer = R"({"token":"mt_5f0c1d2e...","expires_in":3600})",
                .of_session = true,
                .makes_token = true}),
       actions::create_mobile_token},
      {offered(command("api end_mobile_token", "The token opens nothing any more", "Whoever has it may end it.",
                       {required("mobile_token", "The token, mt_...")}, of_the_server, AdminWhere::over_http),
               {"end_mobile_token",
                ApiSurface::admin,
                {},
                ApiRole::nobody,
                R"({"mobile_token":"mt_5f0c1d2e..."})",
                R"({"ended":true})"}),
       actions::end_mobile_token},
      {offered(
           command("api begin_two_factor", "A secret for an authenticator of one's own, for one's password",
                   "Nothing asks for its codes until confirm_two_factor was given one.",
                   {required("password", "Of who is in the session", ArgKind::secret)}, true, AdminWhere::over_http),
           {.action = "begin_two_factor",
            .scopes = {},
            .role = ApiRole::admin,
            .request = R"({"password":"correct horse battery"})",
            .answer =
                R"({"secret":"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP","uri":"otpauth://totp/Acme:ann@example.org?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Acme&algorithm=SHA1&digits=6&period=30"})",
            .head_admin_too = true}),
       actions::begin_two_factor},
      {offered(
           command("api confirm_two_factor", "Turns the second factor on: from now on logging in needs a code",
                   "Ten recovery codes, each good once in place of a code, are shown now and never again. Every other "
                   "session of theirs ends, and what else opens something in their name.",
                   {also_called(required("code", "Of the authenticator"), {"otp", "totp"})}, true,
                   AdminWhere::over_http),
           {.action = "confirm_two_factor",
            .scopes = {},
            .role = ApiRole::admin,
            .request = R"({"code":"123456"})",
            .answer = R"({"recovery_codes":["EX8Z-ZY9J-GZ8E-SMAX"]})",
            .head_admin_too = true}),
       actions::confirm_two_factor},
      {offered(command("api end_two_factor", "Turns the second factor off",
                       "Who has lost the authenticator and the recovery codes: ternd operator two-factor-off.",
                       {also_called(required("code", "Of the authenticator, or a recovery code"), {"otp", "totp"})},
                       true, AdminWhere::over_http),
               {.action = "end_two_factor",
                .scopes = {},
                .role = ApiRole::admin,
                .request = R"({"code":"123456"})",
                .answer = R"({"two_factor":false})",
                .head_admin_too = true}),
       actions::end_two_factor},
      {offered(command("api forgot_password", "Mails a link with which a password is set, if the login is somebody's",
                       "The answer is the same for every login.",
                       {also_called(required("login", "The operator's address"), {"email"})}, of_the_server,
                       AdminWhere::over_http),
               {"forgot_password",
                ApiSurface::admin,
                {},
                ApiRole::nobody,
                R"({"login":"ann@example.org"})",
                R"({"said":"If somebody here has this login, a link is on its way to them."})"}),
       actions::forgot_password},
      {offered(
           command("api reset_password", "Sets another password, by the token of a link; all sessions end",
                   "The token is what stands behind # in the link. It works once.",
                   {required("token", "Of the link, rt_..."), required("password", "8 to 1024 bytes", ArgKind::secret)},
                   of_the_server, AdminWhere::over_http),
           {"reset_password",
            ApiSurface::admin,
            {},
            ApiRole::nobody,
            R"({"token":"rt_5f0c1d2e...","password":"correct horse battery"})",
            R"({"login":"ann@example.org"})"}),
       actions::reset_password},
      {command("tenant plan", "The plan of an organisation: how many keys, which scopes, how many requests a minute",
               "Without --plan it is shown. A tenant begins with enterprise.\nExample: ternd tenant plan --plan pro",
               {one_of(optional("plan", "free starter pro business enterprise"),
                       {"free", "starter", "pro", "business", "enterprise"})}),
       actions::tenant_plan},
  };
}

}  // namespace tern::server::admin
