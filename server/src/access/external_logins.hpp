// People whom somebody else vouches for: an issuer of OpenID Connect that an organisation names. Sessions by its
// authorisation code with PKCE (RFC 7636), requests with its token beside `domain`. docs/decisions/external-logins.md
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "access/enrolment.hpp"
#include "access/id_tokens.hpp"
#include "access/logins.hpp"
#include "access/open_tenants.hpp"
#include "access/second_factors.hpp"
#include "desk/outgoing_settings.hpp"
#include "tern/server/egress.hpp"

namespace tern::server {

/// Thread-safe. Asks issuers through the one Egress, at most three at a time, of several organisations two of each: for
/// what one is and its keys once an hour, for a key that nobody knows once in 5 minutes, after it failed once in half a
/// minute, for tokens likewise.
class ExternalLogins {
public:
  static constexpr std::size_t waiting_max = 10'000, waiting_of_tenant_max = 1'000, asked_at_once_max = 3,
                               begun_per_address_max = 20;  // a minute
  static constexpr std::int64_t waiting_ms = 600'000;

  /// References outlive it.
  ExternalLogins(Environment& environment, OpenTenants& tenants, Directory& directory, SecondFactors& factors)
      : environment_(environment), tenants_(tenants), directory_(directory), factors_(factors) {}

  /// Without it issuers cannot be asked.
  void use(Egress& egress);

  struct Begun {
    std::string url;    // where the browser goes
    std::string proof;  // what it keeps to itself, and brings with the code
  };
  /// `not_found` for a domain that no organisation has, `rate_limited`, `busy` when the issuer does not answer. Of too
  /// many that were begun for an organisation, or for all, the oldest makes room.
  Result<Begun> begin(const std::string& domain, const std::string& public_url, const std::string& peer);
  /// Once for each state, within 10 minutes. `login_refused` for whatever is wrong of it, and for who is nobody here.
  Result<Person> finish(const std::string& state, const std::string& code, const std::string& proof);
  /// Of a request that comes with a token of the issuer of that domain. `session_unknown`.
  Result<Person> person_of(const std::string& domain, const std::string& token);

private:
  struct Provider {
    Tenant* tenant = nullptr;
    OidcSettings settings;
  };
  struct Issuer {
    std::string authorisation, token, keys_at;
    bool secret_in_body = false;
    std::vector<IssuerKey> keys;
    std::int64_t known_ms = 0, keys_ms = 0;
  };
  struct Waiting {
    std::int64_t tenant = 0;
    std::string domain, redirect, nonce, verifier;
    Hash proof;
    std::int64_t until_ms = 0;
  };
  using Source = std::pair<std::int64_t, std::string>;  // tenant, issuer

  /// The right to ask somebody now.
  struct GiveBack {
    std::int64_t tenant = 0;
    void operator()(ExternalLogins* logins) const;
  };
  using Slot = std::unique_ptr<ExternalLogins, GiveBack>;
  Result<Slot> take_slot(std::int64_t tenant);
  void make_room(std::int64_t tenant);
  Result<Provider> provider_of(const std::string& domain) const;
  Result<Issuer> issuer_of(const Provider& provider, bool fresh_keys);
  Result<Issuer> ask_issuer(const Provider& provider, std::optional<Issuer> before);
  Result<WebAnswer> fetch(const WebAsk& what);
  Result<std::string> ask(const WebAsk& what);
  Result<WebAnswer> ask_for_token(const Provider& provider, const WebAsk& what);
  Result<std::string> token_for(const Provider& provider, const Issuer& issuer, const Waiting& waiting,
                                const std::string& code);
  Result<Person> person_by(const Provider& provider, const std::string& token, std::string_view nonce);
  std::string random_text();

  Environment& environment_;
  OpenTenants& tenants_;
  Directory& directory_;
  SecondFactors& factors_;
  std::mutex mutex_;
  Egress* egress_ = nullptr;
  std::vector<std::int64_t> asking_;  // for which tenants
  std::map<Source, Issuer> issuers_;
  std::map<Source, std::int64_t> failed_ms_, no_tokens_ms_;
  std::unordered_map<Hash, Waiting> waiting_;  // by the hash of the state
  AttemptCounter begun_;
};

}  // namespace tern::server
