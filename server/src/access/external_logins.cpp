#include "access/external_logins.hpp"

#include <algorithm>

#include "http/url_text.hpp"
#include "outgoing/web_address.hpp"
#include "tern/protocol/base64.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/json.hpp"
#include "tern/protocol/text.hpp"

namespace tern::server {
namespace {

constexpr std::int64_t issuer_kept_ms = 3'600'000, keys_again_ms = 300'000, issuer_failed_ms = 30'000;
constexpr std::size_t issuers_max = 1'000, oidc_text_bytes_max = 2'000;

Hash state_hash(std::string_view text) {
  return protocol::hash("TRN1-OIDC", text);
}

tl::unexpected<Error> no_answer() {
  return fail(ErrorCode::busy, "The issuer does not answer as it should.", "Try again in a minute.");
}

tl::unexpected<Error> nobody_here() {
  return fail(ErrorCode::login_refused, "The issuer vouches for nobody who may log in here.",
              "An operator has the address that it has proven, and no second factor.");
}

std::string joined_path(std::string issuer, std::string_view path) {
  while (issuer.ends_with('/')) issuer.pop_back();
  return issuer + std::string(path);
}

bool is_web_address(const Json& json) {
  return parse_web_address(json.as_string()).has_value();
}

bool lists(const Json& list, std::string_view word) {
  return std::ranges::any_of(list.items(), [&](const Json& one) { return one.as_string() == word; });
}

}  // namespace

void ExternalLogins::use(Egress& egress) {
  const std::lock_guard lock(mutex_);
  egress_ = &egress;
}

std::string ExternalLogins::random_text() {
  Bytes raw(32, '\0');
  environment_.random(reinterpret_cast<std::uint8_t*>(raw.data()), raw.size());
  std::string out = to_base64url(raw);
  protocol::wipe(raw);
  return out;
}

Result<ExternalLogins::Provider> ExternalLogins::provider_of(const std::string& domain) const {
  const std::string name = protocol::fold_case(domain);
  std::optional<Provider> found;
  for (Tenant* tenant : tenants_.all())
    tenant->each_record(sync::RecordKind::channel, [&](const sync::Record& record) {
      const auto settings = oidc_of(record);
      if (settings && settings->active && settings->domain == name && !found) found = Provider{tenant, *settings};
    });
  if (found) return std::move(*found);
  return fail(ErrorCode::not_found, "No organisation here has an issuer for this domain.", "See: ternd oidc show",
              "domain");
}

/// An issuer that does not answer holds up its own organisation.
Result<ExternalLogins::Slot> ExternalLogins::take_slot(std::int64_t tenant) {
  const auto of_each =
      static_cast<std::ptrdiff_t>(tenants_.all().size() > 1 ? asked_at_once_max - 1 : asked_at_once_max);
  const std::lock_guard lock(mutex_);
  if (asking_.size() >= asked_at_once_max || std::ranges::count(asking_, tenant) >= of_each)
    return fail(ErrorCode::busy, "Others are logging in.", "Try again.");
  asking_.push_back(tenant);
  return Slot(this, GiveBack{tenant});
}

void ExternalLogins::GiveBack::operator()(ExternalLogins* logins) const {
  const std::lock_guard lock(logins->mutex_);
  logins->asking_.erase(std::ranges::find(logins->asking_, tenant));
}

/// By who holds a slot.
Result<WebAnswer> ExternalLogins::fetch(const WebAsk& what) {
  Egress* egress = nullptr;
  {
    const std::lock_guard lock(mutex_);
    egress = egress_;
  }
  if (egress == nullptr) return no_answer();
  auto answer = egress->fetch(what);
  if (!answer) return no_answer();
  return std::move(*answer);
}

/// The body of an answer that is good.
Result<std::string> ExternalLogins::ask(const WebAsk& what) {
  TERN_TRY(WebAnswer answer, fetch(what));
  if (answer.status != 200) return no_answer();
  return std::move(answer.body);
}

/// An issuer that refuses a code answers: anybody can bring a wrong one. One that says nothing, or that it cannot, is
/// left alone for a while.
Result<WebAnswer> ExternalLogins::ask_for_token(const Provider& provider, const WebAsk& what) {
  const Source source{provider.tenant->number(), provider.settings.issuer};
  {
    const std::lock_guard lock(mutex_);
    if (const auto failed = no_tokens_ms_.find(source);
        failed != no_tokens_ms_.end() && environment_.boot_ms() - failed->second < issuer_failed_ms)
      return no_answer();
  }
  TERN_TRY(Slot slot, take_slot(provider.tenant->number()));
  auto answer = fetch(what);
  slot.reset();
  const std::lock_guard lock(mutex_);
  if (no_tokens_ms_.size() >= issuers_max) no_tokens_ms_.clear();
  if (answer && answer->status < 500)
    no_tokens_ms_.erase(source);
  else
    no_tokens_ms_[source] = environment_.boot_ms();
  return answer;
}

/// What it says of itself, and its keys; of one that is known its keys alone.
Result<ExternalLogins::Issuer> ExternalLogins::ask_issuer(const Provider& provider, std::optional<Issuer> before) {
  const std::int64_t now_ms = environment_.boot_ms();
  Issuer out = before.value_or(Issuer{});
  if (!before) {
    const std::string& name = provider.settings.issuer;
    TERN_TRY(const std::string text, ask({"GET", joined_path(name, "/.well-known/openid-configuration"), {}, {}}));
    const auto said = parse_json(text, {.decimals = true});
    if (!said || (*said)["issuer"].as_string() != name) return no_answer();
    for (const char* member : {"authorization_endpoint", "token_endpoint", "jwks_uri"})
      if (!is_web_address((*said)[member])) return no_answer();
    out.authorisation = (*said)["authorization_endpoint"].as_string();
    out.token = (*said)["token_endpoint"].as_string();
    out.keys_at = (*said)["jwks_uri"].as_string();
    const Json& ways = (*said)["token_endpoint_auth_methods_supported"];
    out.secret_in_body = ways.is_array() && !lists(ways, "client_secret_basic") && lists(ways, "client_secret_post");
    out.known_ms = now_ms;
  }
  TERN_TRY(const std::string keys, ask({"GET", out.keys_at, {}, {}}));
  auto parsed = parse_issuer_keys(keys);
  if (!parsed) return no_answer();
  out.keys = std::move(*parsed);
  out.keys_ms = now_ms;
  return out;
}

Result<ExternalLogins::Issuer> ExternalLogins::issuer_of(const Provider& provider, bool fresh_keys) {
  const Source source{provider.tenant->number(), provider.settings.issuer};
  const std::int64_t now_ms = environment_.boot_ms();
  std::optional<Issuer> known;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = issuers_.find(source);
        found != issuers_.end() && now_ms - found->second.known_ms < issuer_kept_ms)
      known = found->second;
    if (known && (!fresh_keys || now_ms - known->keys_ms < keys_again_ms)) return *known;
    if (const auto failed = failed_ms_.find(source);
        failed != failed_ms_.end() && now_ms - failed->second < issuer_failed_ms) {
      if (known) return *known;
      return no_answer();
    }
  }
  TERN_TRY(Slot slot, take_slot(provider.tenant->number()));
  auto asked = ask_issuer(provider, known);
  slot.reset();
  const std::lock_guard lock(mutex_);
  if (issuers_.size() >= issuers_max) issuers_.clear();
  if (failed_ms_.size() >= issuers_max) failed_ms_.clear();
  if (asked) {
    failed_ms_.erase(source);
    issuers_[source] = *asked;
  } else {
    failed_ms_[source] = now_ms;
  }
  return asked;
}

