#include "api/credentials.hpp"

#include <algorithm>

namespace tern::server {
namespace {

const std::vector<CredentialSpec>& table() {
  static const std::vector<CredentialSpec> specs = {
      {Credential::key,
       "key",
       CredentialPlace::header,
       {"X-Api-Key"},
       "tps_5f0c1d2e...",
       "A key of an integration, with scopes"},
      {Credential::mobile,
       "mobile",
       CredentialPlace::header,
       {"X-Mobile-Token"},
       "mt_5f0c1d2e...",
       "A token of an operator's program, from mobile_login or create_mobile_token"},
      {Credential::mobile_parameter,
       "mobile_parameter",
       CredentialPlace::body,
       {"mobile_token"},
       "mt_5f0c1d2e...",
       "The same token among the parameters"},
      {Credential::client,
       "client",
       CredentialPlace::header,
       {"X-Client-Token"},
       "ct_5f0c1d2e...",
       "A token of one user of a client, from create_client_token"},
      {Credential::session,
       "session",
       CredentialPlace::cookie,
       {session_cookie},
       "5f0c1d2e...",
       "The cookie of a person who is logged in, from admin_login or oidc_finish"},
      {Credential::client_session,
       "client_session",
       CredentialPlace::cookie,
       {client_cookie},
       "ct_5f0c1d2e...",
       "A client's token in the cookie that its link, portal_url, gives a browser"},
      {Credential::vouched,
       "vouched",
       CredentialPlace::body,
       {"domain", "auth_token"},
       "eyJhbGciOi...",
       "An ID token of the issuer of OpenID Connect that vouches for the people of that domain, beside the domain"},
      {Credential::widget,
       "widget",
       CredentialPlace::body,
       {"api_key"},
       "wk_5f0c1d2e...",
       "The key of a widget, which everybody may read"},
  };
  return specs;
}

/// Work on tickets, messages and clients, for who does the work: no administration, no other credential.
bool is_for_mobile(const ApiFace& action) {
  const bool of_work = !action.scopes.empty() && std::ranges::find(action.scopes, "webhooks") == action.scopes.end();
  return action.role == ApiRole::operator_ && of_work && !action.makes_token;
}

}  // namespace

std::span<const CredentialSpec> all_credentials() {
  return table();
}

bool lets_in(const ApiFace& action, Credential credential) {
  if (action.role == ApiRole::nobody) return false;
  if (action.surface != ApiSurface::admin)
    return action.surface == ApiSurface::widget
               ? credential == Credential::widget
               : credential == Credential::client || credential == Credential::client_session;
  switch (credential) {
    case Credential::key:
      return !action.of_session && action.role < ApiRole::editor;
    case Credential::mobile:
    case Credential::mobile_parameter:
    case Credential::vouched:
      return is_for_mobile(action);
    case Credential::session:
      return true;
    default:
      return false;
  }
}

std::vector<const CredentialSpec*> credentials_of(const ApiFace& action) {
  std::vector<const CredentialSpec*> out;
  for (const CredentialSpec& spec : table())
    if (lets_in(action, spec.credential)) out.push_back(&spec);
  return out;
}

}  // namespace tern::server
