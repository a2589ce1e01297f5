// Who asks, and what they may: the one place where the API's credentials are judged.
//
// Of several credentials the first of this order counts, never two together: X-Api-Key, X-Mobile-Token (or
// mobile_token), X-Client-Token, session cookie, the cookie of a client's token, domain with auth_token.
#pragma once

#include "admin/admin.hpp"
#include "api/client_tokens.hpp"
#include "api/credentials.hpp"
#include "api/keys.hpp"
#include "api/plans.hpp"
#include "api/widgets.hpp"
#include "tern/server/http.hpp"

namespace tern::server {

/// Somebody whose credential is good.
struct Admitted {
  Tenant* tenant = nullptr;
  ApiKey key;                        // of one that came with a key
  std::optional<OperatorId> person;  // of one that came with a session or a token of theirs
  std::optional<ClientToken> client;
  std::optional<Widget> widget;
  bool by_mobile = false;  // of a person: by a mobile token, or one of an issuer
  Hash session = {};       // of a person: the one that they came with, by its name
};

/// `head_key`: what the head's X-Api-Key opened, if there was one. `key_required` when nothing was shown,
/// `session_unknown` for a token or cookie that nobody here was given, `not_permitted` for one of another door,
/// `origin` for a cookie that another site's page sent. `public_url`: where people reach this server; may be empty.
Result<Admitted> admit_caller(const Request& request, const std::optional<KeyOfTenant>& head_key,
                              const Json& parameters, const AdminParts& parts, const std::string& public_url);

/// The same at the door of clients: by their token alone, in its header or its cookie. `origin` for a page that is
/// neither ours nor of the client that the token is for; with the cookie, for any page that is not ours.
Result<Admitted> admit_client(const Request& request, const std::optional<KeyOfTenant>& head_key,
                              const Json& parameters, const OpenTenants& tenants, const std::string& public_url);

/// And at the door of widgets: by `api_key` among the parameters.
Result<Admitted> admit_visitor(const Request& request, const Json& parameters, const std::vector<Tenant*>& tenants,
                               const std::string& public_url);

/// The value of the cookie of that name among others; nothing: there is none.
std::optional<std::string_view> cookie_of(const Request& request, std::string_view name);

/// `origin` for a request that a page of another site made. A browser says where one comes from, a program says
/// nothing.
Result<void> check_site(const Request& request, const std::string& public_url);

/// What a person may, by their role, with a mobile token of that the work on tickets; a client everything that is for
/// clients; what a key may, by its own scopes, the plan and whom it acts as: `scope_missing`, `plan_limit`,
/// `not_permitted`, `operator_required`.
Result<Caller> judge_caller(const Admitted& who, const ApiFace& action);

}  // namespace tern::server