/// For one more login of that tenant. Whoever floods one organisation pushes out those of that one alone, and locks
/// nobody out for as long as theirs wait.
void ExternalLogins::make_room(std::int64_t tenant) {
  std::erase_if(waiting_, [&](const auto& one) { return one.second.until_ms <= environment_.boot_ms(); });
  const auto of_tenant = [&](const auto& one) { return one.second.tenant == tenant; };
  const bool tenant_is_full = std::ranges::count_if(waiting_, of_tenant) >= std::ptrdiff_t{waiting_of_tenant_max};
  if (!tenant_is_full && waiting_.size() < waiting_max) return;
  auto oldest = waiting_.end();
  for (auto one = waiting_.begin(); one != waiting_.end(); ++one)
    if ((!tenant_is_full || of_tenant(*one)) &&
        (oldest == waiting_.end() || one->second.until_ms < oldest->second.until_ms))
      oldest = one;
  waiting_.erase(oldest);
}

Result<ExternalLogins::Begun> ExternalLogins::begin(const std::string& domain, const std::string& public_url,
                                                    const std::string& peer) {
  {
    const std::lock_guard lock(mutex_);
    if (!is_loopback(peer) && !begun_.allow(counted_address(peer), begun_per_address_max, environment_.boot_ms()))
      return fail(ErrorCode::rate_limited, "Too many logins were begun.", "Wait a minute.");
  }
  TERN_TRY(const Provider provider, provider_of(domain));
  if (!public_url.starts_with("https://") && !public_url.starts_with("http://"))
    return fail(ErrorCode::invalid, "This server does not know where it is reached.", "ternd serve --public-url");
  TERN_TRY(const Issuer issuer, issuer_of(provider, false));
  std::string state = random_text(), proof = random_text();
  Waiting waiting{provider.tenant->number(),
                  domain,
                  joined_path(public_url, "/sign-in"),
                  random_text(),
                  random_text(),
                  state_hash(proof),
                  environment_.boot_ms() + waiting_ms};
  const Hash challenge = protocol::sha256(waiting.verifier);
  std::string url = issuer.authorisation + (issuer.authorisation.find('?') == std::string::npos ? "?" : "&");
  for (const auto& [name, value] :
       std::initializer_list<std::pair<const char*, std::string>>{{"response_type", "code"},
                                                                  {"scope", "openid email"},
                                                                  {"client_id", provider.settings.client_id},
                                                                  {"redirect_uri", waiting.redirect},
                                                                  {"state", state},
                                                                  {"nonce", waiting.nonce},
                                                                  {"code_challenge", to_base64url(challenge.view())},
                                                                  {"code_challenge_method", "S256"}})
    url += std::string(url.ends_with('?') || url.ends_with('&') ? "" : "&") + name + "=" + percent_encoded(value);
  const std::lock_guard lock(mutex_);
  make_room(provider.tenant->number());
  waiting_[state_hash(state)] = std::move(waiting);
  return Begun{std::move(url), std::move(proof)};
}

