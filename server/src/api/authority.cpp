#include "api/authority.hpp"

#include <algorithm>

#include "access/mobile_tokens.hpp"
#include "api/cross_origin.hpp"
#include "api/parameters.hpp"
#include "tern/sync/rights.hpp"

namespace tern::server {
namespace {

/// A head administrator is no organisation's: of its tickets and settings there is nothing for them. What is for them
/// as for any administrator is about themselves.
bool may_as(sync::Role role, bool edits, const ApiFace& face) {
  const ApiRole action = face.role;
  if (action == ApiRole::head_admin || role == sync::Role::head_admin)
    return (action == ApiRole::head_admin || face.head_admin_too) && role == sync::Role::head_admin;
  if (action == ApiRole::admin) return sync::has_right(role, sync::Right::administer);
  if (action == ApiRole::editor) return edits || sync::has_right(role, sync::Right::administer);
  if (action == ApiRole::supervisor) return sync::has_right(role, sync::Right::delete_ticket);
  return true;
}

bool may_edit(const sync::Record& person) {
  const auto edits = person.attributes.find("may_edit");
  return edits != person.attributes.end() && edits->second == "1";
}

/// After a plan has become a smaller one, the keys that were made first go on.
Result<void> check_plan(const Admitted& who, const Plan& plan) {
  if (!plan.keys_max) return {};
  const auto keys = kept_keys(*who.tenant);
  const auto first = keys.begin(), last = first + static_cast<std::ptrdiff_t>(std::min(keys.size(), *plan.keys_max));
  if (std::any_of(first, last, [&](const ApiKey& key) { return key.id == who.key.id; })) return {};
  return fail(ErrorCode::plan_limit,
              "The plan \"" + std::string(plan.name) + "\" has " + std::to_string(*plan.keys_max) + " API keys.",
              "Revoke others, or take a larger plan.");
}

Result<void> check_scopes(const ApiKey& key, const Plan& plan, const ApiFace& action) {
  for (const std::string_view scope : action.scopes) {
    if (!has_scope(plan, scope))
      return fail(ErrorCode::scope_missing,
                  "The plan \"" + std::string(plan.name) + "\" has no scope \"" + std::string(scope) + "\".", "",
                  "scope");
    if (std::ranges::find(key.scopes, scope) == key.scopes.end())
      return fail(ErrorCode::scope_missing, "The key has no scope \"" + std::string(scope) + "\".", "", "scope");
  }
  return {};
}

bool comes_from_our_pages(const Request& request, const std::string& public_url) {
  if (const std::string_view site = request.header("sec-fetch-site"); !site.empty())
    return site == "same-origin" || site == "none";
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return true;
  if (!public_url.empty()) return public_url == origin || public_url.starts_with(std::string(origin) + "/");
  return origin == (request.tls ? "https://" : "http://") + std::string(request.header("host"));
}

Result<Admitted> admit_vouched(const std::string& domain, const std::string& token, ExternalLogins& external) {
  auto person = external.person_of(domain, token);
  if (!person) {
    if (person.error().code == ErrorCode::session_unknown) person.error().field = "auth_token";
    return tl::unexpected(std::move(person).error());
  }
  Admitted who;
  who.tenant = person->tenant;
  who.person = person->id;
  who.by_mobile = true;
  return who;
}

Result<Admitted> admit_mobile(std::string_view token, const char* field, const OpenTenants& tenants) {
  auto opened = open_mobile_token(tenants, token);
  if (!opened) {
    if (opened.error().code == ErrorCode::session_unknown) opened.error().field = field;
    return tl::unexpected(std::move(opened).error());
  }
  Admitted who;
  who.tenant = opened->person.tenant;
  who.person = opened->person.id;
  who.by_mobile = true;
  return who;
}

Result<Caller> judge_person(const Admitted& who, const ApiFace& action) {
  if (who.by_mobile && !lets_in(action, Credential::mobile))
    return fail(ErrorCode::not_permitted, "No token of an operator does this.", "Log in with admin_login.");
  Caller caller;
  caller.actor = who.tenant->find_actor(*who.person);
  if (!caller.actor || !caller.actor->active)
    return fail(ErrorCode::session_unknown, "The session is over.", "Log in again.", "Cookie");
  const auto record = who.tenant->find_record(sync::RecordKind::operator_, RecordId::or_zero(who.person->view()));
  if (!may_as(caller.actor->role, record && may_edit(*record), action))
    return fail(ErrorCode::not_permitted, "This is for the role " + std::string(api_role_name(action.role)) + ".");
  caller.kind = sync::PrincipalKind::operator_;
  caller.id = Bytes(who.person->view());
  caller.session = who.session;
  return caller;
}

Caller judge_client(const ClientToken& token) {
  Caller caller;
  caller.kind = sync::PrincipalKind::contact;
  caller.id = Bytes(token.contact.view());
  caller.organisation = token.organisation;
  caller.name = token.name;
  return caller;
}

/// Who it is their action says, if they do.
Caller judge_visitor(const Widget& widget) {
  Caller caller;
  caller.kind = sync::PrincipalKind::contact;
  caller.key = widget.id;
  return caller;
}

tl::unexpected<Error> nobody_by_it(const char* field, const char* hint) {
  return fail(ErrorCode::session_unknown, "Nobody is known by this credential.", hint, field);
}

}  // namespace

std::optional<std::string_view> cookie_of(const Request& request, std::string_view name) {
  std::string_view rest = request.header("cookie");
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    std::string_view one = rest.substr(0, end);
    while (one.starts_with(' ')) one.remove_prefix(1);
    if (one.starts_with(name) && one.substr(name.size()).starts_with('=')) return one.substr(name.size() + 1);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return std::nullopt;
}

Result<void> check_site(const Request& request, const std::string& public_url) {
  if (comes_from_our_pages(request, public_url)) return {};
  return fail(ErrorCode::origin, "Pages of other sites do not act here for who is logged in.", "", "Origin");
}

Result<Admitted> admit_caller(const Request& request, const std::optional<KeyOfTenant>& head_key,
                              const Json& parameters, const AdminParts& parts, const std::string& public_url) {
  if (head_key) return Admitted{head_key->tenant, head_key->key, {}, {}, {}};
  const auto unknown = [](const char* field) { return nobody_by_it(field, "Send an API key in X-Api-Key."); };
  if (request.has_header("x-mobile-token"))
    return admit_mobile(request.header("x-mobile-token"), "X-Mobile-Token", parts.tenants);
  if (was_said(parameters["mobile_token"]))
    return admit_mobile(parameters["mobile_token"].as_string(), "mobile_token", parts.tenants);
  if (request.has_header("x-client-token"))
    return fail(ErrorCode::not_permitted, "A client's token does not open this path.", "It is one for /api/client.php.",
                "X-Client-Token");
  if (const auto cookie = cookie_of(request, session_cookie)) {
    TERN_CHECKED(check_site(request, public_url));
    const auto person = parts.logins.person_of(*cookie);
    if (!person) return unknown("Cookie");
    Admitted who;
    who.tenant = person->tenant;
    who.person = person->id;
    who.session = Logins::name_of(*cookie);
    return who;
  }
  if (was_said(parameters["auth_token"]))
    return admit_vouched(parameters["domain"].as_string(), parameters["auth_token"].as_string(), parts.external);
  if (was_said(parameters["api_key"]))
    return fail(ErrorCode::not_permitted, "A widget's key does not open this path.", "It is one for /api/widget.php.",
                "api_key");
  return fail(ErrorCode::key_required, "A credential is needed.", "Send an API key in X-Api-Key.", "X-Api-Key");
}

Result<Admitted> admit_client(const Request& request, const std::optional<KeyOfTenant>& head_key,
                              const Json& parameters, const OpenTenants& tenants, const std::string& public_url) {
  const char* const hint = "Send a client's token in X-Client-Token.";
  if (head_key)
    return fail(ErrorCode::not_permitted, "An API key does not open this path.", "It is one for /api/admin.php.",
                "X-Api-Key");
  for (const bool in_head : {true, false})
    if (in_head ? request.has_header("x-mobile-token") : was_said(parameters["mobile_token"]))
      return fail(ErrorCode::not_permitted, "A mobile token does not open this path.", "It is one for /api/admin.php.",
                  in_head ? "X-Mobile-Token" : "mobile_token");
  const bool in_head = request.has_header("x-client-token");
  const auto cookie = cookie_of(request, client_cookie);
  if (!in_head && !cookie) return fail(ErrorCode::key_required, "A client's token is needed.", hint, "X-Client-Token");
  // A browser sends a cookie by itself, so the page that asks is judged before it.
  if (!in_head) TERN_CHECKED(check_site(request, public_url));
  TERN_TRY(TokenOfTenant found, open_client_token(tenants, in_head ? request.header("x-client-token") : *cookie));
  if (!comes_from_our_pages(request, public_url)) {
    const auto client = found.tenant->find_record(sync::RecordKind::organisation, found.token.organisation);
    if (!client || !is_page_of(*client, request.header("origin")))
      return fail(ErrorCode::origin, "This token is not for pages of this site.", "", "Origin");
  }
  return Admitted{found.tenant, {}, {}, std::move(found.token), {}};
}

Result<Admitted> admit_visitor(const Request& request, const Json& parameters, const std::vector<Tenant*>& tenants,
                               const std::string& public_url) {
  for (const char* const other : {"X-Api-Key", "X-Mobile-Token", "X-Client-Token"}) {
    std::string name(other);
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (request.has_header(name))
      return fail(ErrorCode::not_permitted, "This credential does not open this path.",
                  "A widget's key does, as the parameter api_key.", other);
  }
  if (!was_said(parameters["api_key"]))
    return fail(ErrorCode::key_required, "A widget's key is needed.", "Send it as api_key: ternd widget add.",
                "api_key");
  TERN_TRY(WidgetOfTenant found, open_widget(tenants, parameters["api_key"].as_string()));
  const bool named = request.has_header("origin") && is_page_of(found.widget, request.header("origin"));
  if (!named && !comes_from_our_pages(request, public_url))
    return fail(ErrorCode::origin, "This widget is not for pages of this site.", "See: ternd widget list", "Origin");
  return Admitted{found.tenant, {}, {}, {}, std::move(found.widget)};
}

Result<Caller> judge_caller(const Admitted& who, const ApiFace& action) {
  if (who.widget) return judge_visitor(*who.widget);
  if (who.client) return judge_client(*who.client);
  if (who.person) return judge_person(who, action);
  const Plan& plan = plan_of(*who.tenant);
  TERN_CHECKED(check_plan(who, plan));
  if (!lets_in(action, Credential::key) && action.of_session)
    return fail(ErrorCode::not_permitted, "This is for people who are logged in: no key does it.",
                "Log in with admin_login.");
  if (!lets_in(action, Credential::key))
    return fail(ErrorCode::not_permitted, "Administration is for people who are logged in: no key does it.",
                "Log in with admin_login, or use the command line.");
  TERN_CHECKED(check_scopes(who.key, plan, action));
  Caller caller;
  caller.key = who.key.id;
  if (who.key.operator_id) {
    caller.actor = who.tenant->find_actor(*who.key.operator_id);
    if (!caller.actor || !caller.actor->active)
      return fail(ErrorCode::not_permitted, "The operator that this key acts as is not active any more.", "",
                  "operator_id");
  }
  // What an integrator may is what their key may, like a key of nobody.
  if (!caller.actor || caller.actor->role == sync::Role::integrator) {
    if (action.role > ApiRole::operator_)
      return fail(ErrorCode::operator_required, "This is for supervisors, and the key acts as nobody.",
                  "Make a key that acts as one: ternd key add --operator-id", "operator_id");
    caller.actor.reset();
    caller.kind = sync::PrincipalKind::integration;
    caller.id = Bytes(who.key.id.view());
    return caller;
  }
  if (!may_as(caller.actor->role, false, action))
    return fail(ErrorCode::not_permitted, "This is for the role " + std::string(api_role_name(action.role)) + ".", "",
                "operator_id");
  caller.kind = sync::PrincipalKind::operator_;
  caller.id = Bytes(who.key.operator_id->view());
  return caller;
}

}  // namespace tern::server