Result<std::string> ExternalLogins::token_for(const Provider& provider, const Issuer& issuer, const Waiting& waiting,
                                              const std::string& code) {
  TERN_TRY(auto secret, directory_.channel_secret(provider.tenant->number(), provider.settings.id));
  WebAsk ask_for{"POST", issuer.token, {{"Content-Type", "application/x-www-form-urlencoded"}}, {}};
  ask_for.body = "grant_type=authorization_code&code=" + percent_encoded(code) +
                 "&redirect_uri=" + percent_encoded(waiting.redirect) + "&code_verifier=" + waiting.verifier;
  const std::string client = percent_encoded(provider.settings.client_id);
  const bool in_head = secret && !issuer.secret_in_body;
  if (in_head)
    ask_for.headers.emplace_back("Authorization", "Basic " + to_base64(client + ":" + percent_encoded(*secret)));
  else
    ask_for.body += "&client_id=" + client + (secret ? "&client_secret=" + percent_encoded(*secret) : "");
  if (secret) protocol::wipe(*secret);
  auto answer = ask_for_token(provider, ask_for);
  protocol::wipe(ask_for.body);
  if (in_head) protocol::wipe(ask_for.headers.back().second);
  if (!answer) return tl::unexpected(std::move(answer).error());
  const auto said = parse_json(answer->body, {.decimals = true});
  if (answer->status != 200 || !said || !(*said)["id_token"].is_string()) return no_answer();
  return (*said)["id_token"].as_string();
}

Result<Person> ExternalLogins::person_by(const Provider& provider, const std::string& token, std::string_view nonce) {
  const IdTokenRules rules{provider.settings.issuer, provider.settings.client_id, nonce, environment_.wall_ms()};
  TERN_TRY(Issuer issuer, issuer_of(provider, false));
  auto read = read_id_token(token, issuer.keys, rules);
  if (!read && read.error().code == ErrorCode::key_unknown) {  // it may have other ones by now
    TERN_TRY(issuer, issuer_of(provider, true));
    read = read_id_token(token, issuer.keys, rules);
  }
  if (!read) {
    if (read.error().code == ErrorCode::key_unknown) read.error().code = ErrorCode::login_refused;
    return tl::unexpected(std::move(read).error());
  }
  if (!read->email_verified || read->email.empty()) return nobody_here();
  // Operators' addresses are ASCII: a letter that only folds into one is somebody else's.
  if (std::ranges::any_of(read->email, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
    return nobody_here();
  const std::string email = protocol::fold_case(read->email);
  OperatorId who;
  provider.tenant->each_record(sync::RecordKind::operator_, [&](const sync::Record& record) {
    const auto known = record.attributes.find("email");
    if (!record.deleted && known != record.attributes.end() && known->second == email)
      who = OperatorId::or_zero(record.id.view());
  });
  const auto actor = provider.tenant->find_actor(who);
  // The issuer of one organisation has no say about who administers all of them.
  if (!actor || !actor->active || actor->role == sync::Role::head_admin) return nobody_here();
  TERN_TRY(const bool second, factors_.is_on(*provider.tenant, who));
  if (second) return nobody_here();
  return Person{provider.tenant, who};
}

Result<Person> ExternalLogins::finish(const std::string& state, const std::string& code, const std::string& proof) {
  std::optional<Waiting> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = waiting_.find(state_hash(state)); found != waiting_.end()) {
      waiting = std::move(found->second);
      waiting_.erase(found);
    }
  }
  if (!waiting || waiting->until_ms <= environment_.boot_ms() || code.size() > oidc_text_bytes_max ||
      !protocol::equal_secret(waiting->proof.view(), state_hash(proof).view()))
    return fail(ErrorCode::login_refused, "This login was not begun here, or is over.", "Begin again.", "state");
  TERN_TRY(const Provider provider, provider_of(waiting->domain));
  TERN_TRY(const Issuer issuer, issuer_of(provider, false));
  TERN_TRY(std::string token, token_for(provider, issuer, *waiting, code));
  auto person = person_by(provider, token, waiting->nonce);
  protocol::wipe(token);
  return person;
}

Result<Person> ExternalLogins::person_of(const std::string& domain, const std::string& token) {
  const auto refuse = [](Error error) -> tl::unexpected<Error> {
    if (error.code == ErrorCode::login_refused) error.code = ErrorCode::session_unknown;
    return tl::unexpected(std::move(error));
  };
  const auto provider = provider_of(domain);
  if (!provider) return fail(ErrorCode::session_unknown, "Nobody is known by this credential.", "", "auth_token");
  auto person = person_by(*provider, token, {});
  if (!person) return refuse(std::move(person).error());
  return person;
}

}  // namespace tern::server
